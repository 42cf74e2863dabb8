package deployment_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestAccess: the ARNs are patterns, in which characters of a key mean nothing else, and they fit into a
// role.
func TestAccess(t *testing.T) {
	many := "variants:\n"
	for i := range 40 {
		many += fmt.Sprintf("  a-variant-with-a-long-name-%d: {width: %d}\n", i, 10+i)
	}
	for _, test := range []struct{ text, source, target string }{
		{"source: {bucket: my-input}\ntarget: {bucket: my-output}", "", ""},
		{"source: {bucket: my-input, prefix: in/}\ntarget: {bucket: my-output}", "arn:aws-cn:s3:::my-input/in/*",
			"arn:aws-cn:s3:::my-output/.imgmill/bad/*,arn:aws-cn:s3:::my-output/in/*"},
		{"source: {bucket: my-input, prefix: 'a$b/'}\ntarget: {bucket: my-output, key: 'x,y/{key}'}", "arn:aws-cn:s3:::my-input/a*",
			"arn:aws-cn:s3:::my-output/.imgmill/bad/*,arn:aws-cn:s3:::my-output/x*"},
		{"source: {bucket: my-input, prefix: '*/'}\ntarget: {bucket: my-output}", "", ""},
		{"source: {bucket: my-input, prefix: in/}\ntarget: {bucket: my-output}\n" + many, "arn:aws-cn:s3:::my-input/in/*", ""},
	} {
		r, err := recipe.Parse(formats.All(), "test", []byte(test.text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		source, target := deployment.Access(r, "aws-cn", "my-input", "my-output")
		if source != test.source || target != test.target {
			t.Errorf("%s: %s and %s, want %s and %s", strings.SplitN(test.text, many, 2)[0], source, target, test.source, test.target)
		}
	}
}
