package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is the version of a release build, which sets it with
// -ldflags "-X github.com/imgmill/imgmill/internal/cli.release=v1.2.3". Everything else is in the build information that
// Go stores in each binary.
var release string

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    `Print the version, the commit it was built from, the version of Go, and the platform.`,
		Example: `  imgmill version`,
		Args:    noArgs,
		RunE:    runVersion,
	}
}

func runVersion(c *cobra.Command, _ []string) error {
	_, err := fmt.Fprintln(c.OutOrStdout(), versionLine())
	return err
}

// version returns the version of a release, of an installed module, or of a working copy.
func version() string {
	if release != "" {
		return release
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(unknown)"
}

// versionLine returns the output of imgmill version: the version, the commit if it is known, Go's
// version, the platform.
func versionLine() string {
	parts := []string{"imgmill", version()}
	if c := commit(); c != "" {
		parts = append(parts, "commit "+c)
	}
	return strings.Join(append(parts, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH), " ")
}

// commit returns the commit of a build from a working copy, with a plus sign if files had been
// changed; an installed module has none.
func commit() string {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, changed := "", ""
	for _, s := range b.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + changed
}
