package template_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/template"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// The contract: renaming one of these makes CloudFormation replace the resource, or breaks whoever
// reads it.
var (
	logicalIDs = map[string]string{
		"SourceBucket": "AWS::S3::Bucket", "SourceBucketPolicy": "AWS::S3::BucketPolicy",
		"TargetBucket": "AWS::S3::Bucket", "TargetBucketPolicy": "AWS::S3::BucketPolicy",
		"LambdaResizeRole": "AWS::IAM::Role", "BatchRole": "AWS::IAM::Role", "AuditRole": "AWS::IAM::Role",
		"ScheduledAudit": "AWS::Scheduler::Schedule", "AuditFilter": "AWS::Logs::MetricFilter",
		"AuditAlarm": "AWS::CloudWatch::Alarm", "ImageResizerFunction": "AWS::Lambda::Function",
		"ImageResizerLogGroup":     "AWS::Logs::LogGroup",
		"ImageResizerInvokeConfig": "AWS::Lambda::EventInvokeConfig",
		"SourceBucketPermission":   "AWS::Lambda::Permission",
		"FailureQueue":             "AWS::SQS::Queue",
		"FailureQueuePolicy":       "AWS::SQS::QueuePolicy",
		"WorkQueue":                "AWS::SQS::Queue", "WorkQueuePolicy": "AWS::SQS::QueuePolicy",
		"WorkQueueMapping": "AWS::Lambda::EventSourceMapping",
		"AlarmTopic":       "AWS::SNS::Topic", "AlarmSubscription": "AWS::SNS::Subscription",
		"ErrorsAlarm": "AWS::CloudWatch::Alarm", "ThrottlesAlarm": "AWS::CloudWatch::Alarm",
		"BusyAlarm": "AWS::CloudWatch::Alarm", "FailuresWaitingAlarm": "AWS::CloudWatch::Alarm",
		"OldestFailureAlarm": "AWS::CloudWatch::Alarm", "BadPicturesAlarm": "AWS::CloudWatch::Alarm",
		"BadPicturesFilter": "AWS::Logs::MetricFilter", "MadePicturesFilter": "AWS::Logs::MetricFilter",
		"Dashboard":     "AWS::CloudWatch::Dashboard",
		"MonthlyBudget": "AWS::Budgets::Budget",
	}
	parameters = []string{
		"AlarmEmail", "Architecture", "AuditSchedule", "CodeBucket", "CodeKey", "CreateSourceBucket",
		"CreateTargetBucket", "EphemeralStorageMB", "FocalTag", "GateRekognition", "GateTags",
		"ImgmillName", "LogRetentionDays", "MaximumConcurrency", "MemoryMB", "MonthlyBudgetUSD",
		"Notify", "NotifyBusArns", "NotifyFromTemplate", "NotifyQueueArns", "NotifySecrets", "NotifyTopicArns", "OnRemove",
		"PermissionsBoundaryArn", "ReadOverlays",
		"RemoveReplaced", "ReservedConcurrency", "SetAcl", "SetTags", "SourceBucketName", "SourceKmsKeyArn",
		"SourceObjectArns", "TargetBucketName", "TargetKmsKeyArn", "TargetObjectArns", "TimeoutSeconds", "Trigger",
	}
	outputs = []string{
		"BatchRoleArn", "FailureQueueUrl", "FunctionArn", "FunctionName", "LogGroup", "RoleArn", "SourceBucket",
		"TargetBucket", "Trigger",
		"WorkQueueArn", "WorkQueueUrl",
	}
)

const (
	sourceKey = "arn:aws:kms:us-east-1:123456789012:key/source"
	targetKey = "arn:aws:kms:us-east-1:123456789012:key/target"
)

func TestNamesAreTheContract(t *testing.T) {
	f := form(t, nil)
	kinds := map[string]string{}
	for id, r := range f.part("Resources") {
		kinds[id] = r.(object)["Type"].(string)
	}
	if words := slices.Sorted(maps.Keys(template.Words)); !slices.Equal(words, slices.Sorted(maps.Keys(kinds))) {
		t.Errorf("words of %q", words)
	}
	if !maps.Equal(kinds, logicalIDs) {
		t.Errorf("logical IDs %v, want %v", kinds, logicalIDs)
	}
	if got := slices.Sorted(maps.Keys(f.part("Parameters"))); !slices.Equal(got, parameters) {
		t.Errorf("parameters %v, want %v", got, parameters)
	}
	if got := slices.Sorted(maps.Keys(f.part("Outputs"))); !slices.Equal(got, outputs) {
		t.Errorf("outputs %v, want %v", got, outputs)
	}
}

