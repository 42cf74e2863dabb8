package stack

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func TestParametersOfANewDeployment(t *testing.T) {
	p := &Plan{Settings: Settings{Names: photosNames(t), Recipe: recipe.Default(formats.All()),
		Given: map[string]string{"MemoryMB": "512"}}, Parameters: map[string]string{}}
	if err := p.chooseParameters(); err != nil {
		t.Fatal(err)
	}
	p.SetZip([]byte("zip"))
	for name, want := range map[string]string{
		"MemoryMB": "512", "Architecture": "arm64", "NotifyFromTemplate": "false",
		"ImgmillName": "photos", "CodeBucket": "photos-code",
		"OnRemove": "keep", "ReservedConcurrency": "10",
	} {
		if p.Parameters[name] != want {
			t.Errorf("%s=%q, want %q", name, p.Parameters[name], want)
		}
	}
	// The 16 digits are the first of sha256sum.
	if got := p.Parameters["CodeKey"]; got != "bootstrap-4a70fe9aa6436e02-arm64.zip" {
		t.Errorf("CodeKey=%s", got)
	}
}

// TestUpdateKeepsOtherSettings: an update changes what is given and what follows from the recipe,
// and nothing else.
func TestUpdateKeepsOtherSettings(t *testing.T) {
	first := &Plan{Settings: Settings{Names: photosNames(t), Recipe: recipe.Default(formats.All()),
		Given: map[string]string{"MemoryMB": "512", "Architecture": "x86_64"}},
		Parameters: map[string]string{}}
	if err := first.chooseParameters(); err != nil {
		t.Fatal(err)
	}
	first.Parameters["SourceBucketName"], first.Parameters["TargetBucketName"] = "pics-in", "pics-out"
	first.SetZip([]byte("one"))

	r := *recipe.Default(formats.All())
	r.OnRemove = recipe.Remove
	p := &Plan{
		Settings: Settings{Names: photosNames(t), Recipe: &r,
			Given: map[string]string{"LogRetentionDays": "30"}},
		Current: &deployment.Deployment{Names: photosNames(t),
			Status: types.StackStatusCreateComplete, Parameters: first.Parameters},
		Parameters: map[string]string{},
	}
	if err := p.chooseParameters(); err != nil {
		t.Fatal(err)
	}
	p.compare()
	if p.Arch() != "amd64" {
		t.Errorf("architecture %s", p.Arch())
	}
	p.SetZip([]byte("one"))
	var changed []string
	for _, c := range p.Changes {
		changed = append(changed, c.Part+" "+c.Detail)
	}
	if got, want := strings.Join(changed,
		"; "), "LogRetentionDays 14 -> 30; OnRemove keep -> remove"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	p.SetZip([]byte("two"))
	if last := p.Changes[len(p.Changes)-1]; last.Part != "code and recipe" {
		t.Errorf("another zip causes the change %v", last)
	}
}

func photosNames(t *testing.T) deployment.Names {
	t.Helper()
	n, err := deployment.NamesFor("photos")
	if err != nil {
		t.Fatal(err)
	}
	return n
}
