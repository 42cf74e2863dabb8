package template_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/dispatch"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/devcloud"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

// recorder is a proxy between the function and S3 that records every call with the status of its
// response.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

type call struct {
	request *http.Request
	status  int
}

func (c call) String() string {
	return fmt.Sprintf("%s %s -> %d", c.request.Method, c.request.URL, c.status)
}

func record(t *testing.T, endpoint string) *recorder {
	t.Helper()
	backend, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	r.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(backend)
			p.Out.Host = p.In.Host // the signature covers it
		},
		ModifyResponse: func(answer *http.Response) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.calls = append(r.calls, call{answer.Request, answer.StatusCode})
			return nil
		},
	})
	t.Cleanup(r.Close)
	return r
}

// taken returns the calls since it was last called.
func (r *recorder) taken() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// need is one action on one resource that a role must allow, and the service through which KMS is
// reached.
type need struct{ action, resource, via string }

// needs returns the permissions that S3 requires for a call: Amazon S3 API Reference, "Permissions"
// of each operation; Service Authorization Reference, "Actions, resources, and condition keys for
// Amazon S3"; Amazon S3 User Guide, "Add preconditions to S3 operations with conditional requests".
// Of KMS, the calls that S3 makes for the caller if the bucket has a key.
func needs(t *testing.T, c call) []need {
	t.Helper()
	r := c.request
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	whole := "arn:aws:s3:::" + name
	object := whole + "/" + key
	keys := map[string]string{"photos-input": sourceKey, "photos-output": targetKey}
	kms := func(action, bucket string) need {
		return need{"kms:" + action, keys[bucket], "s3.us-east-1.amazonaws.com"}
	}

	query := r.URL.Query()
	query.Del("x-id") // the SDK's name of the operation
	if r.Method == http.MethodGet && key == "" && query.Get("list-type") == "2" {
		return []need{{"s3:ListBucket", whole, ""}}
	}
	if r.Method == http.MethodGet && query.Has("tagging") && len(query) == 1 {
		return []need{{"s3:GetObjectTagging", object, ""}}
	}
	if key == "" || len(query) > 0 || keys[name] == "" {
		t.Fatalf("a call that the test does not know: %s", c)
	}
	for header := range r.Header {
		for _, needy := range []string{"X-Amz-Grant-", "X-Amz-Object-Lock-",
			"X-Amz-Bypass-", "X-Amz-Server-Side-", "X-Amz-Website-"} {
			if strings.HasPrefix(header, needy) {
				t.Fatalf("%s: the header %s wants an action that the test does not know", c, header)
			}
		}
	}
	var all []need
	tagging := r.Header.Get("X-Amz-Tagging") != ""
	switch from, copies := r.Header["X-Amz-Copy-Source"]; {
	case r.Method == http.MethodPut && copies:
		decoded, err := url.PathUnescape(from[0])
		if err != nil {
			t.Fatal(err)
		}
		fromBucket, _, _ := strings.Cut(decoded, "/")
		all = append(all, need{"s3:GetObject", "arn:aws:s3:::" + decoded, ""},
			need{"s3:PutObject", object, ""},
			kms("Decrypt", fromBucket), kms("GenerateDataKey", name))
		if r.Header.Get("X-Amz-Tagging-Directive") != "REPLACE" {
			all = append(all, need{"s3:GetObjectTagging", "arn:aws:s3:::" + decoded, ""})
			tagging = true
		}
	case r.Method == http.MethodPut:
		all = append(all, need{"s3:PutObject", object, ""}, kms("GenerateDataKey", name))
	case r.Method == http.MethodDelete:
		all = append(all, need{"s3:DeleteObject", object, ""})
	case r.Method == http.MethodGet:
		all = append(all, need{"s3:GetObject", object, ""}, kms("Decrypt", name))
	case r.Method == http.MethodHead:
		all = append(all, need{"s3:GetObject", object, ""})
		if r.Header.Get("X-Amz-Checksum-Mode") != "" {
			all = append(all, kms("Decrypt", name))
		}
	default:
		t.Fatalf("a call that the test does not know: %s", c)
	}
	if r.Header.Get("X-Amz-Acl") != "" {
		all = append(all, need{"s3:PutObjectAcl", object, ""})
	}
	if tagging {
		all = append(all, need{"s3:PutObjectTagging", object, ""})
	}
	if r.Header.Get("If-Match") != "" && r.Method != http.MethodGet {
		all = append(all, need{"s3:GetObject", object, ""})
	}
	if c.status == http.StatusNotFound {
		all = append(all, need{"s3:ListBucket", whole, ""}) // without it, the answer is 403
	}
	return all
}

