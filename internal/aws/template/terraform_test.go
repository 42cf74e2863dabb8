package template_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/export"
	"github.com/imgmill/imgmill/internal/aws/template"
)

var update = flag.Bool("update", false, "write the Terraform module and the template of the CDK construct")

// module translates the template to a module for Terraform, so that both describe one deployment. A
// resource type, property or function that it does not know fails the test: it then needs a line
// here.
type module struct {
	*formation
	w     *hcl
	known map[string]deployment.Parameter
	lists map[string]bool // parameters whose text the template splits at commas
	// folded are conditions whose value the module knows.
	folded map[string]bool
	used   map[string]bool // conditions that are referred to
	// inputs and results are tables of what the module takes and returns, in Markdown.
	inputs, results string
	defaultOf       string // of the variable that is being written
}

const moduleFolder = "../../../terraform"

// TestTerraformModule: the files of the module are what the template says.
func TestTerraformModule(t *testing.T) {
	m := newModule(t)
	for name, text := range m.files() {
		golden(t, filepath.Join(moduleFolder, name), text)
	}
	readme := filepath.Join(moduleFolder, "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, readme, fill(t, fill(t, string(text), "inputs", m.inputs), "outputs", m.results))
}

// fill replaces what stands between two markers of a document.
func fill(t *testing.T, text, marker, table string) string {
	t.Helper()
	begin := "<!-- " + marker + " -->\n"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ends := strings.Cut(rest, "<!-- end -->")
	if !ok || !ends {
		t.Fatalf("the markers of %s are missing", marker)
	}
	return before + begin + table + "<!-- end -->" + after
}

// golden compares a generated file with the one in the repository.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("%s is not what the template says; run go test ./internal/aws/template -run 'Module|Construct' -args -update", name)
	}
}

func newModule(t *testing.T) *module {
	m := &module{formation: form(t, nil), lists: map[string]bool{}, used: map[string]bool{},
		folded: map[string]bool{"Named": true}}
	var find func(any)
	find = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				find(x)
			}
		case object:
			if split, ok := v["Fn::Split"].([]any); ok && split[0] == "," {
				m.lists[split[1].(object)["Ref"].(string)] = true
			}
			for _, x := range v {
				find(x)
			}
		}
	}
	find(m.part("Resources"))
	var err error
	if m.known, err = deployment.Parameters(); err != nil {
		t.Fatal(err)
	}
	return m
}

const generated = "# Made from internal/aws/template/template.yaml; edit it there.\n"

func (m *module) files() map[string]string {
	m.w = &hcl{}
	for _, id := range keysInOrder(m.t, "Resources") {
		m.resource(id)
	}
	resources := m.w.text.String()
	m.w = &hcl{}
	m.outputs()
	outputs := m.w.text.String()
	m.w = &hcl{}
	m.locals()
	locals := m.w.text.String()
	m.w = &hcl{}
	m.variables()
	return map[string]string{
		"main.tf": generated + "\n" + locals + "\n" + resources, "outputs.tf": generated + "\n" + outputs,
		"variables.tf": generated + "\n" + m.w.text.String(),
	}
}

// keysInOrder returns the keys of a part of the template in its order.
func keysInOrder(t *testing.T, part string) []string {
	file, err := parser.ParseBytes([]byte(template.Template), 0)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, v := range file.Docs[0].Body.(*ast.MappingNode).Values {
		if v.Key.String() == part {
			for _, w := range v.Value.(*ast.MappingNode).Values {
				keys = append(keys, w.Key.String())
			}
		}
	}
	return keys
}

// Descriptions that must say something else in a module.
var variableTexts = map[string]string{
	"NotifyFromTemplate": "true writes the notifications of the source bucket, and removes those that others have written there: Terraform knows one configuration for a bucket. false leaves them to you; the output notifications lists them.",
	"NotifySecrets":      "Secrets of the recipe's notify as NAME=VALUE, where NAME is its secret_env, with spaces between them. They become a variable of the function's environment, and Terraform keeps them in its state.",
}

// replaced are parameters that the module has another variable for.
var replaced = []string{"CodeBucket", "CodeKey", "ImgmillName"}

func variable(parameter string) string { return export.Variable(parameter) }

