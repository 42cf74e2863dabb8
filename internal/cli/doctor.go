package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// doctorFlags are the command line of doctor.
type doctorFlags struct {
	region string
	json   bool
}

func doctorCommand() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor NAME",
		Short: "Look for what is wrong with a deployment, and say what to do",
		Long: `Look at a deployment, one line for each check: credentials, stack, notifications, permissions, function, code, role, keys,
public access, failures, log. A line says ok, warn or fault, and after an arrow what to do; ? says that you may not see it,
and which permission would let you. It changes nothing. The exit code is 1 if there is a fault.`,
		Example: `  imgmill doctor photos`,
		Args:    oneName,
		RunE:    func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	c.Flags().BoolVar(&f.json, "json", false, "one JSON object a line")
	c.Flags().StringVar(&f.region, "region", "", "AWS region (default: as the AWS command line finds it)")
	return c
}

func (f *doctorFlags) run(c *cobra.Command, name string) error {
	names, err := stack.NamesFor(name)
	if err != nil {
		return usageError{err}
	}
	cloud, err := stack.Open(c.Context(), f.region)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	colour := isTerminal(out) && os.Getenv("NO_COLOR") == ""
	counts := map[stack.State]int{}
	var written error
	err = cloud.Examine(c.Context(), names, func(d stack.Diagnosis) {
		counts[d.State]++
		if written != nil {
			return
		}
		if f.json {
			written = json.NewEncoder(out).Encode(d)
			return
		}
		_, written = fmt.Fprintln(out, diagnosisText(d, colour))
	})
	switch {
	case err != nil:
		return err
	case written != nil:
		return written
	case counts[stack.Fault] > 0:
		fmt.Fprintf(c.ErrOrStderr(), "%s, %s.\n", count(counts[stack.Fault], "fault"), count(counts[stack.Warn], "warning"))
		return errReported
	}
	return nil
}

func diagnosisText(d stack.Diagnosis, colour bool) string {
	marks := map[stack.State]struct{ mark, colour string }{
		stack.OK: {"ok", green}, stack.Warn: {"warn", yellow}, stack.Fault: {"fault", red}, stack.Unseen: {"?", faint},
	}
	mark := fmt.Sprintf("%-5s", marks[d.State].mark)
	if colour {
		mark = "\x1b[" + marks[d.State].colour + "m" + mark + "\x1b[0m"
	}
	text := fmt.Sprintf("%s  %-13s  %s", mark, d.Check, visible(d.Text))
	if d.Do != "" {
		text += " -> " + visible(d.Do)
	}
	return text
}