// lambdas are the calls that Lambda makes in the role's name: AWS Lambda Developer Guide, "Sending
// Lambda function logs to CloudWatch Logs", "Retaining records of asynchronous invocations",
// "Creating and configuring an Amazon SQS event source mapping". The log group is there already.
func lambdas(trigger string) []need {
	const stream = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/imgmill-photos:log-stream:2026/01/02/[$LATEST]0123"
	const work = "arn:aws:sqs:us-east-1:123456789012:imgmill-photos-work"
	all := []need{
		{"logs:CreateLogStream", stream, ""}, {"logs:PutLogEvents", stream, ""},
		{"sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:imgmill-photos-failures", ""},
	}
	if trigger == "queue" {
		all = append(all, need{"sqs:ReceiveMessage", work, ""}, need{"sqs:DeleteMessage", work, ""},
			need{"sqs:GetQueueAttributes", work, ""})
	}
	return all
}

// grant is one action on one resource that a statement allows.
type grant struct {
	sid, action, resource string
	via                   string // for KMS: through this service only
}

func (g grant) allows(n need) bool {
	// Of all patterns, the template has only a star at the end.
	prefix, open := strings.CutSuffix(g.resource, "*")
	fits := g.resource == n.resource || open && strings.HasPrefix(n.resource, prefix)
	return fits && g.action == n.action && g.via == n.via
}

// grants takes the policy of a role apart.
func grants(t *testing.T, f *formation, role string) []grant {
	t.Helper()
	var all []grant
	for _, p := range f.properties(role)["Policies"].([]any) {
		for _, s := range p.(object)["PolicyDocument"].(object)["Statement"].([]any) {
			s := s.(object)
			via := ""
			if c, ok := s["Condition"].(object); ok {
				via = c["StringEquals"].(object)["kms:ViaService"].(string)
			}
			if s["Effect"] != "Allow" {
				t.Fatalf("the test does not know the effect %v", s["Effect"])
			}
			for _, action := range texts(s["Action"]) {
				for _, resource := range texts(s["Resource"]) {
					all = append(all, grant{s["Sid"].(string), action, resource, via})
				}
			}
		}
	}
	return all
}

// compare gives what is needed and not allowed, and what is allowed and not needed.
func compare(all []grant, needed []need) (denied []need, idle []grant) {
	for _, n := range needed {
		if !slices.ContainsFunc(all, func(g grant) bool { return g.allows(n) }) &&
			!slices.Contains(denied, n) {
			denied = append(denied, n)
		}
	}
	for _, g := range all {
		if !slices.ContainsFunc(needed, g.allows) {
			idle = append(idle, g)
		}
	}
	return denied, idle
}

// others replaces the names of this deployment by those of another one whose name starts the same
// way.
var others = strings.NewReplacer("photos-input", "photos-input2", "photos-output", "photos-output2",
	"imgmill-photos", "imgmill-photos2", ":key/", ":key/2", ":pictures", ":pictures2", "/pictures", "/pictures2")

func unique(list []need) map[need]bool {
	set := map[need]bool{}
	for _, n := range list {
		set[n] = true
	}
	return set
}