func TestFunctionReadsTheTemplatesEnvironment(t *testing.T) {
	f := form(t, nil)
	environment := f.properties("ImageResizerFunction")["Environment"].(object)["Variables"].(object)
	want := object{recipe.EnvSourceBucket: f.value(object{"Ref": "SourceBucketName"}),
		recipe.EnvTargetBucket: f.value(object{"Ref": "TargetBucketName"})}
	if !maps.Equal(environment, want) {
		t.Errorf("the function's environment is %v, want %v", environment, want)
	}
	f = form(t, map[string]string{"NotifySecrets": "HOOK=whsec_x"})
	if got := f.properties("ImageResizerFunction")["Environment"].(object)["Variables"].(object)[notify.EnvSecrets]; got != "HOOK=whsec_x" {
		t.Errorf("the function has the secrets %v", got)
	}
}

// settings yields combinations of the parameters that decide which resources exist: in make template all of them,
// otherwise a sixteenth, in which any five parameters still have each of their 32 combinations.
func settings(yield func(map[string]string) bool) {
	choices := [][]string{
		{"Trigger", "direct", "queue"}, {"OnRemove", "keep", "remove"},
		{"RemoveReplaced", "true", "false"}, {"SetTags", "true", "false"}, {"SetAcl", "true", "false"},
		{"CreateSourceBucket", "true", "false"},
		{"CreateTargetBucket", "true", "false"}, {"NotifyFromTemplate", "true", "false"},
		{"ReservedConcurrency", "0", "5"},
		{"SourceKmsKeyArn", "", sourceKey}, {"TargetKmsKeyArn", "", targetKey},
		{"AlarmEmail", "", "me@example.com"}, {"AuditSchedule", "", "rate(1 day)"},
		{"MonthlyBudgetUSD", "0", "10"}, {"ImgmillName", "", "photos"},
	}
	rng, all := rand.New(rand.NewPCG(1, 2)), os.Getenv("IMGMILL_TEMPLATE_TOOLS") != ""
	for bits := range 1 << len(choices) {
		if !all && rng.IntN(16) > 0 {
			continue
		}
		s := map[string]string{}
		for i, c := range choices {
			s[c[0]] = c[1+bits>>i&1]
		}
		if !yield(s) {
			return
		}
	}
}

// TestEverySettingIsConsistent: with any setting, nothing refers to a resource that does not exist,
// and nothing waits for itself.
func TestEverySettingIsConsistent(t *testing.T) {
	base := form(t, nil)
	for s := range settings {
		f := &formation{t: t, root: base.root, settings: maps.Clone(base.settings),
			refers: map[string]bool{}}
		maps.Copy(f.settings, s)
		resources := f.resources()
		waits := map[string][]string{}
		for id, r := range resources {
			waits[id] = f.waitsFor(r)
		}
		for len(waits) > 0 { // remove what waits for nothing, until all is removed or nothing changes
			var made []string
			for id, on := range waits {
				if !slices.ContainsFunc(on, func(o string) bool {
					return o != id &&
						waits[o] != nil
				}) {
					made = append(made, id)
				}
			}
			if made == nil {
				t.Fatalf("with %v a circle: %v", s, waits)
			}
			for _, id := range made {
				delete(waits, id)
			}
		}
		for name, o := range f.part("Outputs") {
			if f.wanted(o.(object)) && f.text(o.(object)["Value"]) == "" {
				t.Errorf("with %v the output %s is empty", s, name)
			}
		}
		var dashboard struct{ Widgets []object }
		if err := json.Unmarshal([]byte(f.text(f.properties("Dashboard")["DashboardBody"])),
			&dashboard); err != nil || len(dashboard.Widgets) != 4 {
			t.Fatalf("with %v the dashboard has %d widgets, %v", s, len(dashboard.Widgets), err)
		}
	}
}

// TestBucketWaitsForPermission: S3 refuses a notification to a function that it may not call yet.
func TestBucketWaitsForPermission(t *testing.T) {
	for trigger, want := range map[string][]string{
		"direct": {"ImageResizerFunction", "SourceBucketPermission"},
		"queue":  {"WorkQueue", "WorkQueuePolicy"},
	} {
		f := form(t, map[string]string{"Trigger": trigger})
		if got := f.waitsFor(f.resources()["SourceBucket"]); !slices.Equal(got, want) {
			t.Errorf("%s: the source bucket waits for %v, want %v", trigger, got, want)
		}
	}
}

