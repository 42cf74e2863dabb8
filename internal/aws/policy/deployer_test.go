package policy

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/template"
)

// handlers are the actions that CloudFormation needs for each kind of resource in the template, with the
// rights of whoever deploys, and the resource that they are on: the permissions of the handlers create,
// read, update and delete and those of tags in the schemas of resource types (AWS CloudFormation
// registry, as of 2026-08-07), without those for properties that the template does not set, such as VPCs,
// layers, KMS keys, replication, inventories and websites. The schemas of QueuePolicy and Budget have
// none: they need the calls that do the same (Service Authorization Reference).
var handlers = map[string][]string{
	"AWS::Budgets::Budget": {"budget/imgmill-photos", "budgets:ModifyBudget", "budgets:ViewBudget", "budgets:TagResource",
		"budgets:UntagResource", "budgets:ListTagsForResource"},
	"AWS::CloudWatch::Alarm": {"alarm:imgmill-photos-errors", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms",
		"cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"},
	"AWS::CloudWatch::Dashboard": {"dashboard/imgmill-photos", "cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard",
		"cloudwatch:ListTagsForResource", "cloudwatch:PutDashboard", "cloudwatch:TagResource", "cloudwatch:UntagResource"},
	"AWS::IAM::Role": {"role/imgmill-photos-LambdaResizeRole-1A2B", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary",
		"iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoleTags",
		"iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
		"iam:UpdateRoleDescription", "iam:PassRole"},
	"AWS::Lambda::EventInvokeConfig": {"function:imgmill-photos:$LATEST", "lambda:DeleteFunctionEventInvokeConfig",
		"lambda:GetFunctionEventInvokeConfig", "lambda:PutFunctionEventInvokeConfig", "lambda:UpdateFunctionEventInvokeConfig"},
	"AWS::Lambda::EventSourceMapping": {"event-source-mapping:1-2", "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping",
		"lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"},
	"AWS::Lambda::Function": {"function:imgmill-photos", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency",
		"lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionRecursionConfig", "lambda:GetRuntimeManagementConfig",
		"lambda:ListTags", "lambda:PutFunctionConcurrency", "lambda:PutFunctionRecursionConfig", "lambda:TagResource", "lambda:UntagResource",
		"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"},
	"AWS::Lambda::Permission": {"function:imgmill-photos", "lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"},
	"AWS::Logs::LogGroup": {"log-group:/aws/lambda/imgmill-photos", "logs:CreateLogGroup", "logs:DeleteLogGroup",
		"logs:DeleteRetentionPolicy", "logs:DescribeLogGroups", "logs:GetDataProtectionPolicy", "logs:ListTagsForResource",
		"logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"},
	"AWS::Logs::MetricFilter": {"log-group:/aws/lambda/imgmill-photos", "logs:DeleteMetricFilter", "logs:DescribeMetricFilters",
		"logs:PutMetricFilter"},
	"AWS::S3::Bucket": {"photos-input", "s3:CreateBucket", "s3:GetAccelerateConfiguration", "s3:GetAnalyticsConfiguration", "s3:GetBucketAcl",
		"s3:GetBucketCORS", "s3:GetBucketLogging", "s3:GetBucketNotification", "s3:GetBucketObjectLockConfiguration",
		"s3:GetBucketOwnershipControls", "s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:GetBucketVersioning",
		"s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetIntelligentTieringConfiguration", "s3:GetInventoryConfiguration",
		"s3:GetLifecycleConfiguration", "s3:GetMetricsConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
		"s3:PutBucketNotification", "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging",
		"s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"},
	"AWS::S3::BucketPolicy": {"photos-output", "s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"},
	"AWS::SNS::Subscription": {"imgmill-photos-alarms", "sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Subscribe",
		"sns:Unsubscribe"},
	"AWS::SNS::Topic": {"imgmill-photos-alarms", "sns:CreateTopic", "sns:DeleteTopic", "sns:GetDataProtectionPolicy", "sns:GetTopicAttributes",
		"sns:ListSubscriptionsByTopic", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource",
		"sns:Unsubscribe", "sns:UntagResource"},
	"AWS::SQS::Queue": {"imgmill-photos-failures", "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
		"sqs:ListQueueTags", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"},
	"AWS::SQS::QueuePolicy": {"imgmill-photos-work", "sqs:SetQueueAttributes"},
	"AWS::Scheduler::Schedule": {"schedule/default/imgmill-photos-audit", "scheduler:CreateSchedule", "scheduler:DeleteSchedule",
		"scheduler:GetSchedule", "scheduler:UpdateSchedule"},
}

// unrecorded are actions that commands need where the recorded runs did not come: after a failed update, with
// a policy attached to a role, and with failures of a queue; and the permissions on tags of the stack, which
// no call is named after.
var unrecorded = []string{
	"cloudformation:TagResource stack/imgmill-photos/id", "cloudformation:UntagResource stack/imgmill-photos/id",
	"cloudformation:ContinueUpdateRollback stack/imgmill-photos/id",
	"cloudformation:DescribeEvents stack/imgmill-photos/id", "cloudformation:ListChangeSets stack/imgmill-photos/id",
	"cloudformation:DeleteChangeSet stack/imgmill-photos/id", "iam:GetPolicy *", "iam:GetPolicyVersion *",
	"sqs:SendMessage imgmill-photos-work", "lambda:ListEventSourceMappings *",
}

// inCode is a policy in a page.
var inCode = regexp.MustCompile("(?s)## (?:Who deploys|デプロイする人の権限)\n.*?```json\n(.*?)```")

func deployerPolicy(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	m := inCode.FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s has no policy", page)
	}
	return string(m[1])
}

