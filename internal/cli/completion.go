package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// shells are the shells that cobra writes completion scripts for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "Print a completion script for your shell",
		Long: `Print a script that makes the Tab key complete the commands, flags and values
of imgmill in your shell. Load it in the shell's startup file:

  bash        source <(imgmill completion bash)
              needs the package bash-completion
  zsh         source <(imgmill completion zsh)
              after: autoload -U compinit; compinit
  fish        imgmill completion fish | source
  powershell  imgmill completion powershell | Out-String | Invoke-Expression`,
		Example: `  imgmill completion fish >~/.config/fish/completions/imgmill.fish
  source <(imgmill completion bash)`,
		ValidArgs: shells,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return wrongUse("name one shell: %s", setting.OneOf(shells))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			root, w := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return wrongUse("no completion for %q: name %s", args[0], setting.OneOf(shells))
		},
	}
}

// completeValues makes shells offer the values of an enumerated flag. It panics if the command has
// no such flag.
func completeValues(c *cobra.Command, flag string, values ...string) {
	completeFlag(c, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func completeFlag(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(fmt.Sprintf("%s: %v", c.CommandPath(), err))
	}
}

// addCompletions gives root and all commands below it the completions that follow from names and
// types. A command's own completions take precedence.
func addCompletions(root *cobra.Command) {
	for _, c := range root.Commands() {
		addCompletions(c)
	}
	if c := root; !strings.Contains(c.Use, "FILE") && c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	root.Flags().VisitAll(func(f *pflag.Flag) {
		if _, own := root.GetFlagCompletionFunc(f.Name); own {
			return
		}
		switch f.Name {
		case "config":
			extensions := []string{"yaml", "yml"}
			completeFlag(root, f.Name, cobra.FixedCompletions(extensions, cobra.ShellCompDirectiveFilterFileExt))
			return
		case "dir":
			completeFlag(root, f.Name, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
			return
		case "arch":
			completeValues(root, f.Name, pack.ARM64, pack.AMD64)
			return
		}
		for _, p := range deployment.Flags {
			if p.Flag == f.Name {
				completeFlag(root, f.Name, parameterValues(p.Parameter))
				return
			}
		}
		switch f.Value.Type() {
		case "int", "float64", "duration":
			completeFlag(root, f.Name, cobra.NoFileCompletions)
		}
	})
}

// parameterValues offers the values that the CloudFormation template allows for a parameter.
func parameterValues(name string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		known, err := deployment.Parameters()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return known[name].AllowedValues, cobra.ShellCompDirectiveNoFileComp
	}
}
