package deployment_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestDocumentsNameTheCeiling: what an hour costs at most with the template's defaults is what the
// documents say.
func TestDocumentsNameTheCeiling(t *testing.T) {
	known, err := deployment.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	for name, p := range known {
		if p.Default != nil {
			defaults[name] = *p.Default
		}
	}
	c, err := price.Limit(deployment.Exposure("us-east-1", defaults, deployment.DefaultAccountLimit,
		recipe.Default(formats.All())))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]float64{}
	for _, l := range c.Lines {
		parts[strings.Fields(l.Name)[0]] += l.USD
	}
	compute := c.Lines[0].USD
	for file, form := range map[string]string{"aws.md": "$%.2f", "aws.ja.md": "%.2f ドル"} {
		text, err := os.ReadFile("../../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for what, usd := range map[string]float64{"total": c.Total, "compute": compute, "S3": parts["S3"],
			"the rest": parts["Logs"] + parts["Lambda"] - compute, "an upload": c.Once} {
			if want := fmt.Sprintf(form, usd); !strings.Contains(string(text), want) {
				t.Errorf("docs/%s lacks %s (%s)", file, want, what)
			}
		}
	}
	readme, err := os.ReadFile("../../../README.md")
	if want := fmt.Sprintf("($%.2f by default)", c.Total); err != nil || !strings.Contains(string(readme), want) {
		t.Errorf("README.md lacks %s (%v)", want, err)
	}
}

// TestInstances: the lowest of the bounds holds, and only those that the trigger has.
func TestInstances(t *testing.T) {
	for _, test := range []struct {
		reserved, most, trigger string
		want                    int
	}{
		{"10", "5", "direct", 10}, {"0", "5", "direct", 1000}, {"10", "5", "queue", 5}, {"0", "5", "queue", 5},
		{"3", "5", "queue", 3}, {"", "", "direct", 1000},
	} {
		got := deployment.Instances(map[string]string{"ReservedConcurrency": test.reserved,
			"MaximumConcurrency": test.most, "Trigger": test.trigger}, 1000)
		if got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

// TestExposureOfARecipe: what the recipe adds is counted.
func TestExposureOfARecipe(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\n"+
		"variants: {a: {width: 1}, b: {width: 2}}\nmanifest: true\non_bad: {prefix: bad/}\nrules: [{match: x, variants: []}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := deployment.Exposure("eu-west-1", map[string]string{"Architecture": "x86_64", "Trigger": "queue",
		"MaximumConcurrency": "7", "MemoryMB": "512", "TimeoutSeconds": "60"}, 1000, r)
	want := price.Exposure{Region: "eu-west-1", Arch: "amd64", MemoryMB: 512, TimeoutSeconds: 60, Instances: 7,
		Trigger: "queue", Variants: 2, Manifest: true, RecordsBad: true, CopiesBad: true, Ignores: true}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
