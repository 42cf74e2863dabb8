package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// recipeName is the recipe that is read when none is named, if it is there.
const recipeName = "imgmill.yaml"

// loadRecipe reads the named recipe; with no name imgmill.yaml in the working directory, or else the default.
func loadRecipe(name string) (*recipe.Recipe, error) {
	named := name != ""
	if !named {
		name = recipeName
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return recipe.Default(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the recipe: %w", err)
	}
	return recipe.Parse(name, data)
}

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check a recipe, or print one to start from",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "example",
		Short: "Print a recipe with every setting and its meaning",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(recipe.Example())
			return err
		},
	}, &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say whether a recipe is right, and all that is wrong in it",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return wrongUse("%s takes one recipe, got %d", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			name := recipeName
			if len(args) > 0 {
				name = args[0]
			}
			r, err := loadRecipe(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "%s is right: %s to %s, %s.\n", name,
				r.Source.Bucket, r.Target.Bucket, count(len(r.Variants), "variant"))
			return nil
		},
	})
	return c
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
