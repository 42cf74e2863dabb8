package template_test

import (
	"bytes"
	"encoding/json"
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

// condName returns the local value of a condition.
func (m *module) condName(name string) string {
	if m.folded[name] {
		m.t.Fatalf("the condition %s is always true here", name)
	}
	m.used[name] = true
	return "local." + export.Variable(name)
}

// conditionText translates a condition.
func (m *module) conditionText(v any) string {
	for name, of := range v.(object) {
		switch name {
		case "Condition":
			return m.condName(of.(string))
		case "Fn::Or", "Fn::And":
			operator := map[string]string{"Fn::Or": " || ", "Fn::And": " && "}[name]
			var parts []string
			for _, x := range of.([]any) {
				parts = append(parts, m.conditionText(x))
			}
			return strings.Join(parts, operator)
		case "Fn::Equals":
			return m.equals(of.([]any), false)
		case "Fn::Not":
			if inner, ok := of.([]any)[0].(object)["Fn::Equals"]; ok {
				return m.equals(inner.([]any), true)
			}
		}
	}
	m.t.Fatalf("no translation of the condition %v", v)
	return ""
}

// equals translates a comparison of a parameter, or of two.
func (m *module) equals(of []any, not bool) string {
	parameter := of[0].(object)["Ref"].(string)
	name, operator := "var."+variable(parameter), " == "
	if not {
		operator = " != "
	}
	value, literal := of[1].(string)
	switch kind := m.kind(parameter); {
	case !literal:
		return name + operator + m.expression(of[1])
	case kind == "bool" && (value == "true") != not:
		return name
	case kind == "bool":
		return "!" + name
	case kind == "list(string)" && value == "" && not:
		return "length(" + name + ") > 0"
	case kind == "list(string)" && value == "":
		return "length(" + name + ") == 0"
	case kind == "number":
		return name + operator + value
	case m.nullable(parameter) && value == "":
		return name + operator + "null"
	}
	return name + operator + quote(value)
}

// expression translates a value.
func (m *module) expression(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case []any:
		var items []string
		some := false
		for _, x := range v {
			item := m.expression(x)
			some = some || strings.HasSuffix(item, " : null")
			items = append(items, item)
		}
		list := hclList(items)
		if some {
			return "[for v in " + list + " : v if v != null]"
		}
		return list
	case object:
		if len(v) == 1 {
			for name, of := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return m.call(name, of)
				}
			}
		}
		return m.object(v)
	}
	m.t.Fatalf("no translation of %v", v)
	return ""
}

// object translates an object, some of whose keys may be there on a condition.
func (m *module) object(o object) string {
	var always, parts []string
	for _, k := range sortedKeys(o) {
		inner, _ := o[k].(object)
		if choice, ok := inner["Fn::If"].([]any); ok && isNoValue(choice[2]) {
			parts = append(parts, fmt.Sprintf("%s ? { %s = %s } : {}", m.condName(choice[0].(string)), k, m.expression(choice[1])))
			continue
		}
		always = append(always, k)
	}
	text := hclObject(always, func(k string) string { return m.expression(o[k]) })
	if parts != nil {
		return "merge(" + text + ", " + strings.Join(parts, ", ") + ")"
	}
	return text
}

func isNoValue(v any) bool {
	o, ok := v.(object)
	return ok && o["Ref"] == "AWS::NoValue"
}

func isSplit(v any) bool {
	o, ok := v.(object)
	return ok && o["Fn::Split"] != nil
}

var pseudo = map[string]string{
	"AWS::AccountId": "data.aws_caller_identity.current.account_id", "AWS::Region": "data.aws_region.current.region",
	"AWS::Partition": "data.aws_partition.current.partition", "AWS::URLSuffix": "data.aws_partition.current.dns_suffix",
	"AWS::StackName": "local.name", "AWS::NoValue": "null",
}

