package doctor

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/trigger"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// runCheck runs one check and returns its diagnoses.
func runCheck(t *testing.T, name string, e *examination) []Diagnosis {
	t.Helper()
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("there is no check %s", name)
	}
	var list []Diagnosis
	e.check, e.report = name, func(d Diagnosis) { list = append(list, d) }
	checks[i].run(t.Context(), e)
	return list
}

func wantDiagnosis(t *testing.T, list []Diagnosis, state State, words string) {
	t.Helper()
	if len(list) != 1 || list[0].State != state || !strings.Contains(list[0].Text, words) {
		t.Errorf("%+v, want one %s with %q", list, state, words)
	}
}

func examinationOf(c *client.Cloud) *examination {
	n := deployment.Names{Name: "photos", Stack: "imgmill-photos"}
	return &examination{Cloud: c, names: n, account: "123456789012", d: &deployment.Deployment{
		Names: n, SourceBucket: "photos-input", TargetBucket: "photos-output",
		FunctionName: "imgmill-photos", LogGroup: "/aws/lambda/imgmill-photos",
		FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos",
		RoleARN:     "arn:aws:iam::123456789012:role/r",
		Parameters:  map[string]string{"CodeBucket": "photos-code", "CodeKey": "k.zip"},
	}}
}

// TestCheckStack has states that no emulator reaches, in responses of DescribeStacks
// (CloudFormation API Reference).
func TestCheckStack(t *testing.T) {
	status, function := "", http.StatusNotFound
	c := clienttest.Open(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/functions/") {
			w.Header().Set("X-Amzn-Errortype", map[int]string{http.StatusNotFound: "ResourceNotFoundException",
				http.StatusForbidden: "AccessDeniedException"}[function])
			w.WriteHeader(function)
			return
		}
		if status == "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id imgmill-photos does not exist</Message></Error></ErrorResponse>`)
			return
		}
		outputs := ""
		for _, name := range []string{"SourceBucket", "TargetBucket", "FunctionName", "LogGroup",
			"FailureQueueUrl"} {
			if status != "IMPORT_COMPLETE" {
				outputs += "<member><OutputKey>" + name +
					"</OutputKey><OutputValue>x</OutputValue></member>"
			}
		}
		fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>imgmill-photos</StackName>
			<StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/imgmill-photos/1</StackId><CreationTime>2026-01-02T03:04:05Z</CreationTime>
			<StackStatus>%s</StackStatus><StackStatusReason>because</StackStatusReason>
			<Outputs>%s</Outputs>
			</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, status, outputs)
	})
	for _, test := range []struct {
		status string
		want   State
		words  string
	}{
		{"", Fault, "no stack imgmill-photos in us-east-1"},
		{"CREATE_COMPLETE", OK, "CREATE_COMPLETE"}, {"UPDATE_COMPLETE", OK, "UPDATE_COMPLETE"},
		{"IMPORT_COMPLETE", Fault, "lacks outputs"},
		{"UPDATE_IN_PROGRESS", Warn, "being changed"},
		{"UPDATE_ROLLBACK_COMPLETE", Warn, "was rolled back: because"},
		{"ROLLBACK_COMPLETE", Fault, "ROLLBACK_COMPLETE: because"},
		{"UPDATE_ROLLBACK_FAILED", Fault, "because"}, {"DELETE_FAILED", Fault, "DELETE_FAILED"},
	} {
		status = test.status
		wantDiagnosis(t, runCheck(t, "stack", examinationOf(c)), test.want, test.words)
	}
	status, function = "", http.StatusForbidden
	wantDiagnosis(t, runCheck(t, "stack", examinationOf(c)), Unseen, "needs lambda:GetFunction")
}

// TestCheckFunction has functions that Lambda could not create or change (Lambda API Reference,
// GetFunctionConfiguration).
func TestCheckFunction(t *testing.T) {
	e := examinationOf(&client.Cloud{Region: "us-east-1"})
	for _, test := range []struct {
		function *lambda.GetFunctionConfigurationOutput
		want     State
		words    string
	}{
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StateFailed,
			StateReason: aws.String("no role")}, Fault, "Failed: no role"},
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StateActive,
			LastUpdateStatus:       lambdatypes.LastUpdateStatusFailed,
			LastUpdateStatusReason: aws.String("no key")}, Fault,
			"update of imgmill-photos failed: no key"},
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StatePending}, Warn,
			"being created"},
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StateActive,
			MemorySize: aws.Int32(1769), Timeout: aws.Int32(120)}, OK, "1769 MB, 120 s"},
	} {
		e.function = test.function
		wantDiagnosis(t, runCheck(t, "function", e), test.want, test.words)
	}
}

