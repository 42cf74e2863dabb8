package stack

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/imgmill/imgmill/internal/aws/template"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func TestNames(t *testing.T) {
	for _, bad := range []string{"", "ab", "Photos", "1photos", "photos-", "ph_otos", "a.b.c", strings.Repeat("a", 41)} {
		if _, err := NamesFor(bad); err == nil {
			t.Errorf("%q is taken as a name", bad)
		}
	}
	n, err := NamesFor(strings.Repeat("a", 40))
	if err != nil {
		t.Fatal(err)
	}
	// S3 allows 63 characters, Lambda 64, SQS 80.
	if len(n.OutputBucket) > 63 || len(n.Stack) > 64 || len(n.FailureQueue()) > 80 {
		t.Errorf("the longest name gives names that are too long: %+v", n)
	}
}

// TestTemplateFits: CloudFormation takes 51,200 bytes with the call itself (CloudFormation quotas).
func TestTemplateFits(t *testing.T) {
	if len(template.Template) > 51_200 {
		t.Errorf("the template has %d bytes", len(template.Template))
	}
}

func TestParametersAreChecked(t *testing.T) {
	known, err := Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		ok          bool
	}{
		{"MemoryMB", "1769", true}, {"MemoryMB", "127", false}, {"MemoryMB", "10241", false}, {"MemoryMB", "1 GB", false},
		{"TimeoutSeconds", "120", true}, {"TimeoutSeconds", "100", false},
		{"Trigger", "queue", true}, {"Trigger", "Queue", false},
		{"AlarmEmail", "", true}, {"AlarmEmail", "a@b.example", true}, {"AlarmEmail", "nobody", false},
		{"SourceKmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/1-2", true}, {"SourceKmsKeyArn", "alias/mine", false},
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

func TestParametersOfANewDeployment(t *testing.T) {
	p := &Plan{Settings: Settings{Names: photos(t), Recipe: recipe.Default(formats.All()), Given: map[string]string{"MemoryMB": "512"}}, Parameters: map[string]string{}}
	if err := p.choose(); err != nil {
		t.Fatal(err)
	}
	p.Carry([]byte("zip"))
	for name, want := range map[string]string{
		"MemoryMB": "512", "Architecture": "arm64", "NotifyFromTemplate": "false", "ImgmillName": "photos", "CodeBucket": "photos-code",
		"OnRemove": "keep", "ReservedConcurrency": "0",
	} {
		if p.Parameters[name] != want {
			t.Errorf("%s=%q, want %q", name, p.Parameters[name], want)
		}
	}
	// Its 16 digits are those that sha256sum begins with.
	if got := p.Parameters["CodeKey"]; got != "bootstrap-4a70fe9aa6436e02-arm64.zip" {
		t.Errorf("CodeKey=%s", got)
	}
}

// TestSettingsThatAreNotGivenStay: an update changes what is given and what follows from the recipe, and nothing else.
func TestSettingsThatAreNotGivenStay(t *testing.T) {
	now := &Plan{Settings: Settings{Names: photos(t), Recipe: recipe.Default(formats.All()), Given: map[string]string{"MemoryMB": "512", "Architecture": "x86_64"}}, Parameters: map[string]string{}}
	if err := now.choose(); err != nil {
		t.Fatal(err)
	}
	now.Parameters["SourceBucketName"], now.Parameters["TargetBucketName"] = "pics-in", "pics-out"
	now.Carry([]byte("one"))

	r := *recipe.Default(formats.All())
	r.OnRemove = recipe.Remove
	p := &Plan{
		Settings:   Settings{Names: photos(t), Recipe: &r, Given: map[string]string{"LogRetentionDays": "30"}},
		Now:        &Deployment{Names: photos(t), Status: types.StackStatusCreateComplete, Parameters: now.Parameters},
		Parameters: map[string]string{},
	}
	if err := p.choose(); err != nil {
		t.Fatal(err)
	}
	p.compare()
	if p.Arch() != "amd64" {
		t.Errorf("architecture %s", p.Arch())
	}
	p.Carry([]byte("one"))
	var changed []string
	for _, c := range p.Changes {
		changed = append(changed, c.Part+" "+c.How)
	}
	if got, want := strings.Join(changed, "; "), "LogRetentionDays 14 -> 30; OnRemove keep -> remove"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	p.Carry([]byte("two"))
	if last := p.Changes[len(p.Changes)-1]; last.Part != "code and recipe" {
		t.Errorf("another zip gives the change %v", last)
	}
}

// TestSettingsAreNamed: what makes a deployment anew has to name all that is not the template's default, and no more.
func TestSettingsAreNamed(t *testing.T) {
	n, err := NamesFor("photos")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		parameters map[string]string
		want       string
	}{
		{map[string]string{"SourceBucketName": "photos-input", "TargetBucketName": "photos-output", "Trigger": "direct", "MemoryMB": "1769", "AlarmEmail": "", "CodeKey": "k"}, ""},
		{map[string]string{"SourceBucketName": "uploads", "TargetBucketName": "photos-output", "Trigger": "queue", "Architecture": "x86_64", "AlarmEmail": "a@b.example"},
			" --source-bucket uploads --arch x86_64 --trigger queue --email a@b.example"},
	} {
		if got := (&Deployment{Names: n, Parameters: test.parameters}).settings(); got != test.want {
			t.Errorf("%v: %q, want %q", test.parameters, got, test.want)
		}
	}
	known, err := Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Flags {
		if _, ok := known[f.Parameter]; !ok {
			t.Errorf("--%s is parameter %s, which the template has not", f.Flag, f.Parameter)
		}
	}
}
