package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// recipeName is the recipe that commands read if none is named.
const recipeName = "imgmill.yaml"

// loadRecipe reads the named recipe. If name is empty it reads imgmill.yaml from the working
// directory or, if there is none, returns the default recipe. The recipe may be Nameless.
func loadRecipe(name string) (*recipe.Recipe, error) {
	named := name != ""
	if !named {
		name = recipeName
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return recipe.Default(formats.All()), nil
	}
	if err != nil {
		return nil, unreadRecipe(name, err)
	}
	return recipe.ParseAnywhere(formats.All(), name, data)
}

// unreadRecipe says why a recipe cannot be read, and what to do if it is not there.
func unreadRecipe(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no recipe %s; name another file, or write one: 'imgmill config example' prints one", shown(name))
	}
	return fmt.Errorf("read the recipe: %w", err)
}

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check a recipe, or print one to start from",
		Long: `A recipe is a YAML file that names the source bucket, the target bucket, and the
variants to make of each picture. Commands read imgmill.yaml from the current
folder unless --config names another file; config check takes it without a flag.`,
		Example: `  imgmill config example >imgmill.yaml
  imgmill config check`,
		Args: noSuchCommand,
		RunE: showHelp,
	}
	c.AddCommand(&cobra.Command{
		Use:     "example",
		Short:   "Print a recipe that explains every setting",
		Example: `  imgmill config example >imgmill.yaml`,
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(recipe.Example(formats.All()))
			return err
		},
	}, schemaCommand(), importCommand(), &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a recipe and list every mistake with its line",
		Long: `Check a recipe and list every mistake with its line. The FILE - is standard
input.`,
		Example: `  imgmill config check
  imgmill config check staging.yaml
  imgmill config example | imgmill config check -`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return wrongUse("%s takes one recipe, got %d", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return checkRecipe(c.InOrStdin(), c.ErrOrStderr(), args) },
	})
	return c
}

func schemaCommand() *cobra.Command {
	var manifests bool
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of recipes, or of manifests",
		Long: `Print the JSON Schema of recipes, by which editors complete settings, explain
them and mark mistakes. Editors with the YAML language server read it if the
recipe begins with:

  # yaml-language-server: $schema=imgmill.schema.json`,
		Example: `  imgmill config schema >imgmill.schema.json
  imgmill config schema --manifest >manifest.schema.json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := manifest.Schema, error(nil)
			if !manifests {
				text, err = recipe.Schema(formats.All())
			}
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	c.Flags().BoolVar(&manifests, "manifest", false, "of {key}.imgmill.json in the target bucket")
	return c
}

// checkRecipe reads the named recipe, or imgmill.yaml, and reports that it is valid.
func checkRecipe(stdin io.Reader, w io.Writer, args []string) error {
	name := recipeName
	if len(args) > 0 {
		name = args[0]
	}
	var r *recipe.Recipe
	var err error
	if name == "-" {
		name = "standard input"
		var data []byte
		if data, err = io.ReadAll(stdin); err == nil {
			r, err = recipe.ParseAnywhere(formats.All(), name, data)
		}
	} else {
		r, err = loadRecipe(name)
	}
	if err != nil {
		return err
	}
	buckets := fmt.Sprintf("from %s to %s", shown(r.Source.Bucket), shown(r.Target.Bucket))
	if r.Nameless {
		buckets = "for resize, dev and deploy; other commands need source.bucket and target.bucket, too"
	}
	return note(w, "%s is valid: %s %s.", shown(name), count(len(r.Variants), "variant"), buckets)
}

// count returns a number with its noun, which it puts into the plural by adding an s.
func count[N int | float64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%v %ss", n, noun)
}
