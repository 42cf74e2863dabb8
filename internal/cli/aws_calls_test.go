package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// operator marks the calls of commands whose permissions docs/aws.md grants to whoever deploys.
const operator = "operator"

// operators are these commands.
var operators = map[string]bool{"deploy": true, "test": true, "doctor": true, "destroy": true, "logs": true, "failures": true}

// callsFile lists every action on every resource that these commands needed, for a deployment named
// photos. Package policy compares the policy in docs/aws.md with it.
const callsFile = "../aws/policy/testdata/calls.txt"

// lambdaCalls are the paths of Lambda's API (AWS Lambda API Reference), without the date and the name of the
// function, and the actions that they need.
var lambdaCalls = map[string]string{
	"GET functions": "GetFunction", "GET functions/configuration": "GetFunctionConfiguration", "GET functions/concurrency": "GetFunctionConcurrency",
	"GET functions/policy": "GetPolicy", "GET functions/event-invoke-config": "GetFunctionEventInvokeConfig",
	"GET functions/recursion-config": "GetFunctionRecursionConfig", "POST functions/invocations": "InvokeFunction",
	"GET account-settings": "GetAccountSettings", "GET event-source-mappings": "ListEventSourceMappings",
}

// bucketCalls are the queries of S3's calls on a bucket that need other actions than their method and query say
// (Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3").
var bucketCalls = map[string]string{
	"GET encryption": "GetEncryptionConfiguration", "PUT encryption": "PutEncryptionConfiguration",
	"GET lifecycle": "GetLifecycleConfiguration", "PUT lifecycle": "PutLifecycleConfiguration",
	"GET publicAccessBlock": "GetBucketPublicAccessBlock", "PUT publicAccessBlock": "PutBucketPublicAccessBlock",
	"GET notification": "GetBucketNotification", "PUT notification": "PutBucketNotification",
	"GET tagging": "GetBucketTagging", "PUT tagging": "PutBucketTagging", "GET policy": "GetBucketPolicy", "PUT policy": "PutBucketPolicy",
	"DELETE policy": "DeleteBucketPolicy", "GET policyStatus": "GetBucketPolicyStatus", "GET acl": "GetBucketAcl",
	"GET list-type": "ListBucket", "GET versions": "ListBucketVersions", "GET uploads": "ListBucketMultipartUploads",
	"POST delete": "DeleteObjectVersion", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket", "GET location": "GetBucketLocation",
}

var (
	datedPath  = regexp.MustCompile(`^/20\d\d-\d\d-\d\d/`)
	credential = regexp.MustCompile(`Credential=[^/]+/\d+/[^/]*/([^/]+)/aws4_request`)
	randomEnd  = regexp.MustCompile(`-[0-9A-Za-z]+$`) // of the name of a role that CloudFormation chose
	functionIn = regexp.MustCompile(`^functions/([^/]+)`)
)

// permissionOf returns the action and the resource of a call. The resource is shortened: an ARN without
// partition, region and account.
func permissionOf(t *testing.T, r *http.Request) (action, resource string) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return "", ""
	}
	field := func(names ...string) string {
		form, _ := url.ParseQuery(string(body))
		var object map[string]any
		_ = json.Unmarshal(body, &object) // of the JSON protocols
		for _, name := range names {
			if v := form.Get(name); v != "" {
				return v
			}
			if v, ok := object[name].(string); ok {
				return v
			}
		}
		return ""
	}
	last := func(s, sep string) string { return s[strings.LastIndex(s, sep)+1:] }
	operation := last(callName(r), ".")
	switch service := m[1]; service {
	case "sts":
		return "", "" // GetCallerIdentity needs no permission
	case "cloudformation":
		stack := field("StackName")
		if strings.HasPrefix(stack, "arn:") {
			stack = strings.Split(stack, "/")[1]
		}
		if stack == "" { // of a change set, by its ARN
			stack = "imgmill-photos"
		}
		return "cloudformation:" + operation, "stack/" + stack + "/id"
	case "iam":
		role := field("RoleName")
		if role == "" {
			return "iam:" + operation, "*"
		}
		return "iam:" + operation, "role/" + randomEnd.ReplaceAllString(role, "-ID")
	case "sqs":
		return "sqs:" + strings.TrimSuffix(operation, "Batch"), last(field("QueueName", "QueueUrl"), "/")
	case "logs":
		group := field("logGroupName", "logGroupIdentifier")
		if operation == "ListTagsForResource" {
			group = strings.TrimSuffix(last(field("resourceArn"), "log-group:"), ":*")
			group = strings.TrimPrefix(group, "group:")
		}
		if operation == "DescribeLogGroups" {
			return "logs:" + operation, "*"
		}
		return "logs:" + operation, "log-group:" + group
	case "lambda":
		path := datedPath.ReplaceAllString(r.URL.Path, "")
		name := ""
		if m := functionIn.FindStringSubmatch(path); m != nil {
			name, path = m[1], strings.Replace(path, "/"+m[1], "", 1)
		}
		operation, ok := lambdaCalls[r.Method+" "+strings.TrimSuffix(path, "/")]
		if !ok {
			t.Errorf("a call of Lambda that the test does not know: %s %s", r.Method, r.URL)
		}
		if name == "" {
			return "lambda:" + operation, "*"
		}
		return "lambda:" + operation, "function:" + last(name, ":")
	case "s3":
		bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if bucket == "" || strings.HasPrefix(r.URL.Path, "/v20180820") {
			return "", ""
		}
		if key != "" {
			action := map[string]string{"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[r.Method]
			if r.URL.Query().Has("uploadId") {
				action = "AbortMultipartUpload"
			} else if r.URL.Query().Has("versionId") {
				action += "Version"
			}
			return "s3:" + action, bucket + "/key"
		}
		for query := range r.URL.Query() {
			if action := bucketCalls[r.Method+" "+query]; action != "" {
				if action == "DeleteObjectVersion" {
					return "s3:" + action, bucket + "/key"
				}
				return "s3:" + action, bucket
			}
		}
		if action := bucketCalls[r.Method]; action != "" {
			return "s3:" + action, bucket
		}
		t.Errorf("a call of S3 that the test does not know: %s %s", r.Method, r.URL)
		return "", ""
	default:
		t.Errorf("a call of a service that the test does not know: %s", service)
		return "", ""
	}
}
