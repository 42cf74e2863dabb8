package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/doctor"
)

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	region string
	json   bool
}

func doctorCommand() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor NAME",
		Short: "Find out what is wrong with a deployment, and what to do",
		Long: `Examine a deployment: your credentials, the stack, the bucket's notifications, the function and its code, its
memory, its role, encryption, loops, objects of others among the variants, public access, failed events, the log and
the alarms. Each check prints a line that starts with ok, warn or fault, and an arrow points to what helps. A ? marks
what you may not read, with the permission that you need. The command changes nothing. It exits with 1 if there is a
fault.`,
		Example: `  imgmill doctor photos`,
		Args:    oneName,
		RunE:    func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	c.Flags().BoolVar(&f.json, "json", false, jsonUsage)
	c.Flags().StringVar(&f.region, "region", "", regionUsage)
	return c
}

func (f *doctorFlags) run(c *cobra.Command, name string) error {
	names, err := deployment.NamesFor(name)
	if err != nil {
		return usageError{err}
	}
	cloud, err := client.Open(c.Context(), f.region)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	counts := map[doctor.State]int{}
	var writeErr error
	err = doctor.Examine(c.Context(), cloud, names, func(d doctor.Diagnosis) {
		counts[d.State]++
		if writeErr != nil {
			return
		}
		if f.json {
			writeErr = newJSON(out).Encode(d)
			return
		}
		_, writeErr = fmt.Fprintln(out, diagnosisText(out, d))
	})
	switch {
	case err != nil:
		return err
	case writeErr != nil:
		return writeErr
	case counts[doctor.Fault] > 0:
		note(c.ErrOrStderr(), "%s, %s.", count(counts[doctor.Fault], "fault"),
			count(counts[doctor.Warn], "warning"))
		return errReported
	}
	return nil
}

// diagnosisText returns the line of a check. On a terminal, its text is wrapped and its mark has a colour.
func diagnosisText(out io.Writer, d doctor.Diagnosis) string {
	marks := map[doctor.State]struct{ mark, colour string }{
		doctor.OK: {"ok", green}, doctor.Warn: {"warn", yellow}, doctor.Fault: {"fault", red},
		doctor.Unseen: {"?", faint},
	}
	mark, check, text := fmt.Sprintf("%-5s", marks[d.State].mark), fmt.Sprintf("  %-13s  ", d.Check), oneLine(d.Text)
	if d.Advice != "" {
		text += " -> " + oneLine(d.Advice)
	}
	text = strings.TrimPrefix(beside(out, mark+check, text), mark)
	if isTerminal(out) && os.Getenv("NO_COLOR") == "" {
		mark = "\x1b[" + marks[d.State].colour + "m" + mark + "\x1b[0m"
	}
	return mark + text
}
