package stack

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func TestParametersOfANewDeployment(t *testing.T) {
	p := &Plan{Settings: Settings{Names: photosNames(t), Recipe: recipe.Default(formats.All()),
		Given: map[string]string{"MemoryMB": "1536"}}, Parameters: map[string]string{}}
	if err := p.chooseParameters(); err != nil {
		t.Fatal(err)
	}
	p.SetZip([]byte("zip"))
	for name, want := range map[string]string{
		"MemoryMB": "1536", "Architecture": "arm64", "NotifyFromTemplate": "false",
		"ImgmillName": "photos", "CodeBucket": "photos-code",
		"OnRemove": "keep", "RemoveReplaced": "false", "SetTags": "false", "SetAcl": "false", "ReadOverlays": "false", "ReservedConcurrency": "10",
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
		Given: map[string]string{"MemoryMB": "1536", "Architecture": "x86_64"}},
		Parameters: map[string]string{}}
	if err := first.chooseParameters(); err != nil {
		t.Fatal(err)
	}
	first.Parameters["SourceBucketName"], first.Parameters["TargetBucketName"] = "pics-in", "pics-out"
	first.SetZip([]byte("one"))

	r := *recipe.Default(formats.All())
	r.OnRemove = recipe.Remove
	r.Target.Attributes = recipe.Attributes{Tags: map[string]string{"team": "web"}, ACL: "public-read"}
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
		"; "), "days to keep the log 14 -> 30; variants of removed uploads keep -> remove; "+
		"right to set the ACL of variants no -> yes; right to tag variants no -> yes"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	p.SetZip([]byte("two"))
	if last := p.Changes[len(p.Changes)-1]; last.Part != "code and recipe" {
		t.Errorf("another zip causes the change %v", last)
	}
}

// TestMemoryAndLimits: a plan says with numbers where the recipe's limits and the function's memory do
// not fit each other, and refuses a limit beyond all of it.
func TestMemoryAndLimits(t *testing.T) {
	for limits, want := range map[string]struct{ note, err string }{
		"": {}, "limits: {pixels: 300MP}": {note: "add --memory 1972, or lower limits.pixels to 268MP."},
		"limits: {memory: 4GiB}": {err: "the function has 1769 MB in all: add --memory 6891, or"},
	} {
		r, err := recipe.Parse(formats.All(), "test",
			[]byte("source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n"+limits))
		if err != nil {
			t.Fatal(err)
		}
		p := &Plan{Settings: Settings{Names: photosNames(t), Recipe: r}, Parameters: map[string]string{}}
		err = p.chooseParameters()
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%q: the error is %v, want %q", limits, err, want.err)
		}
		if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, want.note) || (notes == "") != (want.note == "") {
			t.Errorf("%q: the notes are %q, want %q", limits, notes, want.note)
		}
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

