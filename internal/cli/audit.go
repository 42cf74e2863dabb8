package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/service/sync"
)

// auditLooks is how many uploads without fresh variants are opened, because they may be no pictures.
const auditLooks = 1000

// auditFlags are the flags of audit.
type auditFlags struct {
	placeFlags
	quick, json bool
	sample      int
}

func auditCommand() *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit [NAME]",
		Short: "Check that every upload has every variant, and change nothing",
		Long: `Compare two buckets with the recipe, and change nothing. The exit code is 0 only if every variant of every
upload is there, was made from the present content with the present settings, and nothing is left over.

` + placeHelp + `

The marks of every object are read, which takes a request for each. With --quick the listings have to do: they show
what is missing, and what is older than its upload. With --sample N the marks of N uploads, chosen at random, are
read beside that, and the result says how many may be wrong at most, with a confidence of 95 %. Up to 1,000 uploads
that lack all of their variants are opened, to tell pictures from files of another kind.`,
		Example: `  imgmill audit photos                  # a deployment on AWS
  imgmill audit --quick --prefix 2026/
  imgmill audit --sample 1000 --json
  imgmill audit --endpoint http://127.0.0.1:9000
  imgmill audit --from photos --to web  # folders`,
		Args: atMostOneName,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	f.register(c)
	f.registerPrefix(c)
	flags := c.Flags()
	flags.BoolVar(&f.quick, "quick", false, "compare listings alone: keys, sizes and times")
	flags.IntVar(&f.sample, "sample", 0, "compare listings, and read the marks of `N` uploads")
	flags.BoolVar(&f.json, "json", false,
		"write a line of JSON for each finding, and one for the result, to standard output")
	return c
}

func (f *auditFlags) run(c *cobra.Command, args []string) (err error) {
	if c.Flags().Changed("sample") && (f.quick || f.sample < 1) {
		return wrongUse("--sample %d: use 1 or more, without --quick", f.sample)
	}
	p, err := f.open(c, args)
	if err != nil {
		return err
	}
	known, err := f.openKnown(p, true, warnOn(c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, known.Close()) }()
	out := newJSON(c.OutOrStdout())
	examples := &examples{}
	status := newStatus(c.ErrOrStderr())
	comparison := sync.Comparison{
		Mill: p.mill(c.Context(), false, c.ErrOrStderr()), Prefix: f.prefix, Quick: f.quick, Sample: f.sample,
		Looks: auditLooks, Known: known, Orphans: true,
		Progress: func(r sync.Report) { status.show("%s uploads compared", grouped(r.Sources)) },
		Restart:  examples.reset,
		Each: func(finding sync.Finding) error {
			if f.json {
				return out.Encode(finding)
			}
			examples.add(finding)
			return nil
		},
	}
	if f.json {
		comparison.Restart = func() error {
			return errors.New("the store lists its keys in no order, for which --json has no answer; leave it out")
		}
	}
	r, err := comparison.Run(c.Context())
	status.clear()
	if err != nil {
		return explainInterrupt(err, "nothing was changed")
	}
	none := f.matchesNone(r)
	if f.json {
		err = out.Encode(auditLine{r, r.Complete() && none == nil, f.quick || f.sample > 0, f.atMost(r)})
	} else if none == nil || !r.Complete() {
		err = printAudit(c.OutOrStdout(), p, r, examples, f)
	}
	if err == nil {
		err = none
	}
	if err == nil && !r.Complete() {
		err = errReported
	}
	return err
}

// matchesNone returns an error if there is no upload for --prefix, which is rather a mistake in typing
// than a complete bucket.
func (f *placeFlags) matchesNone(r sync.Report) error {
	if f.prefix == "" || r.Sources > 0 {
		return nil
	}
	return fmt.Errorf("no upload of which the recipe makes variants has a key that begins with %q", f.prefix)
}

// noUploads says that there is no upload to make variants of, and what else there is.
func noUploads(r sync.Report) string {
	text := "there is no upload of which the recipe makes variants"
	if r.Ignored > 0 {
		text += fmt.Sprintf(", but %s that its source.prefix, source.suffixes or rules leave out", groupedCount(r.Ignored, "other object"))
	}
	return text
}

// auditLine is the last line of --json.
type auditLine struct {
	sync.Report
	Complete bool `json:"complete"`
	Quick    bool `json:"quick,omitempty"` // listings alone, but for the sample
	// AtMost is the share of uploads that may be wrong at most, with a confidence of 95 %.
	AtMost *float64 `json:"faults_at_most,omitempty"`
}

func (f *auditFlags) atMost(r sync.Report) *float64 {
	if f.sample == 0 {
		return nil
	}
	share := r.AtMost()
	return &share
}

// printAudit writes the result for a person.
func printAudit(w io.Writer, p *place, r sync.Report, e *examples, f *auditFlags) error {
	note(w, "%s: %s, %s wanted\n", p, groupedCount(r.Sources, "upload"), groupedCount(r.Wanted, "object"))
	if err := printCauses(w, r, e); err != nil {
		return err
	}
	columns := columnsOf(w)
	say := func(format string, args ...any) {
		fmt.Fprintf(w, "\n%s\n", wrap(fmt.Sprintf(format, args...), columns))
	}
	if r.Unclaimed > 0 {
		say("Unclaimed: %s beside them may belong to another bucket or an older target.key.", groupedCount(r.Unclaimed, "object"))
	}
	if f.sample > 0 {
		say("Of %s whose marks were read, chosen at random among those that look right in the listings, %d had a "+
			"fault. With a confidence of %.0f %%, at most %.3g %% of all such uploads have one.",
			groupedCount(int64(r.Sampled), "upload"), r.SampleFaults, 100*sync.Confidence, 100*r.AtMost())
	}
	switch {
	case r.Complete() && r.Sources == 0:
		say("Complete: %s.", noUploads(r))
	case r.Complete() && (f.quick || f.sample > 0):
		say("Complete, as far as listings show.")
	case r.Complete():
		say("Complete: every variant of every upload is there and fresh.")
	default:
		say("Not complete.%s", advice(r, nameOf(p)))
	}
	return nil
}