func (m *module) call(name string, of any) string {
	switch name {
	case "Ref":
		return m.reference(of.(string))
	case "Fn::GetAtt":
		return m.attributeOf(of.([]any)[0].(string), of.([]any)[1].(string))
	case "Fn::If":
		list := of.([]any)
		if m.folded[list[0].(string)] {
			return m.expression(list[1])
		}
		yes, no := m.expression(list[1]), m.expression(list[2])
		// Terraform wants one type. IAM reads a list of one as a single value.
		if isSplit(list[1]) && !isNoValue(list[2]) && !isSplit(list[2]) {
			no = hclList([]string{no})
		}
		if strings.Contains(yes, " ? ") && strings.HasPrefix(yes, "local.") {
			yes = "(" + yes + ")"
		}
		return m.condName(list[0].(string)) + " ? " + yes + " : " + no
	case "Fn::Split":
		if list := of.([]any); list[0] == "," {
			return m.expression(list[1])
		}
	case "Fn::Sub":
		return m.template(of)
	case "Fn::FindInMap":
		return m.multiple(of.([]any))
	}
	m.t.Fatalf("no translation of %s %v", name, of)
	return ""
}

// multiple translates a mapping of CloudFormation that only multiplies a parameter.
func (m *module) multiple(of []any) string {
	factor := 0
	for from, to := range m.part("Mappings")[of[0].(string)].(object) {
		a, b := number(m.t, from), number(m.t, to.(object)[of[2].(string)])
		if factor == 0 {
			factor = b / a
		}
		if b != factor*a {
			m.t.Fatalf("the mapping %v does not multiply by %d", of[0], factor)
		}
	}
	return fmt.Sprintf("%d * %s", factor, m.expression(of[1]))
}

// template translates Fn::Sub.
func (m *module) template(of any) string {
	variables := object{}
	if list, ok := of.([]any); ok {
		of, variables = list[0], list[1].(object)
	}
	text, at := "", 0
	var values []string
	dollar := false
	for _, at2 := range hole.FindAllStringIndex(of.(string), -1) {
		before, name := of.(string)[at:at2[0]], of.(string)[at2[0]+2:at2[1]-1]
		value := ""
		if v, ok := variables[name]; ok {
			value = m.expression(v)
		} else if id, attribute, ok := strings.Cut(name, "."); ok {
			value = m.attributeOf(id, attribute)
		} else {
			value = m.reference(name)
		}
		dollar = dollar || strings.HasSuffix(before, "$")
		text += escape(before) + "${" + value + "}"
		values = append(values, value)
		at = at2[1]
	}
	text += escape(of.(string)[at:])
	if dollar { // $${ would be an escape
		return "format(" + quote(hole.ReplaceAllString(of.(string), "%s")) + ", " + strings.Join(values, ", ") + ")"
	}
	return `"` + text + `"`
}

func (m *module) reference(name string) string {
	if v, ok := pseudo[name]; ok {
		return v
	}
	if _, ok := m.part("Parameters")[name]; ok {
		return "var." + variable(name)
	}
	return m.attributeOf(name, "")
}

// attributes are Terraform's names of what Ref and GetAtt return.
var attributes = map[string]string{
	"AWS::S3::Bucket": "id", "AWS::Lambda::Function": "function_name", "AWS::Lambda::Function.Arn": "arn",
	"AWS::SQS::Queue": "url", "AWS::SQS::Queue.Arn": "arn", "AWS::SQS::Queue.QueueName": "name",
	"AWS::Logs::LogGroup": "name", "AWS::Logs::LogGroup.Arn": "arn", "AWS::IAM::Role.Arn": "arn", "AWS::SNS::Topic": "arn",
}

func (m *module) attributeOf(id, attribute string) string {
	kind := m.part("Resources")[id].(object)["Type"].(string)
	name, ok := attributes[strings.TrimSuffix(kind+"."+attribute, ".")]
	if !ok {
		m.t.Fatalf("no translation of %s.%s", id, attribute)
	}
	address := m.address(id) + "." + name
	if kind == "AWS::Logs::LogGroup" && attribute == "Arn" { // CloudFormation's ends in :*
		return `"${` + address + `}:*"`
	}
	return address
}

// label returns the name of a resource in the module, such as work for WorkQueue.
func label(id string) string {
	switch id {
	case "LambdaResizeRole", "ImageResizerFunction", "ImageResizerLogGroup", "ImageResizerInvokeConfig":
		return "function"
	case "ScheduledAudit":
		return "audit"
	case "AlarmTopic", "AlarmSubscription":
		return "alarms"
	case "Dashboard", "MonthlyBudget":
		return "imgmill"
	case "FailureQueue", "FailureQueuePolicy":
		return "failures"
	}
	for _, suffix := range []string{"BucketPolicy", "BucketPermission", "QueuePolicy", "QueueMapping", "Bucket", "Queue", "Role", "Alarm", "Filter"} {
		if name, ok := strings.CutSuffix(id, suffix); ok {
			return export.Variable(name)
		}
	}
	return export.Variable(id)
}

