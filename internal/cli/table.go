package cli

import (
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// row is a finished variant, or a picture without variants.
type row struct {
	name      string // name of the picture
	variant   string // name of the variant
	size      string // such as 800×600
	before    int64  // bytes of the picture
	after     int    // bytes of the variant
	ms        float64
	reason    string // why there are no variants
	dropped   string // metadata that was to be kept, in the first row of a picture
	succeeded bool
}

// resultRows returns the rows for the result of one picture.
func resultRows(name string, r mill.Result) []row {
	ms := float64(r.Elapsed.Microseconds()) / 1000
	if r.Verdict != outcome.Done {
		return []row{{name: name, before: r.Source.Bytes, ms: ms, reason: string(r.Verdict) + ": " + r.Reason}}
	}
	var rows []row
	for _, v := range r.Variants {
		rows = append(rows, row{
			name: name, variant: v.Name, size: fmt.Sprintf("%d×%d", v.Width, v.Height),
			before: r.Source.Bytes, after: v.Bytes, ms: ms, succeeded: true,
		})
	}
	if len(rows) > 0 {
		rows[0].dropped = strings.Join(r.Dropped, "; ")
	}
	return rows
}

// printTable prints the rows as a table, and below it the reasons of those that failed, which are
// whole sentences, and what metadata others lack.
func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "picture\tvariant\tpixels\tbefore\tafter\tms\t")
	var reasons strings.Builder
	for _, r := range rows {
		if !r.succeeded {
			fmt.Fprintf(t, "%s\t-\t-\t%s\t-\t%.0f\t\n", shorten(shown(r.name)), bytesText(r.before), r.ms)
			fmt.Fprintf(&reasons, "%s: %s\n", shown(r.name), shown(r.reason))
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.0f\t\n",
			shorten(shown(r.name)), shown(r.variant), r.size, bytesText(r.before), bytesText(int64(r.after)), r.ms)
		if r.dropped != "" {
			fmt.Fprintf(&reasons, "%s: without %s\n", shown(r.name), shown(r.dropped))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, reasons.String())
	return err
}

// shorten cuts a name so that the table fits a small terminal. It keeps the end, which usually
// differs more than the start.
func shorten(name string) string {
	const most = 28
	r := []rune(path.Base(name))
	if len(r) <= most {
		return string(r)
	}
	return "…" + string(r[len(r)-most+1:])
}

// bytesText returns a size in decimal units.
func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
