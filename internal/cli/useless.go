package cli

import "github.com/spf13/cobra"

// effect says when a flag has one.
type effect struct {
	flag string
	has  bool
	why  string // it has none otherwise, such as "without --poll"
}

// refuseUseless refuses flags of the command line that would change nothing: whoever gives one expects
// something.
func refuseUseless(c *cobra.Command, effects ...effect) error {
	for _, e := range effects {
		if c.Flags().Changed(e.flag) && !e.has {
			return wrongUse("--%s has no effect %s; leave it out", e.flag, e.why)
		}
	}
	return nil
}