// TestRoleIsExact: the role allows every call of a recorded run, grants nothing that no call
// needed, and nothing on resources of others.
func TestRoleIsExact(t *testing.T) {
	recorded := map[string][]need{}
	runs, events := recordRuns(t)
	recorded["events"] = events
	// Of a bucket with versions, which devcloud does not have, the tags of a version are asked for.
	version := func(kind string) need {
		return need{"s3:GetObjectVersionTagging", "arn:aws:s3:::photos-input/" + kind + "/a.jpg", ""}
	}
	recorded["gates"] = []need{{"rekognition:DetectModerationLabels", "*", ""}, version("gates")}
	recorded["focal"] = []need{version("focal")}
	for kind, calls := range runs {
		for _, c := range calls {
			recorded[kind] = append(recorded[kind], needs(t, c)...)
		}
		t.Logf("%s: %d calls to S3", kind, len(calls))
	}
	for kind, k := range kinds {
		for _, trigger := range []string{"direct", "queue"} {
			for _, keys := range []map[string]string{{}, {"SourceKmsKeyArn": sourceKey},
				{"TargetKmsKeyArn": targetKey},
				{"SourceKmsKeyArn": sourceKey, "TargetKmsKeyArn": targetKey}} {
				settings := map[string]string{"Trigger": trigger}
				maps.Copy(settings, k.parameters)
				settings["SourceObjectArns"], settings["TargetObjectArns"] = deployment.Access(k.recipe(t, kind), "aws",
					"photos-input", "photos-output")
				needed := lambdas(trigger)
				for _, n := range recorded[kind] {
					if n.via == "" || n.resource == keys["SourceKmsKeyArn"] ||
						n.resource == keys["TargetKmsKeyArn"] {
						needed = append(needed, n)
					}
				}
				for name, key := range keys {
					settings[name] = key
				}
				all := grants(t, form(t, settings), "LambdaResizeRole")
				denied, idle := compare(all, needed)
				for _, n := range denied {
					t.Errorf("%v: the role denies %s on %s", settings, n.action, n.resource)
				}
				strange := make([]need, 0, len(needed))
				for _, n := range needed {
					if n.resource == "*" {
						continue // it belongs to nobody
					}
					strange = append(strange, need{n.action, others.Replace(n.resource), n.via})
				}
				for _, n := range needed { // keys elsewhere in the same buckets
					if name, key, _ := strings.Cut(n.resource, "/"); key != "" && strings.HasPrefix(n.resource, "arn:aws:s3:") {
						strange = append(strange, need{n.action, name + "/elsewhere/" + key, n.via})
					}
				}
				if denied, _ := compare(all, strange); len(denied) != len(unique(strange)) {
					t.Errorf("%v: of what belongs to others, the role denies only %v", settings,
						denied)
				}
				used := slices.DeleteFunc(slices.Clone(all), func(g grant) bool { return slices.Contains(idle, g) })
				for _, g := range idle {
					// The lists of objects of a bucket are the same in all statements: a run need not do
					// everything everywhere.
					if slices.ContainsFunc(used, func(u grant) bool { return u.sid == g.sid && u.action == g.action }) &&
						slices.ContainsFunc(used, func(u grant) bool { return u.resource == g.resource }) {
						continue
					}
					t.Errorf("%v: nothing needs %s on %s (%s)", settings, g.action, g.resource,
						g.sid)
				}
			}
		}
	}
	// The comparison can fail: each run is compared with the other one's role.
	denied, _ := compare(grants(t, form(t, kinds["keep"].parameters), "LambdaResizeRole"), recorded["remove"])
	if !slices.ContainsFunc(denied, func(n need) bool { return n.action == "s3:DeleteObject" }) {
		t.Error("a role that keeps variants seems to let them be deleted")
	}
	_, idle := compare(grants(t, form(t, kinds["remove"].parameters), "LambdaResizeRole"), recorded["keep"])
	if !slices.ContainsFunc(idle, func(g grant) bool { return g.sid == "RemoveVariants" }) {
		t.Error("a run that keeps variants seems to need their deletion")
	}
}

