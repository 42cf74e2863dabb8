package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe/migrate"
)

func importCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Print a recipe that does what another program's settings do",
		Long: `Print a recipe that does what the settings of another program do: config.json of
aws-lambda-image, or the .env file of the Firebase extension Resize Images, as
firebase ext:export writes it. The recipe's first lines say what could not be
carried over. The FILE - is standard input.`,
		Example: `  imgmill config import config.json >imgmill.yaml
  imgmill config import extensions/storage-resize-images.env >imgmill.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return wrongUse("%s takes one file of settings, got %d", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return importSettings(c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr(), args[0])
		},
	}
}

// importSettings writes the recipe of a file of settings to w, and to notes what became of it.
func importSettings(stdin io.Reader, w, notes io.Writer, name string) error {
	var data []byte
	var err error
	if name == "-" {
		name = "standard input"
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	res, err := migrate.Recipe(formats.All(), data)
	if err != nil {
		return fmt.Errorf("%s: %w", shown(name), err)
	}
	if _, err := w.Write(res.Recipe); err != nil {
		return err
	}
	rest := "Everything was carried over."
	if n := len(res.Notes); n > 0 {
		rest = "Its first lines say what to look at: " + count(n, "note") + "."
	}
	return note(notes, "%s is of %s. The recipe is valid. %s", shown(name), res.Program, rest)
}
