package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// row is a finished variant, or a picture of which one or all are missing.
type row struct {
	name      string // name of the picture
	variant   string // name of the variant
	size      string // such as 800×600
	before    int64  // bytes of the picture
	after     int    // bytes of the variant
	ms        float64
	reason    string // why variants are missing
	dropped   string // metadata that was to be kept, in the first row of a picture
	succeeded bool
}

// resultRows returns the rows for the result of one picture. There is none if it was fresh.
func resultRows(name string, r mill.Result) []row {
	ms := float64(r.Elapsed.Microseconds()) / 1000
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
	if r.Verdict != outcome.Done {
		rows = append(rows, row{name: name, before: r.Source.Bytes, ms: ms, reason: string(r.Verdict) + ": " + r.Reason})
	}
	return rows
}

// stacked writes what is a row of a table on a wider terminal: its first column, then the others with their units, indented, but for
// those that are empty.
func stacked(w io.Writer, columns int, title string, details ...string) {
	for line := range strings.SplitSeq(wrap(title, columns), "\n") {
		fmt.Fprintln(w, shorten(line, columns))
	}
	details = slices.DeleteFunc(details, func(s string) bool { return s == "" })
	for line := range strings.Lines(wrap(strings.Join(details, ", "), columns-2)) {
		fmt.Fprint(w, "  ", line)
	}
	fmt.Fprintln(w)
}

// table prints rows in columns of fixed widths, so that each row can be printed as soon as it is known. It
// fits a terminal of 80 columns; on a narrower one, the rows are stacked.
type table struct {
	w             io.Writer
	name, variant int // widths of the columns with names
	begun         bool
}

func newTable(w io.Writer, r *recipe.Recipe) *table {
	t := &table{w: w, variant: len("variant")}
	for _, v := range r.Variants {
		t.variant = min(max(t.variant, runes.StringWidth(shown(v.Name))), 16)
	}
	t.name = min(28, 79-t.variant-numbersWidth)
	return t
}

// numbersWidth is that of the columns with numbers, and of the gaps: see table.line.
const numbersWidth = 11 + 8 + 8 + 5 + 5*2

// print adds rows. Below those of a picture are the reason why variants are missing, which is a whole
// sentence, and what metadata the others lack.
func (t *table) print(rows []row) error {
	var b strings.Builder
	columns := columnsOf(t.w)
	narrow := columns < t.name+t.variant+numbersWidth
	if !t.begun && len(rows) > 0 && !narrow {
		t.begun = true
		t.line(&b, "picture", "variant", "pixels", "before", "after", "ms")
	}
	var notes strings.Builder
	for i, r := range rows {
		if i > 0 && r.name != rows[i-1].name {
			b.WriteString(prose(t.w, notes.String()))
			notes.Reset()
		}
		name, ms := shorten(shown(r.name), t.name), fmt.Sprintf("%.0f", r.ms)
		if !r.succeeded {
			if narrow {
				stacked(&b, columns, shown(r.name), bytesText(r.before), ms+" ms", shown(r.reason))
				continue
			}
			t.line(&b, name, "-", "-", bytesText(r.before), "-", ms)
			fmt.Fprintf(&notes, "%s: %s\n", shown(r.name), shown(r.reason))
			continue
		}
		if narrow {
			stacked(&b, columns, shown(r.name), shown(r.variant)+" "+r.size, bytesText(r.before)+" -> "+bytesText(int64(r.after)), ms+" ms")
		} else {
			t.line(&b, name, shorten(shown(r.variant), t.variant), r.size, bytesText(r.before), bytesText(int64(r.after)), ms)
		}
		if r.dropped != "" {
			fmt.Fprintf(&notes, "%s: without %s\n", shown(r.name), shown(r.dropped))
		}
	}
	b.WriteString(prose(t.w, notes.String()))
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *table) line(b *strings.Builder, name, variant, size, before, after, ms string) {
	fmt.Fprintf(b, "%s  %s  %s  %8s  %8s  %5s\n",
		runes.FillRight(name, t.name), runes.FillRight(variant, t.variant), runes.FillLeft(size, 11), before, after, ms)
}

// runes measures text as terminals show it, where those of East Asian writing are two columns wide.
var runes = &runewidth.Condition{StrictEmojiNeutral: true}

// shorten cuts a name to a number of columns. It keeps the end, which usually differs more than the start.
func shorten(name string, columns int) string {
	if runes.StringWidth(name) <= columns {
		return name
	}
	kept := []rune(name)
	for runes.StringWidth(string(kept)) >= columns { // "…" takes a column
		kept = kept[1:]
	}
	return "…" + string(kept)
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

// summary counts the results of a run.
type summary struct {
	counts        map[string]int // by the words in String
	before, after int64          // bytes of the pictures of which all variants were made, and of these
}

// Words for what has become of a picture, beside the verdicts.
const (
	freshWord       = "fresh"
	failedWord      = "failed"       // nobody tries again by itself
	notFinishedWord = "not finished" // because of Ctrl-C
)

func (s *summary) add(r mill.Result) {
	word := string(r.Verdict)
	switch {
	case r.Verdict == outcome.Done && len(r.Variants) == 0:
		word = freshWord
	case r.Verdict == outcome.Done:
		s.before += r.Source.Bytes
		for _, v := range r.Variants {
			s.after += int64(v.Bytes)
		}
	case r.Reason == interrupted:
		word = notFinishedWord
	case r.Verdict == outcome.Retry:
		word = failedWord
	}
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[word]++
}

func (s *summary) done() int { return s.counts[string(outcome.Done)] }

func (s *summary) total() (n int) {
	for _, of := range s.counts {
		n += of
	}
	return n
}

// String is a line such as "41 pictures: 40 done, 1 bad, 113.0 MB -> 7.3 MB".
func (s *summary) String() string {
	text := fmt.Sprintf("%s: %s done", groupedCount(int64(s.total()), "picture"), grouped(int64(s.done())))
	for _, word := range []string{freshWord, string(outcome.Bad), string(outcome.Skipped), failedWord, notFinishedWord} {
		if n := s.counts[word]; n > 0 {
			text += fmt.Sprintf(", %s %s", grouped(int64(n)), word)
		}
	}
	if s.done() > 0 {
		text += fmt.Sprintf(", %s -> %s", bytesText(s.before), bytesText(s.after))
	}
	return text
}