// TestBatchRoleIsExact: the role of S3 Batch Operations allows what a job that invokes a function needs
// (Amazon S3 User Guide, "Granting permissions for Batch Operations"), and nothing else.
func TestBatchRoleIsExact(t *testing.T) {
	const place = "arn:aws:s3:::photos-output/" + dispatch.BatchPrefix
	for _, key := range []string{"", targetKey} {
		needed := []need{
			{"s3:GetObject", place + "list.csv", ""}, {"s3:GetObjectVersion", place + "list.csv", ""},
			{"s3:PutObject", place + "list/job-1/manifest.json", ""},
			{"lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos", ""},
		}
		if key != "" {
			needed = append(needed, need{"kms:Decrypt", key, "s3.us-east-1.amazonaws.com"},
				need{"kms:GenerateDataKey", key, "s3.us-east-1.amazonaws.com"})
		}
		f := form(t, map[string]string{"TargetKmsKeyArn": key})
		all := grants(t, f, "BatchRole")
		if denied, idle := compare(all, needed); len(denied)+len(idle) > 0 {
			t.Errorf("denied %v, not needed %v", denied, idle)
		}
		for _, n := range []need{{"s3:GetObject", "arn:aws:s3:::photos-input/a.jpg", ""},
			{"s3:PutObject", "arn:aws:s3:::photos-output/a.jpg", ""}} {
			if denied, _ := compare(all, []need{n}); len(denied) == 0 {
				t.Errorf("%s on %s is allowed", n.action, n.resource)
			}
		}
		trust := f.properties("BatchRole")["AssumeRolePolicyDocument"].(object)["Statement"].([]any)
		if who := trust[0].(object)["Principal"].(object)["Service"]; len(trust) != 1 || who != "batchoperations.s3.amazonaws.com" {
			t.Errorf("%v may assume the role", trust)
		}
	}
}

// TestAuditRoleIsExact: the schedule may invoke the function, and nothing else, with the event that it takes for
// an audit.
func TestAuditRoleIsExact(t *testing.T) {
	f := form(t, map[string]string{"AuditSchedule": "rate(1 day)"})
	needed := []need{{"lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos", ""}}
	if denied, idle := compare(grants(t, f, "AuditRole"), needed); len(denied)+len(idle) > 0 {
		t.Errorf("denied %v, not needed %v", denied, idle)
	}
	trust := f.properties("AuditRole")["AssumeRolePolicyDocument"].(object)["Statement"].([]any)
	if who := trust[0].(object)["Principal"].(object)["Service"]; len(trust) != 1 || who != "scheduler.amazonaws.com" {
		t.Errorf("%v may assume the role", trust)
	}
	target := f.properties("ScheduledAudit")["Target"].(object)
	if input := target["Input"]; input != lambdafn.AuditRequest {
		t.Errorf("the schedule sends %v, want %s", input, lambdafn.AuditRequest)
	}
	filter := f.properties("AuditFilter")["FilterPattern"]
	if want := fmt.Sprintf(`{ $.msg = %q }`, lambdafn.AuditMessage); filter != want {
		t.Errorf("the metric counts %v, want %s", filter, want)
	}
}

// needy is a recipe that needs permissions of its own, with the parameters that give them.
type needy struct {
	onRemove, target string
	notify           []string
	gates            bool
	watermark        bool
	focal            bool
	parameters       map[string]string
}

// recipe returns the recipe, for the pictures below a folder.
func (k needy) recipe(t *testing.T, folder string) *recipe.Recipe {
	t.Helper()
	text := fmt.Sprintf(`source: {bucket: photos-input, prefix: %s/}
target: {bucket: photos-output%s}
on_remove: %s
on_bad: {prefix: failed/}
`, folder, k.target, k.onRemove)
	switch {
	case k.watermark:
		text += "variants: {small: {width: 32}, tiny: {width: 16}}\nwatermark: logo.jpg\n"
	case k.focal:
		text += "variants: {small: {width: 32, height: 32, fit: cover, position: focal}, tiny: {width: 16}}\nfocal_tag: focal\n"
	default:
		text += "variants: {small: {width: 32}, tiny: {width: 16}}\nmanifest: true\n"
	}
	parsed, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if k.gates {
		parsed.Gates = recipe.Gates{Tags: map[string]string{"scan": "clean"}, Rekognition: &recipe.Moderation{MinConfidence: 80}}
	}
	for _, arn := range k.notify {
		parsed.Notify = append(parsed.Notify, recipe.Notify{To: arn, Events: []recipe.Notice{recipe.NoticeDone, recipe.NoticeFailed}})
	}
	return parsed
}