func (m *module) address(id string) string {
	r := m.part("Resources")[id].(object)
	kind, ok := resourceTypes[r["Type"].(string)]
	if !ok {
		m.t.Fatalf("%s: Terraform's name of %v is not known", id, r["Type"])
	}
	address := kind + "." + label(id)
	if r["Condition"] != nil {
		address += "[0]"
	}
	return address
}

// resourceTypes are Terraform's names of resource types.
var resourceTypes = map[string]string{
	"AWS::S3::Bucket": "aws_s3_bucket", "AWS::S3::BucketPolicy": "aws_s3_bucket_policy", "AWS::IAM::Role": "aws_iam_role",
	"AWS::Lambda::Function": "aws_lambda_function", "AWS::Lambda::Permission": "aws_lambda_permission",
	"AWS::Lambda::EventInvokeConfig":  "aws_lambda_function_event_invoke_config",
	"AWS::Lambda::EventSourceMapping": "aws_lambda_event_source_mapping",
	"AWS::Logs::LogGroup":             "aws_cloudwatch_log_group", "AWS::Logs::MetricFilter": "aws_cloudwatch_log_metric_filter",
	"AWS::SQS::Queue": "aws_sqs_queue", "AWS::SQS::QueuePolicy": "aws_sqs_queue_policy",
	"AWS::SNS::Topic": "aws_sns_topic", "AWS::SNS::Subscription": "aws_sns_topic_subscription",
	"AWS::CloudWatch::Alarm": "aws_cloudwatch_metric_alarm", "AWS::CloudWatch::Dashboard": "aws_cloudwatch_dashboard",
	"AWS::Scheduler::Schedule": "aws_scheduler_schedule", "AWS::Budgets::Budget": "aws_budgets_budget",
}

// properties are those of a resource that are not translated yet.
type properties struct {
	*module
	id   string
	left object
}

// take returns a property, or nil if the template does not set it.
func (p *properties) take(name string) any {
	v := p.left[name]
	delete(p.left, name)
	return v
}

// set writes properties as attributes: pairs of Terraform's and CloudFormation's names. Words are quoted, numbers and booleans
// are not.
func (p *properties) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if v := p.take(pairs[i+1]); v != nil {
			p.w.attribute(pairs[i], p.plainValue(v))
		}
	}
}

var bare = regexp.MustCompile(`"(true|false|-?[0-9]+(\.[0-9]+)?)"`)

// plainValue translates a value outside of JSON, where numbers and booleans have no quotes.
func (m *module) plainValue(v any) string {
	s := m.expression(v)
	o, _ := v.(object)
	_, isText := v.(string)
	if choice, ok := o["Fn::If"].([]any); ok {
		_, isText = choice[1].(string)
	}
	if isText {
		return bare.ReplaceAllString(s, "$1")
	}
	return s
}

// part returns a property that is an object.
func (p *properties) inside(name string) *properties {
	o, ok := p.take(name).(object)
	if !ok {
		p.t.Fatalf("%s: %s is no object", p.id, name)
	}
	return &properties{p.module, p.id + "." + name, o}
}

// nested writes a property that is an object as a block.
func (p *properties) nested(block, name string, pairs ...string) {
	in := p.inside(name)
	p.w.block(block, func() { in.set(pairs...) })
	in.end()
}

func (p *properties) json(attribute, name string) {
	p.w.attribute(attribute, "jsonencode("+p.expression(p.take(name))+")")
}

// end reports properties that nobody translated.
func (p *properties) end() {
	for name := range p.left {
		p.t.Errorf("%s: no translation of the property %s", p.id, name)
	}
}

// resource writes a resource, as several where Terraform has several.
func (m *module) resource(id string) {
	r := m.part("Resources")[id].(object)
	p := &properties{m, id, clone(r["Properties"].(object))}
	translate, ok := translations[r["Type"].(string)]
	if !ok {
		m.t.Fatalf("%s: no translation of %v", id, r["Type"])
	}
	if text := commentAbove(id); text != "" {
		m.w.comment(text)
	}
	translate(p)
	p.end()
}

