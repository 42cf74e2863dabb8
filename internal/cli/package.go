package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/pack"
)

// packageFlags are the command line of package.
type packageFlags struct {
	output, config, binary, arch string
	json                         bool
}

func packageCommand() *cobra.Command {
	var f packageFlags
	c := &cobra.Command{
		Use:   "package [-o deploy.zip]",
		Short: "Make the zip that Lambda runs",
		Long: `Make the zip that Lambda runs: the function for the runtime provided.al2023, with the recipe inside.

The function is built by Go for Linux, on whatever system this is: from the source tree that this is run in, or else from
the version of the module that this program was installed from. Equal source, recipe and Go give equal bytes.`,
		Example: `  imgmill package
  imgmill package --arch amd64 -o build/function.zip --config imgmill.yaml
  imgmill package --binary bootstrap --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "deploy.zip", "file to write")
	flags.StringVar(&f.arch, "arch", pack.ARM64, "processor of the function: arm64 or amd64 (x86_64)")
	flags.StringVar(&f.config, "config", "", "recipe to put inside (default imgmill.yaml if it is there, else the default recipe)")
	flags.StringVar(&f.binary, "binary", "", "take this function, which is built already")
	flags.BoolVar(&f.json, "json", false, "one line of JSON on standard output")
	return c
}

// packed is the line of --json.
type packed struct {
	File   string `json:"file"`
	Arch   string `json:"arch"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	Recipe string `json:"recipe"` // empty: the default
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
		if o.Binary, err = os.ReadFile(f.binary); err != nil {
			return fmt.Errorf("read the function: %w", err)
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
		return json.NewEncoder(c.OutOrStdout()).Encode(p)
	}
	inside := p.Recipe
	if inside == "" {
		inside = "the default recipe"
	}
	_, err = fmt.Fprintf(c.ErrOrStderr(), "%s: %s for %s, with %s\nsha256 %s\n", p.File, bytesText(int64(p.Bytes)), p.Arch, inside, p.SHA256)
	return err
}

// architecture is pack's name of a processor, for which AWS has another.
func architecture(name string) (string, error) {
	switch name {
	case pack.ARM64, pack.AMD64:
		return name, nil
	case "x86_64":
		return pack.AMD64, nil
	}
	return "", wrongUse("--arch %q: a function has arm64 or amd64", name)
}

// readRecipe gives the text of the recipe that loadRecipe would read, and the name of its file; neither if it is the
// default.
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
		return nil, "", fmt.Errorf("read the recipe: %w", err)
	}
	return data, name, nil
}
