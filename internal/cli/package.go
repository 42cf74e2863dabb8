package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/pack"
)

// packageFlags are the flags of package.
type packageFlags struct {
	output, config, binary, arch string
	json                         bool
}

func packageCommand() *cobra.Command {
	var f packageFlags
	c := &cobra.Command{
		Use:   "package [-o deploy.zip]",
		Short: "Build the zip that Lambda runs",
		Long: `Build the zip that Lambda runs: the function for the runtime provided.al2023, and the recipe.

The program of a release holds the function, for Linux on both processors. Others build it with Go, on any system: from
the source tree if the command runs in one, and otherwise from the version of the module that this program was
installed from. The same source, recipe and version of Go result in the same bytes.`,
		Example: `  imgmill package
  imgmill package --arch amd64 -o build/function.zip --config imgmill.yaml
  imgmill package --binary bootstrap --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "deploy.zip", "file to write")
	flags.StringVar(&f.arch, "arch", pack.ARM64,
		"processor of the function: arm64 or amd64 (x86_64)")
	flags.StringVar(&f.config, "config", "",
		"recipe to include (default: imgmill.yaml in this folder, else the default recipe)")
	flags.StringVar(&f.binary, "binary", "",
		"function binary that was built elsewhere (default: the function of this version)")
	flags.BoolVar(&f.json, "json", false, "write one line of JSON to standard output")
	return c
}

// packed is the line of --json.
type packed struct {
	File   string `json:"file"`
	Arch   string `json:"arch"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	Recipe string `json:"recipe"` // empty for the default recipe
}

func (f *packageFlags) run(c *cobra.Command) error {
	arch, err := architecture(f.arch)
	if err != nil {
		return err
	}
	o := pack.Options{Arch: arch}
	if o.Recipe, o.RecipeName, err = readRecipe(f.config); err != nil {
		return err
	}
	if f.binary != "" {
		if o.Binary, err = readBinary(f.binary); err != nil {
			return err
		}
	}
	zip, err := pack.Build(c.Context(), o)
	if errors.Is(err, pack.ErrBinary) && f.binary != "" {
		return fmt.Errorf("%s: %w", f.binary, err)
	}
	if err != nil {
		return err
	}
	if err := maybe.WriteFile(f.output, zip, 0o666); err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	sum := sha256.Sum256(zip)
	p := packed{f.output, arch, len(zip), hex.EncodeToString(sum[:]), o.RecipeName}
	if f.json {
		return newJSON(c.OutOrStdout()).Encode(p)
	}
	inside := p.Recipe
	if inside == "" {
		inside = "the default recipe"
	}
	return note(c.ErrOrStderr(), "%s: %s for %s, with %s\nsha256 %s", p.File, bytesText(int64(p.Bytes)), p.Arch, inside, p.SHA256)
}

// readBinary reads a function that was built elsewhere.
func readBinary(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the function's binary: %w", err)
	}
	return data, nil
}

// architecture returns Go's name of a processor. It accepts AWS's name, too.
func architecture(name string) (string, error) {
	switch name {
	case pack.ARM64, pack.AMD64:
		return name, nil
	case "x86_64":
		return pack.AMD64, nil
	}
	return "", wrongUse("--arch %q is not valid; use arm64 or amd64", name)
}

// readRecipe returns the text of the recipe that loadRecipe would read, and the name of its file.
// Both are empty for the default recipe.
func readRecipe(name string) ([]byte, string, error) {
	named := name != ""
	if !named {
		name = recipeName
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", unreadRecipe(name, err)
	}
	return data, name, nil
}
