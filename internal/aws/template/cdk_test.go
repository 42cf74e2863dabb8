package template_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/export"
	"github.com/imgmill/imgmill/internal/aws/template"
)

const constructFolder = "../../../cdk/"

// TestCDKConstruct: the construct has the template, as JSON, and a property for each parameter.
func TestCDKConstruct(t *testing.T) {
	file, err := parser.ParseBytes([]byte(template.Template), 0)
	if err != nil {
		t.Fatal(err)
	}
	root := (&formation{t: t}).typed(file.Docs[0].Body).(object)
	for _, part := range []string{"Metadata", "Rules"} { // the construct checks what the rules check
		delete(root, part)
	}
	// Two constructs in one stack need two names.
	root["Parameters"].(object)["StackName"] = object{"Type": "String", "Description": "The name of the function."}
	for _, r := range root["Resources"].(object) {
		delete(r.(object), "Metadata")
	}
	delete(root["Resources"].(object)["SourceBucket"].(object)["Properties"].(object), "NotificationConfiguration") // the construct has its own
	text, err := json.MarshalIndent(root, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, constructFolder+"template.json", strings.ReplaceAll(string(text), "AWS::StackName", "StackName")+"\n")

	known, err := deployment.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	settings, names := "", ""
	for _, name := range keysInOrder(t, "Parameters") {
		if slices.Contains([]string{"CodeBucket", "CodeKey", "ImgmillName", "SourceBucketName", "TargetBucketName", "CreateSourceBucket",
			"CreateTargetBucket", "NotifyFromTemplate"}, name) {
			continue
		}
		p := known[name]
		text := parameterName.ReplaceAllStringFunc(p.Description, func(s string) string {
			if _, ok := known[s]; ok {
				return export.Property(s)
			}
			return s
		})
		optional := ""
		if p.Default != nil {
			optional = "?"
			if *p.Default != "" {
				value := *p.Default
				if export.Kind(name, p) == "string" {
					value = strconv.Quote(value)
				}
				text += "\n   * @default " + value
			}
		}
		if strings.Contains(text, "\n") {
			text = "\n   * " + text + "\n   "
		} else {
			text = " " + text + " "
		}
		settings += fmt.Sprintf("  /**%s*/\n  readonly %s%s: %s;\n", text, export.Property(name), optional, typescript(name, p))
		names += fmt.Sprintf("  %s: %q,\n", export.Property(name), name)
	}
	golden(t, constructFolder+"src/settings.ts", "// Made from internal/aws/template/template.yaml; edit it there.\n\n"+
		"/** What may be set besides names and buckets. */\nexport interface ImgmillSettings {\n"+settings+
		"}\n\n/** The template's names of the settings. */\nexport const parameters: Record<keyof ImgmillSettings, string> = {\n"+names+"};\n")
}

// typescript returns the type of a parameter.
func typescript(name string, p deployment.Parameter) string {
	switch kind := export.Kind(name, p); {
	case kind == "bool":
		return "boolean"
	case kind == "list":
		return "string[]"
	case len(p.AllowedValues) == 0:
		return kind
	case kind == "number":
		return strings.Join(p.AllowedValues, " | ")
	}
	var values []string
	for _, v := range p.AllowedValues {
		values = append(values, strconv.Quote(v))
	}
	return strings.Join(values, " | ")
}

// typed converts a node as plain does, but keeps numbers and booleans.
func (f *formation) typed(n ast.Node) any {
	switch n := n.(type) {
	case *ast.MappingNode:
		m := object{}
		for _, v := range n.Values {
			m[f.plain(v.Key).(string)] = f.typed(v.Value)
		}
		return m
	case *ast.MappingValueNode:
		return object{f.plain(n.Key).(string): f.typed(n.Value)}
	case *ast.SequenceNode:
		list := []any{}
		for _, v := range n.Values {
			list = append(list, f.typed(v))
		}
		return list
	case *ast.TagNode:
		switch long := f.plain(n).(object); {
		case long["Ref"] != nil || long["Fn::GetAtt"] != nil:
			return long
		}
		return object{"Fn::" + strings.TrimPrefix(n.Start.Value, "!"): f.typed(n.Value)}
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		return n.Value
	case *ast.FloatNode:
		return n.Value
	}
	return f.plain(n)
}