// TestCheckConcurrency has accounts that no emulator has (Lambda API Reference, GetAccountSettings).
func TestCheckConcurrency(t *testing.T) {
	var function, account string
	c := clienttest.Open(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "account-settings") {
			fmt.Fprintf(w, `{"AccountLimit": {%s}}`, account)
			return
		}
		fmt.Fprint(w, function)
	})
	for _, test := range []struct {
		name, function, account string
		parameters              map[string]string
		queue                   string
		want                    State
		words, advice           string
	}{
		{"reserved", `{"ReservedConcurrentExecutions": 10}`, `"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 990`,
			nil, "", OK, "10 reserved of the account's 1000", ""},
		{"none", `{}`, `"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000`,
			map[string]string{"ReservedConcurrency": "0"}, "", Warn,
			"up to 1000 instances may run at a time, and whoever may upload decides: an hour of uploads can cost $1052",
			"imgmill deploy photos --concurrency 10"},
		{"removed by hand", `{}`, `"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 500`,
			map[string]string{"ReservedConcurrency": "20"}, "", Warn,
			"up to 500 instances may run", "put-function-concurrency --function-name imgmill-photos --reserved-concurrent-executions 20"},
		{"a queue", `{}`, `"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000`,
			map[string]string{"Trigger": "queue", "MaximumConcurrency": "7"}, "https://sqs/work", OK, "on to 7 at a time", ""},
		{"a new account", `{}`, `"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10`, nil, "", Warn,
			"only 10 function instances", "Service Quotas"},
		{"nothing to reserve", `{}`, `"ConcurrentExecutions": 100, "UnreservedConcurrentExecutions": 100`, nil, "", OK,
			"up to the account's 100", ""},
	} {
		function, account = test.function, test.account
		e := examinationOf(c)
		e.d.WorkQueue, e.d.Parameters["Trigger"] = test.queue, "direct"
		e.d.Parameters["MemoryMB"], e.d.Parameters["TimeoutSeconds"] = "1769", "120"
		maps.Copy(e.d.Parameters, test.parameters)
		list := runCheck(t, "concurrency", e)
		wantDiagnosis(t, list, test.want, test.words)
		if len(list) == 1 && !strings.Contains(list[0].Advice, test.advice) {
			t.Errorf("%s: the advice is %q, want %q", test.name, list[0].Advice, test.advice)
		}
	}
}

// TestCheckMemory compares functions with a recipe's limits.
func TestCheckMemory(t *testing.T) {
	e := examinationOf(&client.Cloud{Region: "us-east-1"})
	e.code = &deployment.Code{Recipe: recipe.Default(formats.All())}
	for mb, want := range map[int32]State{1769: OK, 512: Warn} {
		e.function = &lambda.GetFunctionConfigurationOutput{MemorySize: &mb}
		list := runCheck(t, "memory", e)
		wantDiagnosis(t, list, want, "limits")
		if want == Warn && list[0].Advice != "imgmill deploy photos --memory 1336, or lower limits.pixels to 70MP" {
			t.Errorf("the advice is %q", list[0].Advice)
		}
	}
}

// TestDeniedChecksNameThePermission: a caller without permissions gets no fault, but for each check
// the permission.
func TestDeniedChecksNameThePermission(t *testing.T) {
	c := clienttest.Open(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		if r.Header.Get("X-Amz-Target") != "" || strings.Contains(r.URL.Path, "/functions/") {
			fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"not you"}`)
			return
		}
		fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>not you</Message></Error>`)
	})
	e := examinationOf(c)
	e.d.FailureQueue = "https://sqs.us-east-1.amazonaws.com/123456789012/imgmill-photos-failures"
	e.d.StackID = "arn:aws:cloudformation:us-east-1:123456789012:stack/imgmill-photos/1"
	e.readShared(t.Context())
	for check, action := range map[string]string{
		"notifications": "s3:GetBucketNotification", "permission": "lambda:GetPolicy",
		"function": "lambda:GetFunctionConfiguration",
		"code":     "s3:GetObject on s3://photos-code/k.zip", "role": "iam:GetRole",
		"recursion": "s3:GetBucketNotification",
		"failures":  "sqs:GetQueueAttributes", "log": "logs:FilterLogEvents",
		"alarms": "cloudformation:ListStackResources",
	} {
		list := runCheck(t, check, e)
		wantDiagnosis(t, list, Unseen, "needs "+action)
		if len(list) == 1 && !strings.Contains(list[0].Advice, action) {
			t.Errorf("advice: %q", list[0].Advice)
		}
	}
	for _, d := range runCheck(t, "public access", e) {
		if d.State != Unseen {
			t.Errorf("%+v", d)
		}
	}
}