// arnOf completes a shortened resource.
func arnOf(action, resource string) string {
	service, _, _ := strings.Cut(action, ":")
	switch {
	case resource == "*":
		return "*"
	case service == "s3":
		return "arn:aws:s3:::" + resource
	case service == "iam", service == "budgets", strings.HasPrefix(resource, "dashboard/"):
		return "arn:aws:" + service + "::123456789012:" + resource
	}
	return "arn:aws:" + service + ":eu-west-1:123456789012:" + resource
}

// TestDeployerPolicy compares the policy in docs/aws.md with the calls that commands make, which a test on
// an emulator records (internal/cli, TestAWSLife and TestAWSLook), and with what CloudFormation needs for the
// template: it allows all of them on photos, none of them on what belongs to others, and nothing else.
func TestDeployerPolicy(t *testing.T) {
	text := deployerPolicy(t, "aws.md")
	if other := deployerPolicy(t, "aws.ja.md"); other != text {
		t.Error("the policy in aws.ja.md is another one")
	}
	var compact strings.Builder
	var document Document
	var raw any
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(&compact).Encode(raw); err != nil || compact.Len() > 6144 {
		t.Errorf("IAM allows 6,144 characters in a managed policy, and this one has %d: %v", compact.Len(), err)
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile("testdata/calls.txt")
	if err != nil {
		t.Fatal(err)
	}
	needed := append(strings.Split(strings.TrimSpace(string(recorded)), "\n"), unrecorded...)
	if len(needed) < 60 {
		t.Errorf("only %d calls are recorded", len(needed))
	}
	for _, m := range regexp.MustCompile(`(?m)^    Type: (AWS::\w+::\w+)$`).FindAllStringSubmatch(template.Template, -1) {
		h, ok := handlers[m[1]]
		if !ok {
			t.Errorf("the test does not know what %s needs", m[1])
			continue
		}
		for _, action := range h[1:] {
			needed = append(needed, action+" "+h[0])
		}
	}
	context := map[string]string{"lambda:FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:imgmill-photos",
		"iam:PassedToService": "lambda.amazonaws.com"}
	allows := func(action, resource string, in Document) bool {
		return Allows([]Document{in}, Request{Action: action, Resource: resource, Context: context})
	}
	general := map[string]bool{} // actions that have no resource, or are about all
	for _, s := range document.Statement {
		if slices.Contains(s.Resource, "*") {
			for _, a := range s.Action {
				general[a] = true
			}
		}
	}
	for _, n := range needed {
		action, resource, _ := strings.Cut(n, " ")
		if !allows(action, arnOf(action, resource), document) {
			t.Errorf("the policy does not allow %s on %s", action, resource)
		}
		if general[action] || strings.HasSuffix(action, "EventSourceMapping") || strings.HasPrefix(resource, "event-source-mapping:") {
			continue
		}
		strange := strings.Replace(arnOf(action, resource), "photos", "films", 1)
		if allows(action, strange, document) {
			t.Errorf("the policy allows %s on %s", action, strange)
		}
	}
	for _, s := range document.Statement {
		for _, a := range s.Action {
			for _, resource := range s.Resource {
				one := Document{Statement: statements{{Effect: "Allow", Action: values{a}, Resource: values{resource}, Condition: s.Condition}}}
				used := slices.ContainsFunc(needed, func(n string) bool {
					action, on, _ := strings.Cut(n, " ")
					return allows(action, arnOf(action, on), one)
				})
				if !used && slices.ContainsFunc(s.Resource, func(other string) bool { // a list of resources is for all actions
					one.Statement[0].Resource = values{other}
					return slices.ContainsFunc(needed, func(n string) bool {
						action, on, _ := strings.Cut(n, " ")
						return allows(action, arnOf(action, on), one)
					})
				}) {
					used = true
				}
				if !used {
					t.Errorf("nothing needs %s on %s", a, resource)
				}
			}
		}
	}
}