// TestNotify: what the role needs for events follows from the recipe; secrets come from the environment, and are neither
// shown nor lost.
func TestNotify(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	plan := func(more string, env, current map[string]string) (*Plan, error) {
		r, err := recipe.Parse(formats.All(), "test",
			[]byte("source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n"+more))
		if err != nil {
			t.Fatal(err)
		}
		p := &Plan{Settings: Settings{Names: photosNames(t), Recipe: r, Getenv: func(name string) string { return env[name] }},
			Parameters: map[string]string{}}
		if current != nil {
			p.Current = &deployment.Deployment{Parameters: current}
		}
		err = p.chooseParameters()
		p.compare()
		return p, err
	}
	const arns = `notify:
  - {to: "arn:aws:sqs:eu-west-1:123456789012:a"}
  - {to: "arn:aws:sns:eu-west-1:123456789012:b"}
  - {to: "arn:aws:sqs:eu-west-1:123456789012:c"}
  - {to: "arn:aws:events:eu-west-1:123456789012:event-bus/default"}
`
	p, err := plan(arns, nil, nil)
	for name, want := range map[string]string{
		"Notify": "true", "NotifyQueueArns": "arn:aws:sqs:eu-west-1:123456789012:a,arn:aws:sqs:eu-west-1:123456789012:c",
		"NotifyTopicArns": "arn:aws:sns:eu-west-1:123456789012:b", "NotifySecrets": "",
		"NotifyBusArns": "arn:aws:events:eu-west-1:123456789012:event-bus/default",
	} {
		if err != nil || p.Parameters[name] != want {
			t.Errorf("%s=%q, want %q: %v", name, p.Parameters[name], want, err)
		}
	}
	const hooks = `notify: [{to: "https://a.example/", secret_env: HOOK}, {to: "nats://b.example/s", secret_env: NATS}]
`
	both := map[string]string{"HOOK": secret, "NATS": "me:pw"}
	for _, test := range []struct {
		more         string
		env, current map[string]string
		want, err    string
	}{
		{hooks, both, nil, "HOOK=" + secret + " NATS=me:pw", ""},
		{hooks, both, map[string]string{"NotifySecrets": hidden}, "HOOK=" + secret + " NATS=me:pw", ""},
		{hooks, nil, map[string]string{"NotifySecrets": hidden, "Notify": "true"}, hidden, ""},
		{hooks, nil, map[string]string{"NotifySecrets": hidden, "Notify": "false"}, "", "set HOOK, NATS in the environment"},
		{hooks, nil, nil, "", "set HOOK, NATS in the environment"},
		{hooks, map[string]string{"HOOK": secret}, map[string]string{"NotifySecrets": hidden}, "", "set NATS too"},
		{hooks, map[string]string{"HOOK": "whsec_cGFzc3dvcmQ=", "NATS": "a"}, nil, "", "the secret in HOOK is not one of Standard Webhooks"},
		{hooks, map[string]string{"HOOK": secret, "NATS": "a b"}, nil, "", "the secret in NATS contains a space"},
		{arns, both, map[string]string{"NotifySecrets": hidden}, "", ""},
		{`notify: [{to: "http://localhost:3000/", secret_env: HOOK}]`, both, nil, "", "has no services of its own machine"},
	} {
		p, err := plan(test.more, test.env, test.current)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) || err == nil && p.Parameters["NotifySecrets"] != test.want {
			t.Errorf("%v, %v: %q, %v", test.env, test.current, p.Parameters["NotifySecrets"], err)
		}
		for _, c := range p.Changes {
			if err == nil && test.want == "" && strings.Contains(c.Part, "secrets") {
				t.Errorf("a change of no secrets: %v", c)
			}
			if strings.Contains(c.Detail, "whsec_") {
				t.Errorf("a secret is shown: %v", c)
			}
		}
		if err != nil && strings.Contains(err.Error(), "cGFzc3dvcmQ") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}