// kind returns bool, number, list(string) or string.
func (m *module) kind(parameter string) string {
	kind := export.Kind(parameter, m.known[parameter])
	if (kind == "list") != m.lists[parameter] {
		m.t.Fatalf("%s is a %s, and the template splits it: %v", parameter, kind, m.lists[parameter])
	}
	if kind == "list" {
		return "list(string)"
	}
	return kind
}

// nullable reports whether an empty text means that there is none.
func (m *module) nullable(parameter string) bool {
	return m.kind(parameter) == "string" && m.part("Parameters")[parameter].(object)["Default"] == ""
}

func (m *module) variables() {
	m.inputs = "| Name | Type | Default | |\n|---|---|---|---|\n"
	one := func(name, kind, description string, body func()) {
		defer func() { m.inputs += row(name, kind, m.defaultOf, description) }()
		m.defaultOf = "required"
		m.w.block(`variable "`+name+`"`, func() {
			m.w.attribute("type", kind)
			m.w.attribute("description", quote(description))
			if body != nil {
				body()
			}
		})
	}
	one("name", "string", "The deployment's name. Function, queues and alarms are named imgmill-NAME, and everything is tagged imgmill:name=NAME.", func() {
		m.validation(`can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))`, "Use 3 to 40 of the characters a-z, 0-9 and -, start with a letter, and do not end with -.")
	})
	one("zip", "string", "The path of the function's zip, which imgmill package writes.", nil)
	one("suffixes", "list(string)", "Suffixes of the keys that notify the function. S3 distinguishes upper and lower case. Without any, every object notifies it, and it ignores what is not a picture.", func() {
		m.defaults("[]")
	})
	one("prefix", "string", "The start of the keys that notify the function, as S3 stores it in a notification: with + for a space.", func() {
		m.defaults("null")
	})
	one("tags", "map(string)", "Tags of everything that can have some, besides imgmill:name.", func() {
		m.defaults("{}")
	})
	for _, p := range keysInOrder(m.t, "Parameters") {
		if slices.Contains(replaced, p) {
			continue
		}
		text, ok := variableTexts[p]
		if !ok {
			text = m.described(m.part("Parameters")[p].(object)["Description"].(string))
		}
		one(variable(p), m.kind(p), text, func() { m.settings(p) })
	}
}

func (m *module) defaults(value string) {
	m.w.attribute("default", value)
	m.defaultOf = "`" + value + "`"
}

// row returns a line of a table in Markdown.
func row(name string, cells ...string) string {
	text := "| `" + name + "` |"
	for _, c := range cells {
		text += " " + strings.ReplaceAll(c, "|", "\\|") + " |"
	}
	return text + "\n"
}

var parameterName = regexp.MustCompile(`\b[A-Z][a-z]+[A-Z][A-Za-z]*\b|\bTrigger\b`)

// described replaces names of parameters in a description.
func (m *module) described(text string) string {
	return parameterName.ReplaceAllStringFunc(text, func(name string) string {
		if _, ok := m.part("Parameters")[name]; ok {
			return variable(name)
		}
		return name
	})
}

// settings writes the default of a variable and its validation.
func (m *module) settings(parameter string) {
	p, kind, name := m.part("Parameters")[parameter].(object), m.kind(parameter), "var."+variable(parameter)
	if p["NoEcho"] == "true" {
		m.w.attribute("sensitive", "true")
	}
	if d, ok := p["Default"].(string); ok {
		switch {
		case kind == "list(string)":
			d = "[]"
		case m.nullable(parameter):
			d = "null"
		case kind == "string":
			d = quote(d)
		}
		m.defaults(d)
	}
	if pattern, ok := p["AllowedPattern"].(string); ok {
		pattern = strings.TrimPrefix(pattern, "|")
		switch {
		case kind == "list(string)":
			m.validation(fmt.Sprintf("alltrue([for v in %s : can(regex(%s, v))])", name, quote("^("+pattern+")$")), "Each value has the form "+pattern+".")
		case m.nullable(parameter):
			m.validation(fmt.Sprintf("%s == null || can(regex(%s, %s))", name, quote("^("+pattern+")$"), name), "It has the form "+pattern+".")
		default:
			m.validation(fmt.Sprintf("can(regex(%s, %s))", quote("^("+pattern+")$"), name), "It has the form "+pattern+".")
		}
	}
	if allowed, ok := p["AllowedValues"].([]any); ok && kind != "bool" {
		var values []string
		for _, v := range allowed {
			if kind == "string" {
				v = quote(v.(string))
			}
			values = append(values, v.(string))
		}
		m.validation("contains(["+strings.Join(values, ", ")+"], "+name+")",
			"Use one of "+strings.ReplaceAll(strings.Join(values, ", "), `"`, "")+".")
	}
	low, hasLow := p["MinValue"].(string)
	high, hasHigh := p["MaxValue"].(string)
	switch {
	case hasLow && hasHigh:
		m.validation(fmt.Sprintf("%s >= %s && %s <= %s", name, low, name, high), "Use "+low+" to "+high+".")
	case hasLow:
		m.validation(name+" >= "+low, "The minimum is "+low+".")
	}
}

