package stack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// fakeAWS answers every call by answer, in place of AWS.
func fakeAWS(t *testing.T, answer http.HandlerFunc) *Cloud {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	c, err := Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// look runs one check on a patient and gives what it tells.
func look(t *testing.T, name string, p *patient) []Diagnosis {
	t.Helper()
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("there is no check %s", name)
	}
	var list []Diagnosis
	p.check, p.tell = name, func(d Diagnosis) { list = append(list, d) }
	checks[i].look(t.Context(), p)
	return list
}

func wantDiagnosis(t *testing.T, list []Diagnosis, state State, words string) {
	t.Helper()
	if len(list) != 1 || list[0].State != state || !strings.Contains(list[0].Text, words) {
		t.Errorf("%+v, want one %s with %q", list, state, words)
	}
}

func patientOf(c *Cloud) *patient {
	n := Names{Name: "photos", Stack: "imgmill-photos"}
	return &patient{Cloud: c, names: n, account: "123456789012", d: &Deployment{
		Names: n, SourceBucket: "photos-input", TargetBucket: "photos-output", FunctionName: "imgmill-photos", LogGroup: "/aws/lambda/imgmill-photos",
		FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos", RoleARN: "arn:aws:iam::123456789012:role/r",
		Parameters: map[string]string{"CodeBucket": "photos-code", "CodeKey": "k.zip"},
	}}
}

// TestDoctorOfStacks: states that no emulator gets into, as DescribeStacks answers (CloudFormation API Reference).
func TestDoctorOfStacks(t *testing.T) {
	status := ""
	c := fakeAWS(t, func(w http.ResponseWriter, _ *http.Request) {
		if status == "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id imgmill-photos does not exist</Message></Error></ErrorResponse>`)
			return
		}
		outputs := ""
		for _, name := range []string{"SourceBucket", "TargetBucket", "FunctionName", "LogGroup", "FailureQueueUrl"} {
			if status != "IMPORT_COMPLETE" {
				outputs += "<member><OutputKey>" + name + "</OutputKey><OutputValue>x</OutputValue></member>"
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
		{"IMPORT_COMPLETE", Fault, "it lacks outputs"},
		{"UPDATE_IN_PROGRESS", Warn, "being changed"},
		{"UPDATE_ROLLBACK_COMPLETE", Warn, "was undone: because"},
		{"ROLLBACK_COMPLETE", Fault, "ROLLBACK_COMPLETE: because"},
		{"UPDATE_ROLLBACK_FAILED", Fault, "because"}, {"DELETE_FAILED", Fault, "DELETE_FAILED"},
	} {
		status = test.status
		wantDiagnosis(t, look(t, "stack", patientOf(c)), test.want, test.words)
	}
}

// TestDoctorOfFunctions: what Lambda says of a function that it could not make or change (Lambda API Reference,
// GetFunctionConfiguration).
func TestDoctorOfFunctions(t *testing.T) {
	p := patientOf(&Cloud{Region: "us-east-1"})
	for _, test := range []struct {
		function *lambda.GetFunctionConfigurationOutput
		want     State
		words    string
	}{
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StateFailed, StateReason: aws.String("no role")}, Fault, "Failed: no role"},
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StateActive, LastUpdateStatus: lambdatypes.LastUpdateStatusFailed, LastUpdateStatusReason: aws.String("no key")}, Fault, "update of imgmill-photos failed: no key"},
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StatePending}, Warn, "being made"},
		{&lambda.GetFunctionConfigurationOutput{State: lambdatypes.StateActive, MemorySize: aws.Int32(1769), Timeout: aws.Int32(120)}, OK, "1769 MB, 120 s"},
	} {
		p.function = test.function
		wantDiagnosis(t, look(t, "function", p), test.want, test.words)
	}
}

// TestDoctorGoesOnWhereItMayNotLook: refused everywhere, it names the permission for each check and calls nothing broken.
func TestDoctorGoesOnWhereItMayNotLook(t *testing.T) {
	c := fakeAWS(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		if r.Header.Get("X-Amz-Target") != "" || strings.Contains(r.URL.Path, "/functions/") {
			fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"not you"}`)
			return
		}
		fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>not you</Message></Error>`)
	})
	p := patientOf(c)
	p.d.FailureQueue = "https://sqs.us-east-1.amazonaws.com/123456789012/imgmill-photos-failures"
	p.read(t.Context())
	for check, action := range map[string]string{
		"notifications": "s3:GetBucketNotification", "permission": "lambda:GetPolicy", "function": "lambda:GetFunctionConfiguration",
		"code": "s3:GetObject on s3://photos-code/k.zip", "role": "iam:GetRole", "recursion": "s3:GetBucketNotification",
		"failures": "sqs:GetQueueAttributes", "log": "logs:FilterLogEvents", "alarms": "cloudformation:ListStackResources",
	} {
		list := look(t, check, p)
		wantDiagnosis(t, list, Unseen, "needs "+action)
		if len(list) == 1 && !strings.Contains(list[0].Do, action) {
			t.Errorf("what to do: %q", list[0].Do)
		}
	}
	for _, d := range look(t, "public access", p) {
		if d.State != Unseen {
			t.Errorf("%+v", d)
		}
	}
}