// kinds are the recipes that need permissions of their own.
var kinds = map[string]needy{
	"keep":   {onRemove: "keep", parameters: map[string]string{"OnRemove": "keep"}},
	"remove": {onRemove: "remove", parameters: map[string]string{"OnRemove": "remove"}},
	"tags": {onRemove: "keep", target: ", tags: {team: web}",
		parameters: map[string]string{"OnRemove": "keep", "SetTags": "true"}},
	"acl": {onRemove: "keep", target: ", acl: public-read",
		parameters: map[string]string{"OnRemove": "keep", "SetAcl": "true"}},
	"focal": {onRemove: "keep", focal: true, parameters: map[string]string{"OnRemove": "keep", "FocalTag": "true"}},
	"gates": {onRemove: "keep", gates: true,
		parameters: map[string]string{"OnRemove": "keep", "GateTags": "true", "GateRekognition": "true"}},
	"names": {onRemove: "keep", target: ", key: '{variant}/{key}.{hash}', keep_replaced: 0s",
		parameters: map[string]string{"OnRemove": "keep", "RemoveReplaced": "true"}},
	"events": {onRemove: "keep", notify: []string{busARN, topicARN, queueARN}, parameters: map[string]string{"OnRemove": "keep",
		"Notify": "true", "NotifyBusArns": busARN, "NotifyTopicArns": topicARN, "NotifyQueueArns": queueARN}},
	"watermark": {onRemove: "keep", watermark: true, parameters: map[string]string{"OnRemove": "keep", "ReadOverlays": "true"}},
	"audit":     {onRemove: "keep", parameters: map[string]string{"OnRemove": "keep", "AuditSchedule": "rate(1 day)"}},
}

// ARNs that a recipe tells of pictures.
const (
	busARN   = "arn:aws:events:us-east-1:123456789012:event-bus/pictures"
	topicARN = "arn:aws:sns:us-east-1:123456789012:pictures"
	queueARN = "arn:aws:sqs:us-east-1:123456789012:pictures"
)

// told are the permissions that the calls of events need (Service Authorization Reference, "Actions, resources, and
// condition keys for" EventBridge, SNS and SQS).
var told = map[string]need{
	"AWSEvents.PutEvents":   {"events:PutEvents", busARN, ""},
	"Publish":               {"sns:Publish", topicARN, ""},
	"AmazonSQS.SendMessage": {"sqs:SendMessage", queueARN, ""},
}

