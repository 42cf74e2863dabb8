package deployment

import (
	"fmt"
	"strings"
	"testing"
)

func TestNamesFor(t *testing.T) {
	for _, bad := range []string{"", "ab", "Photos", "1photos", "photos-", "ph_otos", "a.b.c",
		strings.Repeat("a", 41)} {
		if _, err := NamesFor(bad); err == nil {
			t.Errorf("%q is accepted as a name", bad)
		}
	}
	n, err := NamesFor(strings.Repeat("a", 40))
	if err != nil {
		t.Fatal(err)
	}
	// S3 allows 63 characters, Lambda 64, SQS 80.
	if len(n.OutputBucket) > 63 || len(n.Stack) > 64 || len(n.FailureQueue()) > 80 {
		t.Errorf("the longest name makes names that are too long: %+v", n)
	}
}

func TestParameterCheck(t *testing.T) {
	known, err := Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		ok          bool
	}{
		{"MemoryMB", "1769", true}, {"MemoryMB", "127", false}, {"MemoryMB", "10241", false},
		{"MemoryMB", "1 GB", false},
		{"TimeoutSeconds", "120", true}, {"TimeoutSeconds", "100", false},
		{"Trigger", "queue", true}, {"Trigger", "Queue", false},
		{"AlarmEmail", "", true}, {"AlarmEmail", "a@b.example", true},
		{"AlarmEmail", "nobody", false},
		{"SourceKmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/1-2", true},
		{"SourceKmsKeyArn", "alias/mine", false},
		{"ReservedConcurrency", "0", true}, {"ReservedConcurrency", "-1", false},
	} {
		p, there := known[c.name]
		if !there {
			t.Errorf("the template has no parameter %s", c.name)
		} else if err := p.Check(c.value); (err == nil) != c.ok {
			t.Errorf("%s=%q: %v", c.name, c.value, err)
		}
	}
}

// TestChangedFlags: recreating a deployment takes every setting that differs from the template's
// default, and no other.
func TestChangedFlags(t *testing.T) {
	n, err := NamesFor("photos")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		parameters map[string]string
		tags       map[string]string
		want       string
	}{
		{map[string]string{"SourceBucketName": "photos-input", "TargetBucketName": "photos-output",
			"Trigger": "direct", "MaximumConcurrency": "50", "MemoryMB": "1769", "AlarmEmail": "", "CodeKey": "k"},
			map[string]string{TagName: "photos"}, ""},
		{map[string]string{"SourceBucketName": "uploads", "TargetBucketName": "photos-output",
			"Trigger": "queue", "Architecture": "x86_64", "AlarmEmail": "a@b.example",
			"AuditSchedule": "cron(0 3 * * ? *)"},
			map[string]string{TagName: "photos", "team": "web", "it's": "ours"},
			" --source-bucket uploads --arch x86_64 --trigger queue --audit 'cron(0 3 * * ? *)' --email a@b.example --tags 'it'\\''s=ours,team=web'"},
	} {
		if got := (&Deployment{Names: n, Parameters: test.parameters,
			Tags: test.tags}).ChangedFlags(); got != test.want {
			t.Errorf("%v: %q, want %q", test.parameters, got, test.want)
		}
	}
	known, err := Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Flags {
		if _, ok := known[f.Parameter]; !ok {
			t.Errorf("--%s sets parameter %s, which the template does not have", f.Flag,
				f.Parameter)
		}
	}
}

func TestParseTags(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "b=2,a=1": "a=1,b=2", "Kostenstelle=Büro 7": "Kostenstelle=Büro 7", "empty=": "empty=", "url=a=b": "url=a=b",
	} {
		tags, err := ParseTags(text)
		if err != nil || TagsText(tags) != want {
			t.Errorf("%s: %v, %v", text, tags, err)
		}
	}
	for text, want := range map[string]string{
		"team": "KEY=VALUE", "=x": "KEY=VALUE", "a=1,": "KEY=VALUE", "a=1,a=2": "twice", "aws:a=1": "taken", TagName + "=x": "taken",
		"a=1, b=2": "space", "a = 1": "space", "a=#": "not a tag", strings.Repeat("k", 129) + "=v": "not a tag", "k=" + strings.Repeat("v", 257): "not a tag",
		"a=1" + strings.Repeat(",b", 60): "KEY=VALUE",
	} {
		if _, err := ParseTags(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
	many := "k=v"
	for i := range 49 {
		many += fmt.Sprintf(",k%d=v", i)
	}
	if _, err := ParseTags(many); err == nil || !strings.Contains(err.Error(), "50 tags") {
		t.Errorf("50 tags: %v", err)
	}
}
