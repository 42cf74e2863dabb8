package template_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// hcl writes blocks of Terraform's language as terraform fmt formats them (Terraform Language,
// "Configuration Syntax", "Style Guide").
type hcl struct {
	text  strings.Builder
	depth int
	// pending holds attributes of one line each, whose equals signs are aligned.
	pending [][2]string
}

// attribute writes name = value. Lines of the value after its first are indented below the name.
func (w *hcl) attribute(name, value string) {
	if strings.Contains(value, "\n") {
		w.align()
		w.line(name + " = " + value)
		return
	}
	w.pending = append(w.pending, [2]string{name, value})
}

// block writes a block, after an empty line unless it is the first in its parent. Without a body, it
// is empty.
func (w *hcl) block(header string, body func()) {
	w.align()
	if text := w.text.String(); text != "" && !strings.HasSuffix(text, "{\n") && !w.afterComment() {
		w.text.WriteByte('\n')
	}
	if body == nil {
		w.line(header + " {}")
		return
	}
	w.line(header + " {")
	w.depth++
	body()
	w.align()
	w.depth--
	w.line("}")
}

func (w *hcl) afterComment() bool {
	lines := strings.Split(strings.TrimSuffix(w.text.String(), "\n"), "\n")
	return strings.HasPrefix(lines[len(lines)-1], "#")
}

// comment writes a comment above the next block.
func (w *hcl) comment(text string) {
	w.gap()
	for l := range strings.SplitSeq(text, "\n") {
		w.line(strings.TrimRight("# "+l, " "))
	}
}

// gap writes an empty line.
func (w *hcl) gap() {
	w.align()
	if w.text.Len() > 0 {
		w.text.WriteByte('\n')
	}
}

func (w *hcl) align() {
	width := 0
	for _, p := range w.pending {
		width = max(width, len(p[0]))
	}
	for _, p := range w.pending {
		w.line(fmt.Sprintf("%-*s = %s", width, p[0], p[1]))
	}
	w.pending = nil
}

func (w *hcl) line(s string) {
	indent := strings.Repeat("  ", w.depth)
	for l := range strings.SplitSeq(s, "\n") {
		w.text.WriteString(strings.TrimRight(indent+l, " ") + "\n")
	}
}

// quote returns a string literal.
func quote(s string) string { return `"` + escape(s) + `"` }

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "${", "$${", "%{", "%%{").Replace(s)
}

// object returns an object expression with the keys in the given order.
func hclObject(keys []string, value func(key string) string) string {
	if len(keys) == 0 {
		return "{}"
	}
	w := &hcl{depth: 1}
	for _, k := range keys {
		name := k
		if !identifier.MatchString(k) {
			name = quote(k)
		}
		w.attribute(name, value(k))
	}
	w.align()
	return "{\n" + w.text.String() + "}"
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// hclList returns a list on one line, if it fits and has no object, or with an item on each.
func hclList(items []string) string {
	one := "[" + strings.Join(items, ", ") + "]"
	if len(one) <= 90 && !strings.Contains(one, "\n") {
		return one
	}
	w := &hcl{depth: 1}
	for _, item := range items {
		w.line(item + ",")
	}
	return "[\n" + w.text.String() + "]"
}

// statementKeys is the order in which IAM's documentation writes a statement.
var statementKeys = []string{"Version", "Sid", "Effect", "Principal", "Action", "Resource", "Condition", "Statement"}

// sortedKeys returns the keys of an object: those of a policy in the usual order, others by name.
func sortedKeys(o object) []string {
	rank := func(k string) int {
		if i := slices.Index(statementKeys, k); i >= 0 {
			return i
		}
		return len(statementKeys)
	}
	var keys []string
	for k := range o {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return keys
}