// awsOf answers the calls of events; the first one fails. It returns the address, and a function that returns what
// the calls so far needed.
func awsOf(t *testing.T) (address string, taken func() []need) {
	var mu sync.Mutex
	var all []need
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n, ok := told[cmp.Or(r.Header.Get("X-Amz-Target"), r.PostFormValue("Action"))]
		if !ok {
			t.Errorf("a call that the test does not know: %v", r.Header)
		}
		all = append(all, n)
		if calls++; calls == 1 { // so that an event is kept, and removed once it is sent
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.WriteString(w, `{"Entries":[{"EventId":"1"}]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []need {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// recordRuns makes the function do everything that it can do, once for each kind of recipe.
func recordRuns(t *testing.T) (runs map[string][]call, events []need) {
	t.Helper()
	cloud, err := devcloud.Start(t.Context(), devcloud.Config{
		Dir: t.TempDir(), Port: devcloud.AnyPort,
		Buckets: []string{"photos-input", "photos-output"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	access, secret := cloud.Credentials()
	open := func(endpoint string) *s3.Store {
		store, err := s3.Open(s3.Options{Endpoint: endpoint, Region: cloud.Region(),
			AccessKey: access, Secret: secret, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	r := record(t, cloud.Endpoint())
	user, watched := open(cloud.Endpoint()), open(r.URL)
	runs = map[string][]call{}
	address, taken := awsOf(t)
	for kind, k := range kinds {
		parsed := k.recipe(t, kind)
		if k.watermark {
			_, err := user.Put(t.Context(), "photos-output", recipe.OverlayKey("logo.jpg"), sample.Photo(8, 8), bucket.Attributes{}, bucket.Condition{})
			if err != nil {
				t.Fatal(err)
			}
		}
		m := mill.New(watched, parsed)
		m.Moderation = anything{}
		if m.Notify, err = notify.Open(parsed.Notify, notify.Options{
			Getenv:      func(name string) string { return map[string]string{"AWS_ENDPOINT_URL": address}[name] },
			Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
		}); err != nil {
			t.Fatal(err)
		}
		u := &uploader{t, user, &lambdafn.Handler{Process: m.ProcessWithin, Mill: m,
			Log: slog.New(slog.DiscardHandler)}, 0, "clean"}
		u.story(kind, k.onRemove)
		if k.gates {
			u.refuse(kind)
		}
		if k.parameters["AuditSchedule"] != "" {
			if _, err := u.handler.Handle(t.Context(), "request", []byte(lambdafn.AuditRequest)); err != nil {
				t.Fatal(err)
			}
		}
		runs[kind] = r.taken()
	}
	return runs, taken()
}

// uploader uploads objects and notifies the function as S3 does.
type uploader struct {
	t         *testing.T
	store     *s3.Store
	handler   *lambdafn.Handler
	sequencer int
	scan      string // a tag of what is uploaded
}

// anything is the answer about a picture that may be shown.
type anything struct{}

func (anything) Of(context.Context, []byte, float64) ([]moderate.Label, error) { return nil, nil }

// refuse has a picture that is refused after its variants were made.
func (u *uploader) refuse(dir string) {
	u.notify(u.put(path.Join(dir, "refused.jpg"), sample.Photo(64, 48)))
	u.scan = "found"
	u.notify(u.put(path.Join(dir, "refused.jpg"), sample.Photo(64, 48)))
	if _, err := u.store.Head(u.t.Context(), "photos-output", path.Join("small", dir, "refused.jpg")); !errors.Is(err, bucket.ErrNotFound) {
		u.t.Fatalf("a variant of what is refused: %v", err)
	}
}

// story has these events: new, replaced, delivered twice, delivered without a sequencer, delivered
// late, bad, removed, and delivered after the removal.
func (u *uploader) story(dir, onRemove string) {
	a, b := path.Join(dir, "a b+ü.jpg"), path.Join(dir, "broken.jpg")
	u.notify(u.put(a, sample.Photo(64, 48)))
	second := u.put(a, sample.Photo(80, 60))
	u.notify(second)
	u.notify(second)
	third := u.put(a, sample.Photo(100, 60))
	third.Sequencer = ""
	u.notify(third)
	u.notify(second)
	u.notify(u.put(b, []byte("\xff\xd8\xff\xe0 and no more")))
	if _, err := u.store.Head(u.t.Context(), "photos-output", path.Join("failed", b)); err != nil {
		u.t.Fatalf("the bad upload was not copied: %v", err)
	}
	if err := u.store.Delete(u.t.Context(), "photos-input", a, bucket.Condition{}); err != nil {
		u.t.Fatal(err)
	}
	u.notify(third)
	u.notify(event.Change{Bucket: "photos-input", Key: a, Removed: true, Sequencer: u.next(),
		Time: time.Now()})
	there := false
	for _, err := range u.store.List(u.t.Context(), "photos-output", path.Join("small", a)) {
		if there = true; err != nil {
			u.t.Fatal(err)
		}
	}
	if there != (onRemove == "keep") {
		u.t.Fatalf("on_remove %s: the variant exists: %t", onRemove, there)
	}
}

func (u *uploader) next() string {
	u.sequencer++
	return fmt.Sprintf("0055AED6DCD9%06X", u.sequencer)
}

func (u *uploader) put(key string, data []byte) event.Change {
	u.t.Helper()
	etag, err := u.store.Put(u.t.Context(), "photos-input", key, data, bucket.Attributes{Tags: map[string]string{"scan": u.scan}},
		bucket.Condition{})
	if err != nil {
		u.t.Fatal(err)
	}
	return event.Change{Bucket: "photos-input", Key: key, ETag: etag, Size: int64(len(data)),
		Sequencer: u.next(), Time: time.Now()}
}

func (u *uploader) notify(c event.Change) {
	u.t.Helper()
	body, err := event.Notification(c)
	if err != nil {
		u.t.Fatal(err)
	}
	_, err = u.handler.Handle(u.t.Context(), "request", body)
	if err != nil && strings.Contains(err.Error(), "notification not delivered") {
		_, err = u.handler.Handle(u.t.Context(), "request", body) // as Lambda does
	}
	if err != nil {
		u.t.Fatalf("%+v: %v", c, err)
	}
}