const takenAdvice = "Where an object of somebody else is, move it away, change target.key, or set target.overwrite: any."

// advice says what to do about each cause that there is, in sentences that begin with a space.
func advice(r sync.Report, name string) (text string) {
	for _, c := range []struct {
		there    bool
		sentence string
	}{
		{r.Missing.Objects+r.Stale.Objects+r.Unsure.Objects > 0 || r.SampleFaults > 0,
			"'imgmill sync" + name + "' makes what is missing or stale."},
		{r.Orphaned.Objects > 0, "'imgmill sync" + name + " --delete-orphans' deletes the orphans."},
		{r.Foreign.Objects > 0, takenAdvice},
		{r.Bad.Pictures > 0, "Bad uploads stay bad until they are replaced, or the recipe or its limits change; " +
			"'imgmill sync" + name + " --only bad' tries them again."},
		{r.NoPictures.Pictures > 0, "What is no picture needs another suffix than those of source.suffixes, or a rule without variants."},
	} {
		if c.there {
			text += " " + c.sentence
		}
	}
	return text
}

// nameOf returns what a command needs to find a place again: a space and the name of a deployment, the
// flags of two folders, or nothing.
func nameOf(p *place) string {
	switch {
	case p.folders != nil:
		return " --from " + shown(p.folders.from) + " --to " + shown(p.folders.to)
	case p.deployment != nil:
		return " " + p.deployment.Name
	}
	return ""
}

// printCauses writes a table with a line for each cause that there is, and some examples.
func printCauses(w io.Writer, r sync.Report, e *examples) error {
	row := func(cause, uploads, objects, size string) {
		fmt.Fprintf(w, "%-42s %10s %11s %9s\n", cause, uploads, objects, size)
	}
	if columns := columnsOf(w); columns < 42+10+11+9+3 {
		row = func(cause, uploads, objects, size string) {
			if uploads != "-" {
				uploads = "uploads " + uploads
			}
			stacked(w, columns, cause, strings.Trim(uploads, "-"), "objects "+objects, strings.Trim(size, "-"))
		}
	} else {
		row("", "uploads", "objects", "size")
	}
	for _, c := range []struct {
		name   string
		n      sync.Tally
		always bool
	}{
		{"fresh", sync.Tally{Objects: r.Fresh}, true},
		{"missing", r.Missing, true},
		{"stale: of older content or settings", r.Stale, true},
		{"orphaned: nothing asks for them", r.Orphaned, false},
		{"unsure: their keys depend on the picture", r.Unsure, false},
		{"taken: an object of somebody else is there", r.Foreign, false},
		{"bad: they cannot be made", r.Bad, false},
		{"no picture: files of another kind", r.NoPictures, false},
	} {
		uploads, size := "-", "-"
		if c.n.Pictures > 0 {
			uploads = grouped(c.n.Pictures)
		}
		if c.n.Bytes > 0 {
			size = bytesText(c.n.Bytes)
		}
		if c.always || c.n.Objects > 0 {
			row(c.name, uploads, grouped(c.n.Objects), size)
		}
	}
	return e.print(w)
}

// examples keeps the first findings of each cause, and counts all.
type examples struct {
	lines map[string][]string
	count map[string]int64
}

const examplesShown = 3 // of each cause

func (e *examples) reset() error {
	*e = examples{}
	return nil
}

func (e *examples) add(f sync.Finding) {
	bad := "bad"
	if f.NotPicture {
		bad = "no picture"
	}
	for cause, detail := range map[string][]string{
		"missing": f.Missing, "stale": f.Stale, "unsure": f.Unsure, "taken": f.Foreign, bad: nonEmpty(f.Bad),
	} {
		if len(detail) > 0 {
			e.note(cause, f.Key+": "+strings.Join(detail, ", "))
		}
	}
	if f.Orphan {
		e.note("orphaned", f.Key)
	}
	if f.Unclaimed {
		e.note("unclaimed", f.Key)
	}
}

func (e *examples) note(cause, text string) {
	if e.lines == nil {
		e.lines, e.count = map[string][]string{}, map[string]int64{}
	}
	if e.count[cause]++; e.count[cause] <= examplesShown {
		e.lines[cause] = append(e.lines[cause], text)
	}
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func (e *examples) print(w io.Writer) error {
	var b strings.Builder
	for _, cause := range []string{"missing", "stale", "orphaned", "unsure", "taken", "bad", "no picture", "unclaimed"} {
		for i, text := range e.lines[cause] {
			if i == 0 {
				fmt.Fprintf(&b, "\n%s\n", cause)
			}
			fmt.Fprintln(&b, beside(w, "  ", oneLine(text)))
		}
		if more := e.count[cause] - examplesShown; more > 0 {
			fmt.Fprintf(&b, "  ... and %s more\n", grouped(more))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// explainInterrupt says what an interrupt leaves behind.
func explainInterrupt(err error, left string) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; " + left)
	}
	return err
}