// commentAbove returns the comment of a resource in the template.
func commentAbove(id string) string {
	above, _, _ := strings.Cut(template.Template, "\n  "+id+":\n    Type:")
	lines := strings.Split(above, "\n")
	first := len(lines)
	for first > 0 && strings.HasPrefix(lines[first-1], "  # ") {
		first--
	}
	var text []string
	for _, l := range lines[first:] {
		text = append(text, strings.TrimPrefix(l, "  # "))
	}
	return strings.Join(text, "\n")
}

func clone(v object) object {
	var c object
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		panic(err)
	}
	return c
}

// open writes a block of a resource with its condition.
func (p *properties) open(kind string, body func()) {
	id, _, _ := strings.Cut(p.id, ".")
	p.w.block(fmt.Sprintf("resource %q %q", kind, label(id)), func() {
		if c, ok := p.module.part("Resources")[id].(object)["Condition"].(string); ok {
			p.w.attribute("count", p.condName(c)+" ? 1 : 0")
			p.w.gap()
		}
		body()
	})
}

// self is the resource's own kind.
func (p *properties) self(body func()) {
	p.open(resourceTypes[p.module.part("Resources")[p.id].(object)["Type"].(string)], body)
}

const tagsLine = "local.tags"

var translations = map[string]func(p *properties){
	"AWS::S3::Bucket": (*properties).bucket,
	"AWS::S3::BucketPolicy": func(p *properties) {
		p.self(func() {
			p.set("bucket", "Bucket")
			p.json("policy", "PolicyDocument")
			p.w.gap()
			p.w.attribute("depends_on", "[aws_s3_bucket_public_access_block."+label(p.id)+"]")
		})
	},
	"AWS::IAM::Role":        (*properties).role,
	"AWS::Lambda::Function": (*properties).function,
	"AWS::Logs::LogGroup": func(p *properties) {
		p.self(func() {
			p.set("name", "LogGroupName", "retention_in_days", "RetentionInDays")
			p.w.attribute("tags", tagsLine)
		})
	},
	"AWS::Lambda::EventInvokeConfig": func(p *properties) {
		p.self(func() {
			p.set("function_name", "FunctionName", "qualifier", "Qualifier", "maximum_retry_attempts", "MaximumRetryAttempts",
				"maximum_event_age_in_seconds", "MaximumEventAgeInSeconds")
			to := p.inside("DestinationConfig")
			p.w.block("destination_config", func() { to.nested("on_failure", "OnFailure", "destination", "Destination") })
			to.end()
		})
	},
	"AWS::Lambda::Permission": func(p *properties) {
		p.self(func() {
			p.set("function_name", "FunctionName", "action", "Action", "principal", "Principal", "source_arn", "SourceArn",
				"source_account", "SourceAccount")
		})
	},
	"AWS::SQS::Queue": func(p *properties) {
		p.self(func() {
			p.set("name", "QueueName", "visibility_timeout_seconds", "VisibilityTimeout",
				"message_retention_seconds", "MessageRetentionPeriod", "sqs_managed_sse_enabled", "SqsManagedSseEnabled")
			if p.left["RedrivePolicy"] != nil {
				in := p.inside("RedrivePolicy")
				p.w.attribute("redrive_policy", "jsonencode("+hclObject([]string{"deadLetterTargetArn", "maxReceiveCount"},
					func(k string) string { return p.plainValue(in.take(k)) })+")")
				in.end()
			}
			p.w.attribute("tags", tagsLine)
		})
	},
	"AWS::SQS::QueuePolicy": func(p *properties) {
		p.self(func() {
			p.w.attribute("queue_url", p.expression(p.take("Queues").([]any)[0]))
			p.json("policy", "PolicyDocument")
		})
	},
	"AWS::Lambda::EventSourceMapping": func(p *properties) {
		p.self(func() {
			p.set("function_name", "FunctionName", "event_source_arn", "EventSourceArn", "batch_size", "BatchSize",
				"function_response_types", "FunctionResponseTypes")
			p.w.attribute("tags", tagsLine)
			p.nested("scaling_config", "ScalingConfig", "maximum_concurrency", "MaximumConcurrency")
		})
	},
	"AWS::SNS::Topic": func(p *properties) {
		p.self(func() { p.set("name", "TopicName"); p.w.attribute("tags", tagsLine) })
	},
	"AWS::SNS::Subscription": func(p *properties) {
		p.self(func() { p.set("topic_arn", "TopicArn", "protocol", "Protocol", "endpoint", "Endpoint") })
	},
	"AWS::CloudWatch::Alarm": (*properties).alarm,
	"AWS::Logs::MetricFilter": func(p *properties) {
		p.self(func() {
			p.w.attribute("name", `"${local.name}-`+strings.ReplaceAll(label(p.id), "_", "-")+`"`) // CloudFormation makes one up
			p.set("log_group_name", "LogGroupName", "pattern", "FilterPattern")
			in := &properties{p.module, p.id + ".MetricTransformations", p.take("MetricTransformations").([]any)[0].(object)}
			p.w.block("metric_transformation", func() {
				in.set("namespace", "MetricNamespace", "name", "MetricName")
				p.w.attribute("value", p.expression(in.take("MetricValue"))) // a text
			})
			in.end()
		})
	},
	"AWS::Scheduler::Schedule": (*properties).schedule,
	"AWS::CloudWatch::Dashboard": func(p *properties) {
		p.self(func() {
			p.set("dashboard_name", "DashboardName")
			p.w.attribute("dashboard_body", "jsonencode("+p.dashboard(p.take("DashboardBody").(object)["Fn::Sub"].([]any))+")")
		})
	},
	"AWS::Budgets::Budget": (*properties).budget,
}