// TestCheckPublicPolicy has a response of S3 that ministack never sends (S3 API Reference,
// GetBucketPolicyStatus).
func TestCheckPublicPolicy(t *testing.T) {
	c := clienttest.Open(t, func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case q.Has("policyStatus"):
			fmt.Fprint(w, `<PolicyStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsPublic>TRUE</IsPublic></PolicyStatus>`)
		case strings.HasPrefix(r.URL.Path, "/photos-output"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchPublicAccessBlockConfiguration</Code><Message>none</Message></Error>`)
		default:
			fmt.Fprint(w, `<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>
				<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`)
		}
	})
	wantDiagnosis(t, runCheck(t, "public access", examinationOf(c)), Fault,
		"photos-output, because of its policy")
}

func TestCompareNotifications(t *testing.T) {
	const function = "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos"
	n := deployment.Names{Name: "photos", Stack: "imgmill-photos"}
	wanted := trigger.Wanted(n, &recipe.Recipe{Source: recipe.Source{Prefix: "in/",
		Suffixes: []string{".jpg"}}, OnRemove: recipe.Remove}, function, "")
	created, removed := []string{"s3:ObjectCreated:*"}, []string{"s3:ObjectRemoved:*"}
	for name, test := range map[string]struct {
		existing       []trigger.Notification
		missing, extra string
	}{
		"as deployed": {wanted, "", ""},
		"nothing":     {nil, "in/*.jpg", ""},
		"the template's": {[]trigger.Notification{{ID: "1", ARN: function, Events: created},
			{ID: "2", ARN: function, Events: removed}},
			"", ""},
		"removals missing": {[]trigger.Notification{{ID: "1", ARN: function, Events: created}},
			"in/*.jpg", ""},
		"one case": {wanted[:1], "in/*.JPG in/*.Jpg", ""},
		"a narrower prefix": {[]trigger.Notification{{ID: "1", ARN: function,
			Events: append(created, removed...), Prefix: "in/a/", Suffix: ".jpg"}},
			"in/*.jpg", ""},
		"an old suffix": {append(slices.Clone(wanted),
			trigger.Notification{ID: "old", ARN: function, Events: created, Prefix: "in/",
				Suffix: ".gif"}), "", "in/*.gif"},
	} {
		missing, extra := compareNotifications(wanted, test.existing)
		if patterns(missing) != test.missing || patterns(extra) != test.extra {
			t.Errorf("%s: missing %q, extra %q; want %q, %q", name, patterns(missing),
				patterns(extra), test.missing, test.extra)
		}
	}
}

// TestCheckEvents: what notify names is looked for, and each fault has its own diagnosis.
func TestCheckEvents(t *testing.T) {
	answers := map[string]string{ // by queue, topic or bus
		"there": "", "gone": "QueueDoesNotExist", "denied": "AccessDenied", "bus": "ResourceNotFoundException",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for name, code := range answers {
			if code != "" && strings.Contains(string(body), name+`"`) {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"__type": %q}`, code)
				return
			}
		}
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	nobody := httptest.NewServer(nil)
	nobody.Close()
	r := recipe.Default(formats.All())
	for _, to := range []string{
		"arn:aws:sqs:us-east-1:123456789012:there", "arn:aws:sqs:us-east-1:123456789012:gone", "arn:aws:sqs:us-east-1:123456789012:denied",
		"arn:aws:events:us-east-1:123456789012:event-bus/bus", server.URL, nobody.URL,
	} {
		n := recipe.Notify{To: to}
		if n.IsWebhook() {
			n.SecretEnv = "HOOK"
		}
		r.Notify = append(r.Notify, n)
	}
	e := examinationOf(&client.Cloud{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	e.code = &deployment.Code{Recipe: r}
	e.function = &lambda.GetFunctionConfigurationOutput{Environment: &lambdatypes.EnvironmentResponse{}}
	list := runCheck(t, "events", e)
	want := []struct {
		state State
		words string
	}{
		{Fault, "no secret HOOK"}, {OK, "there exists"}, {Fault, "gone does not exist"}, {Unseen, "cannot look for"},
		{Fault, "event-bus/bus does not exist"}, {OK, "can be reached"}, {Warn, "cannot be reached"},
	}
	if len(list) != len(want) {
		t.Fatalf("%+v", list)
	}
	for i, w := range want {
		if list[i].State != w.state || !strings.Contains(list[i].Text, w.words) {
			t.Errorf("%+v, want %s with %q", list[i], w.state, w.words)
		}
	}
	e.function.Environment.Variables = map[string]string{"IMGMILL_SECRETS": "HOOK=whsec_x"}
	if list = runCheck(t, "events", e); list[0].State != OK {
		t.Errorf("%+v", list[0])
	}
	var actions []string
	for _, p := range RolePermissions(e.Cloud, e.d, e.account, r) {
		if strings.Contains(p.Purpose, "event") {
			actions = append(actions, p.Action+" "+p.Resource)
		}
	}
	for _, want := range []string{"s3:DeleteObject arn:aws:s3:::photos-output/.imgmill/unsent/any",
		"sqs:SendMessage arn:aws:sqs:us-east-1:123456789012:there", "events:PutEvents arn:aws:events:us-east-1:123456789012:event-bus/bus"} {
		if !slices.Contains(actions, want) {
			t.Errorf("the role does not need %s: %q", want, actions)
		}
	}
}

// TestCheckOverlays: of the overlays that the recipe names, the missing ones are faults.
func TestCheckOverlays(t *testing.T) {
	there := map[string]bool{}
	c := clienttest.Open(t, func(w http.ResponseWriter, r *http.Request) {
		_, key, _ := strings.Cut(r.URL.Path, "/photos-output/")
		if key == "" {
			key = strings.TrimPrefix(r.URL.Path, "/")
		}
		if r.Method != http.MethodHead || !there[key] {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	e := examinationOf(c)
	use := func(text string) {
		r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte("source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		e.code = &deployment.Code{Recipe: r}
	}
	use("")
	if list := runCheck(t, "watermarks", e); len(list) > 0 {
		t.Errorf("without a watermark: %+v", list)
	}
	use("watermark: logo.png\n")
	list := runCheck(t, "watermarks", e)
	wantDiagnosis(t, list, Fault, "logo.png of the recipe's watermarks is not in photos-output")
	if want := "aws s3 cp logo.png s3://photos-output/.imgmill/overlays/logo.png"; len(list) == 1 && list[0].Advice != want {
		t.Errorf("advice %q, want %q", list[0].Advice, want)
	}
	there[recipe.OverlayKey("logo.png")] = true
	wantDiagnosis(t, runCheck(t, "watermarks", e), OK, "1 overlay of watermarks found")
}

// TestCheckAlarms: of a stack that SAM or the CDK keeps, the alarms of its template count, under the names that the CDK
// gives them (aws-cdk-lib, "Logical IDs").
func TestCheckAlarms(t *testing.T) {
	var resources map[string]string
	c := clienttest.Open(t, func(w http.ResponseWriter, _ *http.Request) {
		members := ""
		for id, status := range resources {
			members += "<member><LogicalResourceId>" + id + "</LogicalResourceId><ResourceStatus>" + status + "</ResourceStatus></member>"
		}
		fmt.Fprintf(w, "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>%s</StackResourceSummaries></ListStackResourcesResult></ListStackResourcesResponse>", members)
	})
	const made, gone = "CREATE_COMPLETE", "DELETE_COMPLETE"
	all := map[string]string{"FailureQueue": made}
	for _, id := range alarmIDs[:6] {
		all[id] = made
	}
	for _, test := range []struct {
		name      string
		elsewhere bool
		resources map[string]string
		want      State
		words     string // empty: nothing is said
	}{
		{"ours", false, all, OK, "6, shown in CloudWatch but not sent to anybody (imgmill deploy photos --email"},
		{"ours, of an earlier version", false, map[string]string{"ErrorsAlarm": made}, Warn, "lacks ThrottlesAlarm, BusyAlarm"},
		{"SAM", true, all, OK, "6, shown in CloudWatch but not sent to anybody (AlarmEmail"},
		{"SAM, fewer in its template", true, map[string]string{"ErrorsAlarm": made, "AlarmSubscription": made}, OK, "1, sent to an address"},
		{"SAM, none in its template", true, map[string]string{"FailureQueue": made}, "", ""},
		{"CDK", true, map[string]string{"ImgmillResourcesErrorsAlarm0A1B2C3D": made, "ImgmillResourcesAlarmSubscription0A1B2C3E": made}, OK, "1, sent to an address"},
		{"CDK, one deleted", true, map[string]string{"PhotosImgmillResourcesErrorsAlarm0A1B2C3D": gone}, Warn, "lacks ErrorsAlarm"},
	} {
		e := examinationOf(c)
		e.d.StackID, resources = "arn:aws:cloudformation:us-east-1:123456789012:stack/imgmill-photos/1", test.resources
		if test.elsewhere {
			e.d.Parameters = map[string]string{}
		}
		list := runCheck(t, "alarms", e)
		if test.words == "" {
			if len(list) > 0 {
				t.Errorf("%s: %+v", test.name, list)
			}
			continue
		}
		t.Log(test.name)
		wantDiagnosis(t, list, test.want, test.words)
	}
	if list := runCheck(t, "alarms", examinationOf(c)); len(list) > 0 {
		t.Errorf("without a stack: %+v", list)
	}
}
