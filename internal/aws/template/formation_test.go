package template_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/imgmill/imgmill/internal/aws/template"
)

const (
	account = "123456789012"
	region  = "us-east-1"
	stack   = "imgmill-photos"
)

// object is a mapping of the template.
type object = map[string]any

// absent is AWS::NoValue: it removes the element or key that has it as its value.
type absent struct{}

// formation evaluates the template with values of its parameters, with those functions of
// CloudFormation that it uses (Template Reference, "Intrinsic functions", "Pseudo parameters").
type formation struct {
	t        *testing.T
	root     object
	settings map[string]string
	refers   map[string]bool // resources that were referred to since it was last emptied
}

// form reads the template. Settings take precedence over the defaults of its parameters.
func form(t *testing.T, settings map[string]string) *formation {
	t.Helper()
	return formOf(t, template.Template, settings)
}

// formOf reads another template.
func formOf(t *testing.T, text string, settings map[string]string) *formation {
	t.Helper()
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &formation{t: t, settings: map[string]string{}, refers: map[string]bool{}}
	f.root = f.plain(file.Docs[0].Body).(object)
	for name, p := range f.part("Parameters") {
		if d, ok := p.(object)["Default"]; ok {
			f.settings[name] = fmt.Sprint(d)
		}
	}
	for name, value := range map[string]string{
		"SourceBucketName": "photos-input", "TargetBucketName": "photos-output",
		"CodeBucket": "photos-code", "CodeKey": "code.zip",
	} {
		f.settings[name] = value
	}
	for name, value := range settings {
		if _, ok := f.part("Parameters")[name]; !ok {
			t.Fatalf("the template has no parameter %s", name)
		}
		f.settings[name] = value
	}
	return f
}

// plain converts a node to maps, lists and strings, and a short tag to its long form.
func (f *formation) plain(n ast.Node) any {
	switch n := n.(type) {
	case *ast.MappingNode:
		m := object{}
		for _, v := range n.Values {
			m[f.plain(v.Key).(string)] = f.plain(v.Value)
		}
		return m
	case *ast.MappingValueNode:
		return object{f.plain(n.Key).(string): f.plain(n.Value)}
	case *ast.SequenceNode:
		list := []any{}
		for _, v := range n.Values {
			list = append(list, f.plain(v))
		}
		return list
	case *ast.TagNode:
		name, value := strings.TrimPrefix(n.Start.Value, "!"), f.plain(n.Value)
		switch name {
		case "Ref":
			return object{"Ref": value}
		case "GetAtt":
			resource, attribute, _ := strings.Cut(value.(string), ".")
			return object{"Fn::GetAtt": []any{resource, attribute}}
		}
		return object{"Fn::" + name: value}
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.StringNode:
		return n.Value
	}
	return n.GetToken().Value
}

func (f *formation) part(name string) object { return f.root[name].(object) }

// resources returns those whose condition is true.
func (f *formation) resources() map[string]object {
	there := map[string]object{}
	for id, r := range f.part("Resources") {
		if f.wanted(r.(object)) {
			there[id] = r.(object)
		}
	}
	return there
}

// wanted reports whether a resource or an output exists.
func (f *formation) wanted(o object) bool {
	c, ok := o["Condition"]
	return !ok || f.condition(c.(string))
}

func (f *formation) condition(name string) bool {
	c, ok := f.part("Conditions")[name]
	if !ok {
		f.t.Fatalf("there is no condition %s", name)
	}
	return f.holds(c)
}

func (f *formation) holds(v any) bool {
	for name, of := range v.(object) {
		if name == "Condition" {
			return f.condition(of.(string))
		}
		list := of.([]any)
		switch name {
		case "Fn::Or":
			return slices.ContainsFunc(list, f.holds)
		case "Fn::Equals":
			return f.value(list[0]) == f.value(list[1])
		case "Fn::Not":
			return !f.holds(list[0])
		}
	}
	f.t.Fatalf("not understood as a condition: %v", v)
	return false
}

// value evaluates all functions in v.
func (f *formation) value(v any) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			if got := f.value(item); got != (absent{}) {
				list = append(list, got)
			}
		}
		return list
	case object:
		if len(v) == 1 {
			for name, of := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return f.function(name, of)
				}
			}
		}
		m := object{}
		for key, item := range v {
			if got := f.value(item); got != (absent{}) {
				m[key] = got
			}
		}
		return m
	}
	return v
}