func (p *properties) bucket() {
	bucket := p.address(p.id) + ".id"
	p.self(func() {
		p.set("bucket", "BucketName")
		tags := p.take("Tags").([]any)
		if len(tags) != 1 || tags[0].(object)["Key"] != "imgmill:name" {
			p.t.Errorf("%s: no translation of the tags %v", p.id, tags)
		}
		p.w.attribute("tags", tagsLine)
	})
	p.open("aws_s3_bucket_server_side_encryption_configuration", func() {
		p.w.attribute("bucket", bucket)
		rules := p.inside("BucketEncryption").take("ServerSideEncryptionConfiguration").([]any)
		in := &properties{p.module, p.id + ".Encryption", p.spread(rules[0]).(object)}
		p.w.block("rule", func() {
			in.set("bucket_key_enabled", "BucketKeyEnabled")
			in.nested("apply_server_side_encryption_by_default", "ServerSideEncryptionByDefault",
				"sse_algorithm", "SSEAlgorithm", "kms_master_key_id", "KMSMasterKeyID")
		})
		in.end()
	})
	p.open("aws_s3_bucket_public_access_block", func() {
		p.w.attribute("bucket", bucket)
		in := p.inside("PublicAccessBlockConfiguration")
		in.set("block_public_acls", "BlockPublicAcls", "block_public_policy", "BlockPublicPolicy",
			"ignore_public_acls", "IgnorePublicAcls", "restrict_public_buckets", "RestrictPublicBuckets")
		in.end()
	})
	p.open("aws_s3_bucket_ownership_controls", func() {
		p.w.attribute("bucket", bucket)
		rule := p.inside("OwnershipControls").take("Rules").([]any)[0]
		in := &properties{p.module, p.id + ".OwnershipControls", rule.(object)}
		p.w.block("rule", func() { in.set("object_ownership", "ObjectOwnership") })
		in.end()
	})
	p.open("aws_s3_bucket_lifecycle_configuration", func() {
		p.w.attribute("bucket", bucket)
		for _, rule := range p.inside("LifecycleConfiguration").take("Rules").([]any) {
			in := &properties{p.module, p.id + ".Rule", rule.(object)}
			p.w.block("rule", func() {
				in.set("id", "Id", "status", "Status")
				var filter func()
				if in.left["Prefix"] != nil {
					filter = func() { in.set("prefix", "Prefix") }
				}
				p.w.block("filter", filter)
				if in.left["AbortIncompleteMultipartUpload"] != nil {
					in.nested("abort_incomplete_multipart_upload", "AbortIncompleteMultipartUpload", "days_after_initiation", "DaysAfterInitiation")
				}
				if in.left["ExpirationInDays"] != nil {
					p.w.block("expiration", func() { in.set("days", "ExpirationInDays") })
				}
			})
			in.end()
		}
	})
	if p.take("NotificationConfiguration") != nil {
		p.notifications()
	}
}