func TestBucketsAreSafe(t *testing.T) {
	f := form(t, map[string]string{"TargetKmsKeyArn": targetKey, "ImgmillName": "photos"})
	for id, bucket := range map[string]string{"SourceBucket": "photos-input",
		"TargetBucket": "photos-output"} {
		r, p := f.resources()[id], f.properties(id)
		if r["DeletionPolicy"] != "RetainExceptOnCreate" || r["UpdateReplacePolicy"] != "Retain" {
			t.Errorf("%s: a stack operation could lose pictures: %v, %v", id, r["DeletionPolicy"],
				r["UpdateReplacePolicy"])
		}
		for name, on := range p["PublicAccessBlockConfiguration"].(object) {
			if on != "true" {
				t.Errorf("%s: %s is %v", id, name, on)
			}
		}
		if n := len(p["PublicAccessBlockConfiguration"].(object)); n != 4 {
			t.Errorf("%s: %d of 4 kinds of public access are blocked", id, n)
		}
		rule := p["LifecycleConfiguration"].(object)["Rules"].([]any)[0].(object)
		if rule["Status"] != "Enabled" ||
			rule["AbortIncompleteMultipartUpload"].(object)["DaysAfterInitiation"] != "7" {
			t.Errorf("%s: lifecycle %v", id, rule)
		}
		if tag := p["Tags"].([]any)[0].(object); tag["Key"] != "imgmill:name" ||
			tag["Value"] != "photos" {
			t.Errorf("%s: tag %v", id, tag)
		}
		onlyTLS(t, f.properties(id + "Policy")["PolicyDocument"].(object), "arn:aws:s3:::"+bucket,
			"arn:aws:s3:::"+bucket+"/*")
	}
	encryption := func(id string) object {
		rule := f.properties(id)["BucketEncryption"].(object)["ServerSideEncryptionConfiguration"].([]any)[0]
		return rule.(object)["ServerSideEncryptionByDefault"].(object)
	}
	if got := encryption("SourceBucket"); got["SSEAlgorithm"] != "AES256" {
		t.Errorf("the source is encrypted by %v", got)
	}
	if got := encryption("TargetBucket"); got["SSEAlgorithm"] != "aws:kms" ||
		got["KMSMasterKeyID"] != targetKey {
		t.Errorf("the target is encrypted by %v", got)
	}
}

// onlyTLS checks that the first statement denies everything without TLS.
func onlyTLS(t *testing.T, document object, resources ...string) {
	t.Helper()
	s := document["Statement"].([]any)[0].(object)
	service := strings.Split(resources[0], ":")[2]
	condition := s["Condition"].(object)["Bool"].(object)["aws:SecureTransport"]
	if s["Effect"] != "Deny" || s["Principal"] != "*" || s["Action"] != service+":*" ||
		condition != "false" {
		t.Errorf("%s: %v", resources[0], s)
	}
	if got := texts(s["Resource"]); !slices.Equal(got, resources) {
		t.Errorf("%s: the statement is about %v", resources[0], got)
	}
}

// texts reads a list of strings, or a single string.
func texts(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var list []string
	for _, s := range v.([]any) {
		list = append(list, s.(string))
	}
	return list
}

// TestOnlyThisAccountsBucketCalls: the name of a deleted bucket may belong to another account.
func TestOnlyThisAccountsBucketCalls(t *testing.T) {
	p := form(t, nil).properties("SourceBucketPermission")
	if p["SourceAccount"] != account || p["SourceArn"] != "arn:aws:s3:::photos-input" ||
		p["Principal"] != "s3.amazonaws.com" {
		t.Errorf("permission %v", p)
	}
	f := form(t, map[string]string{"Trigger": "queue"})
	queue := "arn:aws:sqs:us-east-1:123456789012:imgmill-photos-work"
	document := f.properties("WorkQueuePolicy")["PolicyDocument"].(object)
	onlyTLS(t, document, queue)
	s := document["Statement"].([]any)[1].(object)
	condition := s["Condition"].(object)
	if s["Resource"] != queue || s["Action"] != "sqs:SendMessage" ||
		s["Principal"].(object)["Service"] != "s3.amazonaws.com" ||
		condition["StringEquals"].(object)["aws:SourceAccount"] != account ||
		condition["ArnEquals"].(object)["aws:SourceArn"] != "arn:aws:s3:::photos-input" {
		t.Errorf("queue policy %v", s)
	}
	onlyTLS(t, f.properties("FailureQueuePolicy")["PolicyDocument"].(object),
		"arn:aws:sqs:us-east-1:123456789012:imgmill-photos-failures")
	if _, ok := f.resources()["SourceBucketPermission"]; ok {
		t.Error("with a queue, S3 may still invoke the function")
	}
}