// TestDoctorOfPublicPolicies: an answer of S3 that ministack does not give (S3 API Reference, GetBucketPolicyStatus).
func TestDoctorOfPublicPolicies(t *testing.T) {
	c := fakeAWS(t, func(w http.ResponseWriter, r *http.Request) {
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
	wantDiagnosis(t, look(t, "public access", patientOf(c)), Fault, "photos-output, by its policy")
}

func TestPolicies(t *testing.T) {
	const doc = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:Get*","sqs:SendMessage"],"Resource":"arn:aws:s3:::in/*"},
		{"Effect":"Allow","NotAction":"iam:*","Resource":["arn:aws:logs:?:x"]},
		{"Effect":"Allow","Action":"kms:decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":["s3.a","s3.b"]}}},
		{"Effect":"Allow","Action":"kms:Sign","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
		{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu"}}},
		{"Effect":"Allow","Action":"a:c","Resource":"*","Condition":{"StringLikeIfExists":{"aws:missing":"x*"}}},
		{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::in/secret/*"},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}`
	for _, text := range []string{doc, strings.NewReplacer("%", "%25", "{", "%7B", `"`, "%22", " ", "%20").Replace(doc)} {
		p, err := parsePolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			action, resource string
			want             bool
		}{
			{"s3:GetObject", "arn:aws:s3:::in/a.jpg", true}, {"S3:getobject", "arn:aws:s3:::in/a.jpg", true},
			{"s3:PutObject", "arn:aws:s3:::in/a.jpg", false}, {"s3:GetObject", "arn:aws:s3:::in", false},
			{"s3:GetObject", "arn:aws:s3:::in/secret/a", false},
			{"logs:Put", "arn:aws:logs:1:x", true}, {"logs:Put", "arn:aws:logs:12:x", false}, {"iam:Put", "arn:aws:logs:1:x", false},
			{"kms:Decrypt", "k", true}, {"kms:Sign", "k", false}, {"a:b", "r", true}, {"a:c", "r", true},
		} {
			context := map[string]string{"kms:viaservice": "s3.b", "aws:SecureTransport": "true", "aws:RequestedRegion": "us"}
			if got := allows([]policy{p}, access{action: test.action, resource: test.resource, context: context}); got != test.want {
				t.Errorf("%s on %s: %v", test.action, test.resource, got)
			}
			context["aws:SecureTransport"] = "false"
			if allows([]policy{p}, access{action: test.action, resource: test.resource, context: context}) {
				t.Errorf("%s on %s is allowed without TLS", test.action, test.resource)
			}
		}
	}
	if allows(nil, access{action: "a:b", resource: "r"}) {
		t.Error("no policy allows")
	}
}

func TestPoliciesOfResources(t *testing.T) {
	for _, test := range []struct {
		statement string
		want      bool
	}{
		{`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"f","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"},"StringEquals":{"AWS:SourceAccount":"1"}}}`, true},
		{`{"Effect":"Allow","Principal":"*","Action":"lambda:*","Resource":"f"}`, true},
		{`{"Effect":"Allow","Principal":{"Service":["sns.amazonaws.com","s3.amazonaws.com"]},"Action":"lambda:*","Resource":"*"}`, true},
		{`{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"lambda:*","Resource":"f"}`, false},
		{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"lambda:*","Resource":"f"}`, false},
		{`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:*","Resource":"f","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::other"}}}`, false},
		{`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:*","Resource":"f","Condition":{"StringEquals":{"aws:SourceAccount":"2"}}}`, false},
	} {
		p, err := parsePolicy(`{"Statement":` + test.statement + `}`)
		if err != nil {
			t.Fatal(err)
		}
		a := access{"lambda:InvokeFunction", "f", "s3.amazonaws.com", map[string]string{"aws:SourceArn": "arn:aws:s3:::b", "aws:SourceAccount": "1"}}
		if got := allows([]policy{p}, a); got != test.want {
			t.Errorf("%s: %v", test.statement, got)
		}
	}
}

func TestCompareNotifications(t *testing.T) {
	const function = "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos"
	n := Names{Name: "photos", Stack: "imgmill-photos"}
	wanted := Wanted(n, &recipe.Recipe{Source: recipe.Source{Prefix: "in/", Suffixes: []string{".jpg"}}, OnRemove: recipe.Remove}, function, "")
	created, removed := []string{"s3:ObjectCreated:*"}, []string{"s3:ObjectRemoved:*"}
	for name, test := range map[string]struct {
		there          []Notification
		missing, extra string
	}{
		"as deployed": {wanted, "", ""},
		"nothing":     {nil, "in/*.jpg in/*.JPG", ""},
		"the template's": {[]Notification{{ID: "1", ARN: function, Events: created}, {ID: "2", ARN: function, Events: removed}},
			"", ""},
		"removals missing":  {[]Notification{{ID: "1", ARN: function, Events: created}}, "in/*.jpg in/*.JPG", ""},
		"one case":          {wanted[:1], "in/*.JPG", ""},
		"a narrower prefix": {[]Notification{{ID: "1", ARN: function, Events: append(created, removed...), Prefix: "in/a/", Suffix: ".jpg"}}, "in/*.jpg in/*.JPG", ""},
		"an old suffix":     {append(slices.Clone(wanted), Notification{ID: "old", ARN: function, Events: created, Prefix: "in/", Suffix: ".gif"}), "", "in/*.gif"},
	} {
		missing, extra := compareNotifications(wanted, test.there)
		if patterns(missing) != test.missing || patterns(extra) != test.extra {
			t.Errorf("%s: missing %q, extra %q; want %q, %q", name, patterns(missing), patterns(extra), test.missing, test.extra)
		}
	}
}