// notifications writes the notifications, one for each suffix, which a template cannot.
func (p *properties) notifications() {
	p.w.block(`resource "aws_s3_bucket_notification" "source"`, func() {
		p.w.attribute("count", p.condName("Notifies")+" ? 1 : 0")
		p.w.gap()
		p.w.attribute("bucket", p.condName("MakesSource")+" ? aws_s3_bucket.source[0].id : var.source_bucket")
		for _, to := range [][3]string{
			{"lambda_function", p.condName("Direct"), "lambda_function_arn = " + p.attributeOf("ImageResizerFunction", "Arn")},
			{"queue", p.condName("Queued"), "queue_arn     = " + p.attributeOf("WorkQueue", "Arn")},
		} {
			p.w.block("dynamic "+quote(to[0]), func() {
				p.w.attribute("for_each", to[1]+" ? local.notifications : []")
				p.w.block("content", func() {
					p.w.attribute("id", to[0]+".value.id")
					name, arn, _ := strings.Cut(to[2], "=")
					p.w.attribute(strings.TrimSpace(name), strings.TrimSpace(arn))
					p.w.attribute("events", to[0]+".value.events")
					p.w.attribute("filter_prefix", to[0]+".value.prefix")
					p.w.attribute("filter_suffix", to[0]+".value.suffix")
				})
			})
		}
		p.w.gap()
		p.w.attribute("depends_on", "[aws_lambda_permission.source, aws_sqs_queue_policy.work]")
	})
}

// spread moves a condition from an object to each of its values.
func (p *properties) spread(v any) any {
	choice, ok := v.(object)["Fn::If"].([]any)
	if !ok {
		return v
	}
	return p.mix(choice[0].(string), choice[1], choice[2])
}

func (p *properties) mix(condition string, yes, no any) any {
	a, aok := yes.(object)
	b, bok := no.(object)
	if !aok || !bok || a["Ref"] != nil || b["Ref"] != nil {
		if yes == "true" && isNoValue(no) {
			no = "false"
		}
		return object{"Fn::If": []any{condition, yes, no}}
	}
	all := object{}
	for k := range a {
		all[k] = nil
	}
	for k := range b {
		all[k] = nil
	}
	for k := range all {
		x, y := a[k], b[k]
		if x == nil {
			x = object{"Ref": "AWS::NoValue"}
		}
		if y == nil {
			y = object{"Ref": "AWS::NoValue"}
		}
		all[k] = p.mix(condition, x, y)
	}
	return all
}

func (p *properties) role() {
	p.self(func() {
		// Roles belong to no region, so one name would allow one region alone.
		p.w.attribute("name_prefix", `"${substr(local.name, 0, 28)}-`+label(p.id)+`-"`)
		p.json("assume_role_policy", "AssumeRolePolicyDocument")
		p.set("permissions_boundary", "PermissionsBoundary", "path", "Path")
		p.w.attribute("tags", tagsLine)
	})
	for _, policy := range p.take("Policies").([]any) {
		in := &properties{p.module, p.id + ".Policies", policy.(object)}
		p.open("aws_iam_role_policy", func() {
			in.set("name", "PolicyName")
			p.w.attribute("role", p.address(p.id)+".id")
			in.json("policy", "PolicyDocument")
		})
		in.end()
	}
}