func (f *formation) text(v any) string {
	s, ok := f.value(v).(string)
	if !ok {
		f.t.Fatalf("%v is no text", v)
	}
	return s
}

func (f *formation) function(name string, of any) any {
	switch name {
	case "Ref":
		return f.ref(of.(string))
	case "Fn::GetAtt":
		return f.attribute(of.([]any)[0].(string), of.([]any)[1].(string))
	case "Fn::If":
		list := of.([]any)
		if f.condition(list[0].(string)) {
			return f.value(list[1])
		}
		return f.value(list[2])
	case "Fn::FindInMap":
		list := of.([]any)
		found := f.part("Mappings")[list[0].(string)].(object)[f.text(list[1])]
		if found == nil {
			f.t.Fatalf("%v: the mapping has no such key", list)
		}
		return found.(object)[f.text(list[2])]
	case "Fn::Sub":
		return f.substitute(of)
	case "Fn::Split":
		list := of.([]any)
		parts := []any{}
		for part := range strings.SplitSeq(f.text(list[1]), list[0].(string)) {
			parts = append(parts, part)
		}
		return parts
	}
	f.t.Fatalf("the test does not know %s", name)
	return nil
}

var hole = regexp.MustCompile(`\$\{[^}]+\}`)

func (f *formation) substitute(of any) string {
	variables := object{}
	if list, ok := of.([]any); ok {
		of, variables = list[0], list[1].(object)
	}
	return hole.ReplaceAllStringFunc(of.(string), func(s string) string {
		name := s[2 : len(s)-1]
		if v, ok := variables[name]; ok {
			return f.text(v)
		}
		if resource, attribute, ok := strings.Cut(name, "."); ok {
			return f.attribute(resource, attribute)
		}
		return f.text(object{"Ref": name})
	})
}

func (f *formation) ref(name string) any {
	pseudo := map[string]any{
		"AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": "aws",
		"AWS::URLSuffix": "amazonaws.com",
		"AWS::StackName": stack, "AWS::NoValue": absent{},
	}
	if v, ok := pseudo[name]; ok {
		return v
	}
	if v, ok := f.settings[name]; ok {
		return v
	}
	return f.physical(name)
}

// physical returns the name of a resource. It is an error to refer to one that does not exist.
func (f *formation) physical(id string) string {
	r, ok := f.part("Resources")[id].(object)
	if !ok {
		f.t.Fatalf("there is no resource or parameter %s", id)
	}
	if !f.wanted(r) {
		f.t.Fatalf("%s is referred to, and is not there with %v", id, f.settings)
	}
	f.refers[id] = true
	properties, _ := r["Properties"].(object)
	for _, name := range []string{"BucketName", "FunctionName", "QueueName", "LogGroupName"} {
		if v, ok := properties[name]; ok && !strings.HasPrefix(id, "SourceBucketP") &&
			id != "WorkQueueMapping" {
			return f.text(v)
		}
	}
	return id
}

// attribute returns those attributes that the template uses (Template Reference, "Return values" of
// each type).
func (f *formation) attribute(id, name string) string {
	physical := f.physical(id)
	kind := f.part("Resources")[id].(object)["Type"].(string) + "." + name
	here := region + ":" + account + ":"
	switch kind {
	case "AWS::SQS::Queue.QueueName":
		return physical
	case "AWS::SQS::Queue.Arn":
		return "arn:aws:sqs:" + here + physical
	case "AWS::Lambda::Function.Arn":
		return "arn:aws:lambda:" + here + "function:" + physical
	case "AWS::Logs::LogGroup.Arn":
		return "arn:aws:logs:" + here + "log-group:" + physical + ":*"
	case "AWS::IAM::Role.Arn":
		return "arn:aws:iam::" + account + ":role/" + physical
	}
	f.t.Fatalf("the test does not know the attribute %s", kind)
	return ""
}

// properties returns the evaluated properties of a resource.
func (f *formation) properties(id string) object {
	r, ok := f.resources()[id]
	if !ok {
		f.t.Fatalf("%s is not there with %v", id, f.settings)
	}
	return f.value(r["Properties"]).(object)
}

// waitsFor returns the resources that one refers to, anywhere in it.
func (f *formation) waitsFor(r object) []string {
	clear(f.refers)
	f.value(r["Properties"])
	if m, ok := r["Metadata"]; ok {
		f.value(m)
	}
	return slices.Sorted(maps.Keys(f.refers))
}
