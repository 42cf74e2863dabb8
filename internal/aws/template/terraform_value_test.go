package template_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/aws/export"
)

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