func (p *properties) function() {
	p.self(func() {
		p.set("function_name", "FunctionName", "description", "Description", "role", "Role", "runtime", "Runtime",
			"handler", "Handler", "architectures", "Architectures")
		p.take("Code")
		p.w.attribute("filename", "var.zip")
		p.w.attribute("source_code_hash", "filebase64sha256(var.zip)")
		p.set("memory_size", "MemorySize", "timeout", "Timeout", "reserved_concurrent_executions", "ReservedConcurrentExecutions")
		p.w.attribute("tags", tagsLine)
		p.nested("ephemeral_storage", "EphemeralStorage", "size", "Size")
		p.nested("logging_config", "LoggingConfig", "log_format", "LogFormat", "log_group", "LogGroup")
		p.nested("environment", "Environment", "variables", "Variables")
		p.w.block("lifecycle", func() {
			for name, rule := range p.module.part("Rules") {
				if name == "OwnNotifications" { // Terraform can write those of an existing bucket
					continue
				}
				for _, a := range rule.(object)["Assertions"].([]any) {
					p.w.block("precondition", func() {
						p.w.attribute("condition", p.conditionText(a.(object)["Assert"]))
						p.w.attribute("error_message", quote(a.(object)["AssertDescription"].(string)))
					})
				}
			}
		})
		p.w.gap()
		p.w.attribute("depends_on", "[aws_iam_role_policy.function]")
	})
	p.open("aws_lambda_function_recursion_config", func() {
		p.w.attribute("function_name", p.attributeOf(p.id, ""))
		p.set("recursive_loop", "RecursiveLoop")
	})
}

func (p *properties) alarm() {
	p.self(func() {
		p.set("alarm_name", "AlarmName", "alarm_description", "AlarmDescription", "namespace", "Namespace", "metric_name", "MetricName")
		if list, ok := p.take("Dimensions").([]any); ok {
			names := object{}
			for _, d := range list {
				names[d.(object)["Name"].(string)] = d.(object)["Value"]
			}
			p.w.attribute("dimensions", hclObject(sortedKeys(names), func(k string) string { return p.expression(names[k]) }))
		}
		p.set("statistic", "Statistic", "period", "Period", "evaluation_periods", "EvaluationPeriods",
			"comparison_operator", "ComparisonOperator", "threshold", "Threshold", "treat_missing_data", "TreatMissingData",
			"alarm_actions", "AlarmActions")
		p.w.attribute("tags", tagsLine)
	})
}

func (p *properties) schedule() {
	p.self(func() {
		p.set("name", "Name", "schedule_expression", "ScheduleExpression")
		p.nested("flexible_time_window", "FlexibleTimeWindow", "mode", "Mode")
		in := p.inside("Target")
		p.w.block("target", func() {
			in.set("arn", "Arn", "role_arn", "RoleArn", "input", "Input")
			in.nested("retry_policy", "RetryPolicy", "maximum_retry_attempts", "MaximumRetryAttempts")
		})
		in.end()
	})
}

func (p *properties) budget() {
	p.self(func() {
		in := p.inside("Budget")
		in.set("name", "BudgetName", "budget_type", "BudgetType", "time_unit", "TimeUnit")
		limit := in.inside("BudgetLimit")
		limit.set("limit_amount", "Amount", "limit_unit", "Unit")
		limit.end()
		p.w.attribute("tags", tagsLine)
		for name, values := range in.take("CostFilters").(object) {
			p.w.block("cost_filter", func() {
				p.w.attribute("name", quote(name))
				p.w.attribute("values", p.expression(values))
			})
		}
		in.end()
		choice := p.take("NotificationsWithSubscribers").(object)["Fn::If"].([]any)
		names := []string{"notification_type", "NotificationType", "comparison_operator", "ComparisonOperator", "threshold", "Threshold",
			"threshold_type", "ThresholdType"}
		var items []string
		for _, n := range choice[1].([]any) {
			in := &properties{p.module, p.id + ".Notification", n.(object)}
			of := in.inside("Notification")
			values := map[string]string{}
			var keys []string
			for i := 0; i < len(names); i += 2 {
				keys = append(keys, names[i])
				values[names[i]] = p.plainValue(of.take(names[i+1]))
			}
			of.end()
			subscriber := in.take("Subscribers").([]any)[0].(object)
			if subscriber["SubscriptionType"] != "EMAIL" {
				p.t.Errorf("no translation of %v", subscriber)
			}
			in.end()
			keys = append(keys, "subscriber_email_addresses")
			values["subscriber_email_addresses"] = hclList([]string{p.expression(subscriber["Address"])})
			items = append(items, hclObject(keys, func(k string) string { return values[k] }))
		}
		p.w.block(`dynamic "notification"`, func() {
			p.w.attribute("for_each", p.condName(choice[0].(string))+" ? "+hclList(items)+" : []")
			p.w.block("content", func() {
				for i := 0; i < len(names); i += 2 {
					p.w.attribute(names[i], "notification.value."+names[i])
				}
				p.w.attribute("subscriber_email_addresses", "notification.value.subscriber_email_addresses")
			})
		})
	})
}

