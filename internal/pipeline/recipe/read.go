package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a recipe, in bytes. The YAML parser takes time in proportion to the square of the
// nesting: up to two seconds at this size.
const maxFile = 32 << 10

// reader walks a YAML tree, setting by setting, and reports what it does not understand.
type reader struct {
	report
	absent map[string]bool // known settings that no mapping contained; for tests
	// describes says that mappings and settings of variants have schemas. To build them takes twice as long as to
	// read a recipe.
	describes bool
}

// field is a setting of a mapping.
type field struct {
	name  string
	value value
}

// value is what a setting holds: the function that reads it, and its JSON Schema.
type value struct {
	read   func(name string, n ast.Node)
	schema jsonSchema
}

// document parses data and returns its only document, or nil if it is empty or was reported.
func (r *reader) document(data []byte) ast.Node {
	if len(data) > maxFile {
		r.add("", "the file has %d bytes; a recipe has at most %d", len(data), maxFile)
		return nil
	}
	// The parser counts lines that end with two characters twice.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		text, line := err.Error(), 1
		if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			text = strings.Replace(syntax.Message, "character '\t' that cannot start any token", "a tab; indent with spaces", 1)
			if syntax.Token != nil && syntax.Token.Position != nil {
				line = syntax.Token.Position.Line
			}
		}
		r.problems = append(r.problems, &Problem{r.file, line, "", "this is not YAML: " + text})
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		switch doc.Body.(type) {
		case *ast.CommentGroupNode, *ast.NullNode:
			continue
		}
		if body != nil {
			r.problems = append(r.problems, &Problem{r.file, lineOf(doc.Body), "", "a second document begins here; a recipe is a single one"})
			return nil
		}
		body = doc.Body
	}
	return body
}

// mapping reads the settings of a mapping called name, which is empty for the whole file. A missing
// value, as in a section whose lines are all commented out, counts as an empty mapping.
func (r *reader) mapping(name string, n ast.Node, fields []field) {
	seen := map[string]int{}
	known := map[string]func(string, ast.Node){}
	for _, f := range fields {
		known[f.name] = f.value.read
	}
	for key, value := range r.entries(name, n, seen) {
		full := join(name, key)
		read, ok := known[key]
		if !ok {
			r.add(full, "unknown setting; %s", didYouMean(key, slices.Collect(maps.Keys(known))))
			continue
		}
		read(full, value)
	}
	for key := range known {
		if _, ok := seen[key]; !ok {
			r.absent[join(name, key)] = true
		}
	}
}

// entries yields the pairs of a mapping in the order of the file, each key once, and records their
// lines.
func (r *reader) entries(name string, n ast.Node, seen map[string]int) func(yield func(string, ast.Node) bool) {
	return func(yield func(string, ast.Node) bool) {
		var pairs []*ast.MappingValueNode
		switch n := n.(type) {
		case nil, *ast.NullNode:
		case *ast.MappingNode:
			pairs = n.Values
		case *ast.MappingValueNode:
			pairs = []*ast.MappingValueNode{n}
		default:
			r.misshapen(name, "is %s; write settings below it, each as name: value", shape(n))
		}
		for _, pair := range pairs {
			key, ok := keyText(pair.Key)
			line := lineOf(pair.Key)
			if !ok {
				r.problems = append(r.problems, &Problem{r.file, line, name, "this is not a name; write it as plain text"})
				continue
			}
			full := join(name, key)
			if first, twice := seen[key]; twice {
				r.problems = append(r.problems, &Problem{r.file, line, full, fmt.Sprintf("is already on line %d; keep one of them", first)})
				continue
			}
			seen[key], r.lines[full] = line, line
			if !yield(key, pair.Value) {
				return
			}
		}
	}
}

// list calls item for each item of a list.
func (r *reader) list(name string, n ast.Node, item func(name string, n ast.Node)) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.misshapen(name, "is %s; write a list, like [a, b]", shape(n))
		return
	}
	for i, v := range seq.Values {
		at := fmt.Sprintf("%s[%d]", name, i)
		if line := lineOf(v); line > 0 {
			r.lines[at] = line
		}
		item(at, v)
	}
}

// scalar returns the text of a single value, as it is written in the file.
func (r *reader) scalar(name string, n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	case nil, *ast.NullNode:
		r.add(name, "has no value; write one, or leave the line out (text that starts with # needs quotes)")
	default:
		r.add(name, "is %s; write a single value", shape(n))
	}
	return "", false
}

// single is how a single value is parsed.
type single struct {
	parse  func(text string) error
	schema jsonSchema
}

// text is a text as it is.
func text(into *string) single {
	return single{func(s string) error { *into = s; return nil }, jsonSchema{"type": "string"}}
}

// parsed is a single value. Its error is reported.
func (r *reader) parsed(p single) value {
	return value{func(name string, n ast.Node) {
		if s, ok := r.scalar(name, n); ok {
			if err := p.parse(s); err != nil {
				r.add(name, "%v", err)
			}
		}
	}, p.schema}
}

// text is a text as it is.
func (r *reader) text(into *string) value { return r.parsed(text(into)) }

// texts is a list of texts, which is not nil if it was in the file.
func (r *reader) texts(into *[]string) value {
	return value{func(name string, n ast.Node) {
		*into = []string{}
		r.list(name, n, func(name string, n ast.Node) {
			var s string
			r.text(&s).read(name, n)
			*into = append(*into, s)
		})
	}, arrayOf(jsonSchema{"type": "string"})}
}

// object is a mapping of known settings.
func (r *reader) object(fields ...field) value {
	v := value{read: func(name string, n ast.Node) { r.mapping(name, n, fields) }}
	if r.describes {
		properties := jsonSchema{}
		for _, f := range fields {
			properties[f.name] = f.value.schema
		}
		v.schema = jsonSchema{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	}
	return v
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

func keyText(n ast.MapKeyNode) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// shape describes a node to a person.
func shape(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return "an anchor, alias or tag, which recipes do not use"
	}
	return "a single value"
}
