package recipe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one bad setting.
type Problem struct {
	File string // as given to Parse; empty for a recipe that was not parsed
	Line int    // from 1; 0 if the setting is on no line
	Name string // "variants.thumb.width"; empty for the whole file
	Text string // what is wrong, and what to do
}

func (p *Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Name != "" {
		b.WriteString(p.Name + ": ")
	}
	return b.String() + p.Text
}

// Errors are all problems of a recipe, in the order of their lines. Parse and
// Validate return no other error.
type Errors []*Problem

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// report collects problems and knows the line of every setting that was seen.
type report struct {
	file     string
	lines    map[string]int
	unread   []string // settings with values of the wrong shape; what is below them is unknown
	problems Errors
}

// add reports a problem at the line of the named setting or, if it is not in the file, of the part
// that it belongs to.
func (r *report) add(name, format string, args ...any) {
	r.problems = append(r.problems, &Problem{r.file, r.line(name), name, fmt.Sprintf(format, args...)})
}

func (r *report) line(name string) int {
	for {
		if line, ok := r.lines[name]; ok {
			return line
		}
		i := strings.LastIndexAny(name, ".[")
		if i < 0 {
			break
		}
		name = name[:i]
	}
	if r.file != "" {
		return 1
	}
	return 0
}

// misshapen reports a value that cannot be read at all.
func (r *report) misshapen(name, format string, args ...any) {
	r.add(name, format, args...)
	r.unread = append(r.unread, name)
}

// bad reports whether one of the named settings, or a part of one, already has a problem, or could
// not be read.
func (r *report) bad(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc(r.problems, func(p *Problem) bool { return within(p.Name, name) }) ||
			slices.ContainsFunc(r.unread, func(whole string) bool { return within(name, whole) })
	})
}

// within reports whether a setting is the same as another, or a part of it. Everything is part of the file,
// whose name is empty.
func within(name, whole string) bool {
	rest, ok := strings.CutPrefix(name, whole)
	return ok && (rest == "" || whole == "" || rest[0] == '.' || rest[0] == '[')
}

// err returns all problems in the order of their lines, or nil.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b *Problem) int { return cmp.Compare(a.Line, b.Line) })
	return r.problems
}
