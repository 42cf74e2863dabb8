package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeLists writes a price list of each service, in which every price of two regions is known but
// those that lacks names as "location/name".
func writeLists(t *testing.T, lacks ...string) string {
	t.Helper()
	dir := t.TempDir()
	lists := map[string]map[string]map[string]any{}
	for i, f := range wanted {
		for j, name := range f.names {
			for _, location := range []string{"EU (Ireland)", "EU (Paris)"} {
				if strings.Contains(strings.Join(lacks, "\n"), location+"/"+name) {
					continue
				}
				if lists[f.service] == nil {
					lists[f.service] = map[string]map[string]any{}
				}
				if lists[f.service][location] == nil {
					lists[f.service][location] = map[string]any{}
				}
				lists[f.service][location][name] = map[string]string{"price": fmt.Sprintf("0.%d%d00000", i+1, 9-j)}
			}
		}
	}
	for service, regions := range lists {
		data, err := json.Marshal(map[string]any{"regions": regions,
			"manifest": map[string]string{"hawkFilePublicationDate": "2025-12-02T15:39:00Z"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, service+".json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestGenerate: the table is Go, copies what the lists say, and names a region that lacks a price. A
// service that AWS does not have everywhere may lack one.
func TestGenerate(t *testing.T) {
	dir := writeLists(t, "EU (Paris)/Alarm Standard", "EU (Ireland)/Rekognition Image API upto 1MM per Images Processed Group2")
	var out bytes.Buffer
	if err := run(&out, dir, "2025-12-06", "a test"); err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "regions.go", out.Bytes(), parser.AllErrors); err != nil {
		t.Error(err)
	}
	for _, part := range []string{
		`const dated = "2025-12-06"`, "As read on 2025-12-06 from a test.", "Published: cloudwatch 2025-12-02, ",
		`"eu-west-1": { // EU (Ireland)`, "request: 0.19,", "{51200, 0.69}, {512000, 0.68}, {math.Inf(1), 0.67}",
		`// Of eu-west-3, "Alarm Standard" of cloudwatch is not known.`,
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
	for _, part := range []string{`"eu-west-3": {`, "moderation"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("%q is in\n%s", part, out.String())
		}
	}
}

// TestGenerateRefuses what is no price list.
func TestGenerateRefuses(t *testing.T) {
	dir := writeLists(t)
	if err := run(&bytes.Buffer{}, dir, "yesterday", "a test"); err == nil {
		t.Error("a date that is none is taken")
	}
	if err := os.WriteFile(filepath.Join(dir, "s3.json"), []byte(`{"regions": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(&bytes.Buffer{}, dir, "2025-12-06", "a test"); err == nil || !strings.Contains(err.Error(), "s3") {
		t.Errorf("a list without regions: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "lambda.json")); err != nil {
		t.Fatal(err)
	}
	if err := run(&bytes.Buffer{}, dir, "2025-12-06", "a test"); err == nil {
		t.Error("a list that is not there is no error")
	}
}