// dashboard translates a dashboard in JSON with holes, one of which holds entries on a condition.
func (m *module) dashboard(sub []any) string {
	variables := sub[1].(object)
	var extra []string
	text := hole.ReplaceAllStringFunc(sub[0].(string), func(s string) string {
		name := s[2 : len(s)-1]
		v, ok := variables[name]
		if !ok {
			return "\\u0001" + name + "\\u0001"
		}
		choice := v.(object)["Fn::If"].([]any)
		inner := choice[1].(object)["Fn::Sub"].([]any)
		items := "[" + strings.TrimPrefix(strings.TrimSpace(inner[0].(string)), ",") + "]"
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(hole.ReplaceAllString(items, "\\u0002$0\\u0002")), &list); err != nil || choice[2] != "" {
			m.t.Fatalf("no translation of %v: %v", choice, err)
		}
		for _, item := range list {
			value := m.jsonText(item, func(name string) string { return m.expression(inner[1].(object)[name]) })
			extra = append(extra, m.condName(choice[0].(string))+" ? "+value+" : null")
		}
		return ", \"\\u0003\""
	})
	s := m.jsonText([]byte(text), m.holeValue)
	marker := regexp.MustCompile(`( *)"\x03",\n`)
	at := marker.FindStringSubmatchIndex(s)
	if at == nil {
		m.t.Fatal("the dashboard has no entries on a condition")
	}
	indent := s[at[2]:at[3]]
	lines := ""
	for _, e := range extra {
		lines += indent + strings.ReplaceAll(e, "\n", "\n"+indent) + ",\n"
	}
	// The list around the marker drops what is null.
	before, after := s[:at[0]], s[at[1]:]
	open := strings.LastIndex(before, "= [\n")
	closing := strings.Index(after, "]")
	return before[:open] + "= [for m in [" + before[open+3:] + lines + after[:closing] + "] : m if m != null]" + after[closing+1:]
}

func (m *module) holeValue(name string) string {
	if id, attribute, ok := strings.Cut(name, "."); ok {
		return m.attributeOf(id, attribute)
	}
	return m.reference(name)
}

// jsonText translates JSON in the order of its keys. Holes are texts between two U+0001 or U+0002.
func (m *module) jsonText(data []byte, value func(name string) string) string {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var read func() string
	read = func() string {
		token, err := d.Token()
		if err != nil {
			m.t.Fatalf("%v in %s", err, data)
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '[' {
				var items []string
				for d.More() {
					items = append(items, read())
				}
				_, _ = d.Token()
				if slices.ContainsFunc(items, func(s string) bool { return strings.Contains(s, "\x03") }) {
					w := &hcl{depth: 1}
					for _, item := range items {
						w.line(item + ",")
					}
					return "[\n" + w.text.String() + "]"
				}
				return hclList(items)
			}
			var keys []string
			values := map[string]string{}
			for d.More() {
				k, _ := d.Token()
				keys = append(keys, k.(string))
				values[k.(string)] = read()
			}
			_, _ = d.Token()
			text := hclObject(keys, func(k string) string { return values[k] })
			if one := "{ " + strings.Join(lineless(text), ", ") + " }"; len(keys) == 1 && len(one) < 60 {
				return one
			}
			return text
		case json.Number:
			return token.String()
		case string:
			if strings.HasPrefix(token, "\x01") {
				return value(strings.Trim(token, "\x01"))
			}
			if strings.HasPrefix(token, "\x02") {
				return value(strings.Trim(strings.Trim(token, "\x02"), "${}"))
			}
			if token == "\x03" {
				return "\"\x03\""
			}
			return quote(token)
		}
		m.t.Fatalf("no translation of %v", token)
		return ""
	}
	return read()
}

// lineless returns the lines of an object between its braces.
func lineless(object string) []string {
	var lines []string
	for l := range strings.SplitSeq(strings.Trim(object, "{}\n"), "\n") {
		lines = append(lines, strings.TrimSpace(l))
	}
	return lines
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