func (m *module) validation(condition, message string) {
	m.w.block("validation", func() {
		m.w.attribute("condition", condition)
		m.w.attribute("error_message", quote(message))
	})
}

func (m *module) locals() {
	m.w.comment("imgmill on AWS: pictures uploaded to one bucket appear in another in every size that the recipe names.")
	for _, kind := range []string{"aws_caller_identity", "aws_partition", "aws_region"} {
		m.w.block(fmt.Sprintf("data %q \"current\"", kind), nil)
	}
	m.w.block("locals", func() {
		m.w.attribute("name", `"imgmill-${var.name}"`)
		m.w.attribute("tags", `merge(var.tags, { "imgmill:name" = var.name })`)
		m.w.gap()
		for more := true; more; { // a condition may use others
			more = false
			for _, c := range keysInOrder(m.t, "Conditions") {
				if m.used[c] {
					n := len(m.used)
					m.conditionText(m.part("Conditions")[c])
					more = more || len(m.used) > n
				}
			}
		}
		for _, c := range keysInOrder(m.t, "Conditions") {
			if m.used[c] {
				m.w.attribute(export.Variable(c), m.conditionText(m.part("Conditions")[c]))
			}
		}
		m.w.gap()
		m.w.attribute("notifications", `[for s in length(var.suffixes) > 0 ? var.suffixes : [""] : {
  id     = "${local.name}-${s == "" ? "all" : trimprefix(s, ".")}"
  events = local.events
  prefix = var.prefix
  suffix = s == "" ? null : s
}]`)
		m.w.attribute("events", m.events())
	})
}

// events translates the events of which the source bucket notifies.
func (m *module) events() string {
	configuration := m.part("Resources")["SourceBucket"].(object)["Properties"].(object)["NotificationConfiguration"]
	var both []string
	for i, name := range []string{"QueueConfigurations", "LambdaConfigurations"} {
		inner := configuration.(object)["Fn::If"].([]any)[1].(object)["Fn::If"].([]any)
		if inner[0] != "Queued" {
			m.t.Fatalf("the notifications of the template depend on %v", inner[0])
		}
		var events []string
		for _, c := range inner[1+i].(object)[name].([]any) {
			o := c.(object)
			if condition, ok := o["Fn::If"].([]any); ok {
				events = append(events, m.condName(condition[0].(string))+" ? "+quote(condition[1].(object)["Event"].(string))+" : \"\"")
				continue
			}
			events = append(events, quote(o["Event"].(string)))
		}
		both = append(both, "compact("+hclList(events)+")")
	}
	if both[0] != both[1] {
		m.t.Fatalf("the template notifies a queue of %s and the function of %s", both[0], both[1])
	}
	return both[0]
}

func (m *module) outputs() {
	m.results = "| Name | |\n|---|---|\n"
	one := func(name, description string, value string) {
		m.results += row(name, description)
		m.w.block(`output "`+name+`"`, func() {
			m.w.attribute("description", quote(description))
			m.w.attribute("value", value)
		})
	}
	for _, name := range keysInOrder(m.t, "Outputs") {
		o := m.part("Outputs")[name].(object)
		value := m.expression(o["Value"])
		if o["Condition"] != nil {
			value = strings.Replace(value, "[0]", "[*]", 1)
			value = "one(" + value + ")"
		}
		one(export.Variable(name), m.described(o["Description"].(string)), value)
	}
	one("notifications", "What the source bucket must notify the function of, or the work queue if there is one, for a source bucket whose notifications the module does not manage.", "local.notifications")
}