// TestWords: every parameter that an update may change has a name in words.
func TestWords(t *testing.T) {
	known, err := deployment.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	fixed := []string{"CodeBucket", "CodeKey", "CreateSourceBucket", "CreateTargetBucket", "ImgmillName", "NotifyFromTemplate",
		"SourceBucketName", "TargetBucketName"}
	for name := range known {
		if words[name] == "" && !slices.Contains(fixed, name) {
			t.Errorf("%s has no words", name)
		}
	}
	for name := range words {
		if _, ok := known[name]; !ok {
			t.Errorf("the template has no parameter %s", name)
		}
	}
	if got, want := plain("arn:aws:s3:::b/in/*,arn:aws:s3:::b/small/*"), "b/in/*, b/small/*"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTags: tags that are given replace those of the deployment, which are otherwise kept; others on a
// bucket stay.
func TestTags(t *testing.T) {
	current := &deployment.Deployment{Names: photosNames(t), Parameters: map[string]string{},
		Tags: map[string]string{deployment.TagName: "photos", "team": "web", "old": "1", "aws:x": "y"}}
	for _, c := range []struct {
		given, want map[string]string
		change      string
	}{
		{nil, map[string]string{"team": "web", "old": "1"}, ""},
		{map[string]string{"team": "app"}, map[string]string{"team": "app"}, "old=1,team=web -> team=app"},
		{map[string]string{}, map[string]string{}, "old=1,team=web -> (none)"},
	} {
		p := &Plan{Settings: Settings{Names: photosNames(t), Tags: c.given}, Current: current, Parameters: map[string]string{}}
		p.keepTags()
		p.compare()
		var change string
		for _, ch := range p.Changes {
			change += ch.Detail
		}
		if !maps.Equal(p.Tags, c.want) || change != c.change {
			t.Errorf("given %v: %v, change %q", c.given, p.Tags, change)
		}
		tag := func(k, v string) s3types.Tag { return s3types.Tag{Key: &k, Value: &v} }
		tags, changed := p.retag([]s3types.Tag{tag("theirs", "1"), tag(deployment.TagName, "photos"), tag("team", "web"), tag("old", "1")})
		got := map[string]string{}
		for _, tag := range tags {
			got[*tag.Key] = *tag.Value
		}
		want := maps.Clone(c.want)
		want["theirs"], want[deployment.TagName] = "1", "photos"
		if !maps.Equal(got, want) || changed != (c.change != "") {
			t.Errorf("given %v: a bucket gets %v (%t), want %v", c.given, got, changed, want)
		}
	}
}

// TestNamesOfBuckets: a recipe that names other buckets than the deployment's is told so, in one
// sentence, with what to do.
func TestNamesOfBuckets(t *testing.T) {
	for _, c := range []struct {
		recipe   string
		deployed bool
		want     string
	}{
		{"source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n", false, ""},
		{"variants: {small: {width: 320}}\n", false, ""},
		{"source: {bucket: photos-input}\ntarget: {bucket: my-site}\n", false,
			"The recipe names the buckets photos-input and my-site, but photos reads photos-input and writes photos-output. " +
				"To use those of the recipe, add --target-bucket my-site."},
		{"source: {bucket: mine}\ntarget: {bucket: my-site}\n", true,
			"To use those of the recipe, run imgmill destroy photos --keep-buckets, and deploy again with --source-bucket mine --target-bucket my-site."},
	} {
		r, err := recipe.ParseAnywhere(formats.All(), "test", []byte(c.recipe))
		if err != nil {
			t.Fatal(err)
		}
		p := &Plan{Settings: Settings{Names: photosNames(t), Recipe: r},
			Parameters: map[string]string{"SourceBucketName": "photos-input", "TargetBucketName": "photos-output"}}
		if c.deployed {
			p.Current = &deployment.Deployment{}
		}
		noteNames(p)
		if notes := strings.Join(p.Notes, "\n"); !strings.HasSuffix(notes, c.want) || (notes == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.recipe, notes, c.want)
		}
	}
}

// TestPlanSaysWhatItDidNotSee: whoever may not read functions can deploy, and learns what nobody has looked at;
// any other failure ends the plan, because another tool may keep the deployment.
func TestPlanSaysWhatItDidNotSee(t *testing.T) {
	for code, status := range map[string]int{"AccessDeniedException": http.StatusForbidden, "TooManyRequestsException": http.StatusTooManyRequests} {
		c := clienttest.Open(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/functions/") {
				w.Header().Set("X-Amzn-Errortype", code)
				w.WriteHeader(status)
				return
			}
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id imgmill-photos does not exist</Message></Error></ErrorResponse>`)
		})
		p := &Plan{Settings: Settings{Names: photosNames(t)}}
		err := p.findCurrent(t.Context(), c)
		if denied := status == http.StatusForbidden; denied != (err == nil) || denied != (len(p.Notes) == 1) ||
			denied && !strings.Contains(p.Notes[0], "lambda:GetFunction") {
			t.Errorf("%s: %v, notes %q", code, err, p.Notes)
		}
	}
}
