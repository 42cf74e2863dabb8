// Package manifesttest checks manifests by their schema, with an implementation of JSON Schema that is not
// ours.
package manifesttest

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imgmill/imgmill/internal/pipeline/manifest"
)

// Validate returns what the schema refuses in a manifest. What is no JSON ends the test.
func Validate(t *testing.T, data []byte) error {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(manifest.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("manifest.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(value)
}