// TestUploadsAreBounded: whoever uploads, only so many instances run at a time, with and without a
// queue, and an alarm comes long before all of them have been busy for an hour.
func TestUploadsAreBounded(t *testing.T) {
	for _, trigger := range []string{"direct", "queue"} {
		f := form(t, map[string]string{"Trigger": trigger})
		most := number(t, f.properties("ImageResizerFunction")["ReservedConcurrentExecutions"])
		if most < 1 || most > 10 {
			t.Errorf("with trigger %s, %d instances may run", trigger, most)
		}
		if trigger == "queue" {
			scaling := f.properties("WorkQueueMapping")["ScalingConfig"].(object)
			if passed := number(t, scaling["MaximumConcurrency"]); passed > most {
				t.Errorf("the queue passes events on to %d instances, and Lambda refuses those beyond %d", passed, most)
			}
		}
		alarm := f.properties("BusyAlarm")
		hour := number(t, alarm["Period"]) * 1000
		if hour != 3600_000 || alarm["MetricName"] != "Duration" || alarm["Statistic"] != "Sum" ||
			number(t, alarm["Threshold"]) > hour*most/2 {
			t.Errorf("%d instances may be busy, and the alarm is %v", most, alarm)
		}
	}
	function := form(t, map[string]string{"ReservedConcurrency": "0"}).properties("ImageResizerFunction")
	if reserved := function["ReservedConcurrentExecutions"]; reserved != nil {
		t.Errorf("an account that can reserve nothing is asked for %v", reserved)
	}
}

// TestBadPicturesAlarm: a log line of a bad picture counts as 1 and that of one that was made as 0, in the
// one metric at which the alarm looks.
func TestBadPicturesAlarm(t *testing.T) {
	f := form(t, nil)
	var names []any
	for id, want := range map[string][2]string{
		"BadPicturesFilter": {string(outcome.Bad), "1"}, "MadePicturesFilter": {string(outcome.Done), "0"},
	} {
		filter := f.properties(id)
		metric := filter["MetricTransformations"].([]any)[0].(object)
		if filter["FilterPattern"] != fmt.Sprintf("{ $.%s = %q }", outcome.AttrVerdict, want[0]) || metric["MetricValue"] != want[1] {
			t.Errorf("%s: %v", id, filter)
		}
		names = append(names, metric["MetricNamespace"], metric["MetricName"])
	}
	alarm := f.properties("BadPicturesAlarm")
	names = append(names, alarm["Namespace"], alarm["MetricName"])
	if alarm["Statistic"] != "Average" || number(t, alarm["EvaluationPeriods"]) < 2 {
		t.Errorf("the alarm is %v", alarm)
	}
	for i, name := range names {
		if name != names[i%2] {
			t.Errorf("different metrics: %v", names)
		}
	}
}

// TestQueueOutlastsFunction: Lambda recommends six times the function's timeout, and a message that
// failed late must not expire early.
func TestQueueOutlastsFunction(t *testing.T) {
	for _, timeout := range texts(form(t,
		nil).part("Parameters")["TimeoutSeconds"].(object)["AllowedValues"]) {
		f := form(t, map[string]string{"Trigger": "queue", "TimeoutSeconds": timeout})
		seconds, work, failed := number(t,
			timeout), f.properties("WorkQueue"), f.properties("FailureQueue")
		if got := number(t, work["VisibilityTimeout"]); got != 6*seconds {
			t.Errorf("a message is hidden for %d s while the function may take %d", got, seconds)
		}
		if number(t, work["MessageRetentionPeriod"]) >= number(t,
			failed["MessageRetentionPeriod"]) {
			t.Error("a failure would expire with the work that it came from")
		}
		if age := number(t, f.properties("OldestFailureAlarm")["Threshold"]); age >= number(t,
			failed["MessageRetentionPeriod"]) {
			t.Error("the alarm of the oldest failure comes when that is lost")
		}
	}
}

func number(t *testing.T, v any) int {
	t.Helper()
	n, err := strconv.Atoi(v.(string))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFitsIntoOneCall: CloudFormation accepts no larger template in a call (AWS CloudFormation User
// Guide, "Understand CloudFormation quotas").
func TestFitsIntoOneCall(t *testing.T) {
	if n := len(template.Template); n > 51200 {
		t.Errorf("the template has %d bytes", n)
	}
}
