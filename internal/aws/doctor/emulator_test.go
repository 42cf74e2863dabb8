package doctor_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/awstest"
	"github.com/imgmill/imgmill/internal/aws/doctor"
	"github.com/imgmill/imgmill/internal/aws/policy"
	"github.com/imgmill/imgmill/internal/aws/trigger"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// patient is a deployment in which faults are planted.
type patient struct{ *awstest.Deployment }

// examine returns all diagnoses.
func (w patient) examine() []doctor.Diagnosis {
	w.Helper()
	var list []doctor.Diagnosis
	if err := doctor.Examine(w.Context(), w.Cloud, w.D.Names,
		func(d doctor.Diagnosis) { list = append(list, d) }); err != nil {
		w.Fatal(err)
	}
	return list
}

// planted is a fault, how to plant and undo it, and the diagnosis that names it.
type planted struct {
	name       string
	plant      func() error
	undo       func() error
	check      string
	state      doctor.State
	words      string // in the text
	advice     string
	unservedBy string // the emulator that cannot, and the call that it lacks
}

func TestAWSDoctorFindsPlantedFaults(t *testing.T) {
	w := patient{awstest.Deploy(t, "direct")}
	for _, d := range w.examine() {
		t.Logf("healthy: %-5s %-13s %s", d.State, d.Check, d.Text)
		w.wantHealthy(d)
	}
	w.run(w.notificationFaults())
	w.run(w.accessFaults())
	w.run(w.functionFaults())
	w.run(w.roleFaults())
	w.run(w.historyFaults())
	w.run([]planted{w.missingFunction()})
}

// wantHealthy fails on a diagnosis of a new deployment that is not OK, unless the emulator is to
// blame.
func (w patient) wantHealthy(d doctor.Diagnosis) {
	w.Helper()
	unserved := map[string]string{
		"ministack identity": "the caller is root",
		"moto concurrency":   "lambda:GetAccountSettings",
		"moto recursion":     "lambda:GetFunctionRecursionConfig",
		"moto alarms":        "AWS::CloudWatch::Alarm among the resources of a stack",
		"moto log":           "logs:FilterLogEvents where its own function has logged: fractions of milliseconds",
	}
	if d.State == doctor.OK {
		return
	}
	if call := unserved[w.Emulator+" "+d.Check]; call != "" && d.State != doctor.Fault {
		w.Logf("%s cannot serve %s", w.Emulator, call)
		return
	}
	w.Errorf("a healthy deployment: %+v", d)
}

// run plants one fault after another, each alone, and expects a diagnosis that names it.
func (w patient) run(list []planted) {
	for _, f := range list {
		w.T.Run(f.name, func(t *testing.T) {
			if by, call, ok := strings.Cut(f.unservedBy, " "); ok && by == w.Emulator {
				t.Skipf("%s cannot serve %s", by, call)
			}
			if err := f.plant(); err != nil {
				t.Fatalf("plant: %v", err)
			}
			defer func() {
				if f.undo == nil {
					return
				}
				if err := f.undo(); err != nil {
					t.Fatalf("undo: %v", err)
				}
			}()
			found := false
			for _, d := range w.examine() {
				if d.State == doctor.OK {
					continue
				}
				t.Logf("%-5s %-13s %s -> %s", d.State, d.Check, d.Text, d.Advice)
				found = found || d.Check == f.check && d.State == f.state &&
					strings.Contains(d.Text, f.words) && strings.Contains(d.Advice, f.advice)
			}
			if !found {
				t.Errorf("no diagnosis is %s %s with %q and advice %q", f.state, f.check, f.words,
					f.advice)
			}
		})
	}
}

func (w patient) notifications(bucket string, cfg *s3types.NotificationConfiguration) error {
	_, err := w.Store.PutBucketNotificationConfiguration(context.WithoutCancel(w.Context()),
		&s3.PutBucketNotificationConfigurationInput{
			Bucket: &bucket, NotificationConfiguration: cfg,
			SkipDestinationValidation: aws.Bool(true)})
	return err
}

// notificationFaults are those of the notifications of both buckets.
func (w patient) notificationFaults() []planted {
	ctx, source, target := w.Context(), w.D.SourceBucket, w.D.TargetBucket
	whole, err := trigger.Read(ctx, w.Cloud, source)
	w.Must(nil, err)
	with := func(bucket string, change func(*s3types.NotificationConfiguration)) func() error {
		return func() error {
			cfg := *whole
			cfg.LambdaFunctionConfigurations = append([]s3types.LambdaFunctionConfiguration{},
				whole.LambdaFunctionConfigurations...)
			change(&cfg)
			return w.notifications(bucket, &cfg)
		}
	}
	restore := with(source, func(*s3types.NotificationConfiguration) {})
	failures := fmt.Sprintf("arn:aws:sqs:us-east-1:%s:%s", strings.Split(w.D.FunctionARN, ":")[4],
		w.D.FailureQueue[strings.LastIndex(w.D.FailureQueue, "/")+1:])
	return []planted{
		{name: "no notifications", plant: with(source,
			func(c *s3types.NotificationConfiguration) { c.LambdaFunctionConfigurations = nil }),
			undo:  restore,
			check: "notifications", state: doctor.Fault, words: "sends no notifications to",
			advice: "imgmill deploy"},
		{name: "a suffix is missing", plant: with(source,
			func(c *s3types.NotificationConfiguration) {
				kept := c.LambdaFunctionConfigurations[:0]
				for _, l := range c.LambdaFunctionConfigurations {
					if !hasSuffix(l, ".png") {
						kept = append(kept, l)
					}
				}
				c.LambdaFunctionConfigurations = kept
			}), undo: restore, check: "notifications", state: doctor.Fault,
			words: "sends no notifications about in/*.png", advice: "imgmill deploy"},
		{name: "a notification that the recipe does not need",
			plant: with(source, func(c *s3types.NotificationConfiguration) {
				c.LambdaFunctionConfigurations = append(c.LambdaFunctionConfigurations,
					s3types.LambdaFunctionConfiguration{
						Id: aws.String("old"), LambdaFunctionArn: &w.D.FunctionARN,
						Events: []s3types.Event{"s3:ObjectCreated:*"},
						Filter: &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{
							{Name: s3types.FilterRuleNamePrefix, Value: aws.String("old/")},
							{Name: s3types.FilterRuleNameSuffix, Value: aws.String(".gif")}}}}})
			}), undo: restore, check: "notifications", state: doctor.Warn, words: "old/*.gif",
			advice: "imgmill deploy"},
		{name: "a notification of somebody else overlaps",
			plant: with(source, func(c *s3types.NotificationConfiguration) {
				c.LambdaFunctionConfigurations = nil
				c.QueueConfigurations = []s3types.QueueConfiguration{{Id: aws.String("theirs"),
					QueueArn: &failures, Events: []s3types.Event{"s3:ObjectCreated:Put"}}}
			}), undo: restore, check: "overlap", state: doctor.Fault, words: "theirs",
			advice: "EventBridge"},
		{name: "recursion", plant: func() error {
			return w.notifications(target,
				&s3types.NotificationConfiguration{LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{
					Id: aws.String("loop"), LambdaFunctionArn: &w.D.FunctionARN,
					Events: []s3types.Event{"s3:ObjectCreated:*"}}}})
		}, undo: func() error {
			return w.notifications(target,
				&s3types.NotificationConfiguration{})
		},
			check: "recursion", state: doctor.Fault, words: "loop",
			advice: "remove the notification loop"},
	}
}

// accessFaults are those of encryption and of public access, and objects of others.
func (w patient) accessFaults() []planted {
	ctx, source, target := w.Context(), w.D.SourceBucket, w.D.TargetBucket
	theirs := aws.String("in/theirs.jpg")
	return []planted{
		{name: "an object of somebody else", plant: func() error {
			_, err := w.Store.PutObject(ctx,
				&s3.PutObjectInput{Bucket: &target, Key: theirs, Body: strings.NewReader("theirs")})
			return err
		}, undo: func() error {
			_, err := w.Store.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &target, Key: theirs})
			return err
		}, check: "target", state: doctor.Warn, words: "such as in/theirs.jpg: they stay", advice: "another bucket"},
		{name: "block of public access off", plant: func() error {
			_, err := w.Store.DeletePublicAccessBlock(ctx,
				&s3.DeletePublicAccessBlockInput{Bucket: &target})
			return err
		}, check: "public access", state: doctor.Warn, words: target + " is off",
			advice: "put-public-access-block"},
		{name: "public by policy", plant: func() error {
			_, err := w.Store.PutBucketPolicy(ctx,
				&s3.PutBucketPolicyInput{Bucket: &target, Policy: aws.String(
					`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + target + `/*"}]}`)})
			return err
		}, undo: func() error {
			_, err := w.Store.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &target})
			return err
		}, check: "public access", state: doctor.Fault, words: "because of its policy",
			advice: "put-public-access-block", unservedBy: "ministack s3:GetBucketPolicyStatus"},
		{name: "public by ACL", plant: func() error {
			_, err := w.Store.PutBucketOwnershipControls(ctx,
				&s3.PutBucketOwnershipControlsInput{Bucket: &target,
					OwnershipControls: &s3types.OwnershipControls{
						Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: s3types.ObjectOwnershipObjectWriter}}}})
			if err != nil {
				return err
			}
			_, err = w.Store.PutBucketAcl(ctx,
				&s3.PutBucketAclInput{Bucket: &target, ACL: s3types.BucketCannedACLPublicRead})
			return err
		}, undo: func() error {
			_, err := w.Store.PutBucketAcl(ctx,
				&s3.PutBucketAclInput{Bucket: &target, ACL: s3types.BucketCannedACLPrivate})
			return err
		}, check: "public access", state: doctor.Fault, words: "access control list",
			advice: "put-public-access-block"},
		{name: "a key that the role lacks", plant: func() error {
			return w.encrypt(source,
				"arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555")
		},
			undo:  func() error { return w.encrypt(source, "") },
			check: "encryption", state: doctor.Fault, words: "lacks kms:Decrypt",
			advice: "--source-kms-key arn:aws:kms"},
	}
}

func (w patient) encrypt(bucket, key string) error {
	how := &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAes256}
	if key != "" {
		how = &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms,
			KMSMasterKeyID: &key}
	}
	_, err := w.Store.PutBucketEncryption(w.Context(), &s3.PutBucketEncryptionInput{Bucket: &bucket,
		ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
			Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: how}}}})
	return err
}

// configure changes the function as somebody would by hand.
func (w patient) configure(change func(*lambda.UpdateFunctionConfigurationInput)) func() error {
	return func() error {
		in := &lambda.UpdateFunctionConfigurationInput{FunctionName: &w.D.FunctionName}
		change(in)
		_, err := w.Function.UpdateFunctionConfiguration(w.Context(), in)
		if err == nil {
			w.AwaitFunction()
		}
		return err
	}
}

func (w patient) environment(more map[string]string) func() error {
	return w.configure(func(in *lambda.UpdateFunctionConfigurationInput) {
		is := map[string]string{recipe.EnvSourceBucket: w.D.SourceBucket,
			recipe.EnvTargetBucket: w.D.TargetBucket}
		for k, v := range more {
			is[k] = v
		}
		in.Environment = &lambdatypes.Environment{Variables: is}
	})
}

// setCode makes the function run a zip of the code bucket, as arch.
func (w patient) setCode(key string, arch lambdatypes.Architecture) func() error {
	return func() error {
		_, err := w.Function.UpdateFunctionCode(w.Context(),
			&lambda.UpdateFunctionCodeInput{FunctionName: &w.D.FunctionName,
				S3Bucket: &w.D.CodeBucket, S3Key: &key,
				Architectures: []lambdatypes.Architecture{arch}})
		if err == nil {
			w.AwaitFunction()
		}
		return err
	}
}

func (w patient) functionFaults() []planted {
	ctx, name, key := w.Context(), &w.D.FunctionName, w.D.Parameters["CodeKey"]
	const x86, arm = lambdatypes.ArchitectureX8664, lambdatypes.ArchitectureArm64
	return []planted{
		{name: "another architecture", plant: w.setCode(key, arm), undo: w.setCode(key, x86),
			check: "code", state: doctor.Fault,
			words:      "changed by hand to arm64, but the zip's binary is for x86_64",
			advice:     "--architectures x86_64",
			unservedBy: "moto Architectures in lambda:UpdateFunctionCode"},
		{name: "other code", plant: func() error {
			_, err := w.Function.UpdateFunctionCode(ctx,
				&lambda.UpdateFunctionCodeInput{FunctionName: name,
					ZipFile: []byte("PK\x05\x06" + strings.Repeat("\x00", 18))})
			return err
		}, undo: w.setCode(key, x86), check: "code", state: doctor.Warn, words: "runs other code",
			advice: "update-function-code"},
		{name: "another runtime",
			plant: w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Runtime = "python3.12" }),
			undo:  w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Runtime = "provided.al2023" }),
			check: "runtime", state: doctor.Fault, words: "python3.12",
			advice: "--runtime provided.al2023"},
		{name: "another handler",
			plant: w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Handler = aws.String("app.handler") }),
			undo:  w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Handler = aws.String("bootstrap") }),
			check: "runtime", state: doctor.Warn, words: `"app.handler"`, advice: "--handler bootstrap"},
		{name: "too little time",
			plant: w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Timeout = aws.Int32(3) }),
			undo:  w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Timeout = aws.Int32(120) }),
			check: "runtime", state: doctor.Warn, words: "after 3 s", advice: "--timeout"},
		{name: "another bucket",
			plant: w.environment(map[string]string{recipe.EnvTargetBucket: "elsewhere"}),
			undo:  w.environment(nil),
			check: "environment", state: doctor.Fault, words: `IMGMILL_TARGET_BUCKET is "elsewhere"`, advice: w.D.TargetBucket},
		{name: "a recipe in the environment",
			plant: w.environment(map[string]string{recipe.EnvRecipe: "x"}),
			undo:  w.environment(nil),
			check: "environment", state: doctor.Warn,
			words:  "takes precedence over the recipe in the zip",
			advice: "remove IMGMILL_RECIPE"},
		{name: "throttled off", plant: func() error { return w.reserve(0) },
			undo:  func() error { return w.reserve(10) },
			check: "concurrency", state: doctor.Fault, words: "reserved concurrency is 0",
			advice: "delete-function-concurrency"},
		{name: "nothing bounds the instances", plant: func() error {
			_, err := w.Function.DeleteFunctionConcurrency(ctx,
				&lambda.DeleteFunctionConcurrencyInput{FunctionName: name})
			return err
		}, undo: func() error { return w.reserve(10) },
			check: "concurrency", state: doctor.Warn,
			words:  "instances may run at a time, and whoever may upload decides: an hour",
			advice: "--reserved-concurrent-executions 10", unservedBy: "moto lambda:GetAccountSettings"},
		{name: "too little memory",
			plant: w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.MemorySize = aws.Int32(512) }),
			undo:  w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.MemorySize = aws.Int32(1769) }),
			check: "memory", state: doctor.Warn, words: "limits.pixels is 200 million", advice: "--memory 1336"},
		{name: "recursive loop detection is off",
			plant: w.setLoopDetection(lambdatypes.RecursiveLoopAllow),
			undo:  w.setLoopDetection(lambdatypes.RecursiveLoopTerminate),
			check: "recursion", state: doctor.Warn, words: "its recursive loop detection is off",
			advice:     "--recursive-loop Terminate",
			unservedBy: "moto lambda:PutFunctionRecursionConfig"},
		{name: "S3 may not call", plant: w.revoke, check: "permission", state: doctor.Fault,
			words: "S3 may not send notifications", advice: "aws lambda add-permission"},
		{name: "failed events have no destination", plant: func() error {
			_, err := w.Function.DeleteFunctionEventInvokeConfig(ctx,
				&lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: name,
					Qualifier: aws.String("$LATEST")})
			return err
		}, check: "delivery", state: doctor.Fault, words: "have no destination",
			advice: "--keep-buckets"},
	}
}

func (w patient) reserve(n int32) error {
	_, err := w.Function.PutFunctionConcurrency(w.Context(),
		&lambda.PutFunctionConcurrencyInput{FunctionName: &w.D.FunctionName, ReservedConcurrentExecutions: &n})
	return err
}

func (w patient) setLoopDetection(loop lambdatypes.RecursiveLoop) func() error {
	return func() error {
		_, err := w.Function.PutFunctionRecursionConfig(w.Context(),
			&lambda.PutFunctionRecursionConfigInput{FunctionName: &w.D.FunctionName,
				RecursiveLoop: loop})
		return err
	}
}

// revoke removes the permission, whose ID CloudFormation generated.
func (w patient) revoke() error {
	out, err := w.Function.GetPolicy(w.Context(),
		&lambda.GetPolicyInput{FunctionName: &w.D.FunctionName})
	if err != nil {
		return err
	}
	_, sid, _ := strings.Cut(aws.ToString(out.Policy), `"Sid":`)
	sid = strings.Split(sid, `"`)[1]
	_, err = w.Function.RemovePermission(w.Context(),
		&lambda.RemovePermissionInput{FunctionName: &w.D.FunctionName, StatementId: &sid})
	return err
}

func (w patient) roleFaults() []planted {
	ctx, role := w.Context(), w.D.RoleARN[strings.LastIndexByte(w.D.RoleARN, '/')+1:]
	before, err := w.Identity.GetRolePolicy(ctx,
		&iam.GetRolePolicyInput{RoleName: &role, PolicyName: aws.String("imgmill")})
	w.Must(before, err)
	document := aws.ToString(before.PolicyDocument)
	if doc, err := policy.Parse(document); err != nil || len(doc.Statement) < 4 {
		w.Fatalf("the role's policy: %v, %v", doc, err)
	}
	document = unescaped(document)
	put := func(text string) func() error {
		return func() error {
			_, err := w.Identity.PutRolePolicy(ctx,
				&iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("imgmill"),
					PolicyDocument: &text})
			return err
		}
	}
	trust := func(service string) func() error {
		return func() error {
			_, err := w.Identity.UpdateAssumeRolePolicy(ctx,
				&iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: aws.String(
					`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}}`)})
			return err
		}
	}
	return []planted{
		{name: "may not write", plant: put(strings.Replace(document, "s3:PutObject",
			"s3:PutObjectTagging", 1)), undo: put(document),
			check: "role", state: doctor.Fault, words: "lacks s3:PutObject on arn:aws:s3:::" +
				w.D.TargetBucket, advice: "--keep-buckets"},
		{name: "may not send failures", plant: put(strings.Replace(document, "sqs:SendMessage",
			"sqs:PurgeQueue", 1)), undo: put(document),
			check: "role", state: doctor.Fault, words: "lacks sqs:SendMessage"},
		{name: "no policy", plant: func() error {
			_, err := w.Identity.DeleteRolePolicy(ctx,
				&iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: aws.String("imgmill")})
			return err
		}, undo: put(document), check: "role", state: doctor.Fault,
			words: "lacks s3:GetObject on arn:aws:s3:::" + w.D.SourceBucket},
		{name: "Lambda may not assume it", plant: trust("ec2.amazonaws.com"),
			undo:  trust("lambda.amazonaws.com"),
			check: "role", state: doctor.Fault, words: "Lambda may not assume the role"},
	}
}

func (w patient) historyFaults() []planted {
	ctx := w.Context()
	log := func(texts ...string) func() error {
		return func() error {
			stream := fmt.Sprintf("by-hand-%d", time.Now().UnixNano())
			if _, err := w.Logs.CreateLogStream(ctx,
				&cloudwatchlogs.CreateLogStreamInput{LogGroupName: &w.D.LogGroup,
					LogStreamName: &stream}); err != nil {
				return err
			}
			in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &w.D.LogGroup,
				LogStreamName: &stream}
			for _, text := range texts {
				in.LogEvents = append(in.LogEvents,
					logstypes.InputLogEvent{Message: &text,
						Timestamp: aws.Int64(time.Now().UnixMilli())})
			}
			_, err := w.Logs.PutLogEvents(ctx, in)
			return err
		}
	}
	return []planted{
		{name: "an attempt failed", plant: log(`{"level":"WARN","msg":"change","bucket":"b","key":"in/a.jpg","verdict":"retry","reason":"AccessDenied by somebody"}`),
			check: "log", state: doctor.Warn,
			words: "1 failed attempt, 0 other errors; the last, at", advice: "--errors"},
		{name: "a timeout",
			plant: log("2026-01-02T03:04:05.678Z 8f507cfc-1111-2222-3333-0123456789ab Task timed out after 120.10 seconds"),
			check: "log", state: doctor.Warn, words: "Task timed out after 120.10 seconds"},
		{name: "it cannot start", plant: log(`{"level":"ERROR","msg":"cannot start","error":"imgmill.yaml:3: no"}`,
			"INIT_REPORT Init Duration: 5.03 ms\tPhase: init\tStatus: error\tError Type: Imgmill.CannotStart"),
			check: "log", state: doctor.Fault,
			words: "the function cannot start: imgmill.yaml:3: no", advice: "config check"},
		{name: "a failure is pending", plant: func() error {
			_, err := w.Queue.SendMessage(ctx,
				&sqs.SendMessageInput{QueueUrl: &w.D.FailureQueue, MessageBody: aws.String("{}")})
			return err
		}, check: "failures", state: doctor.Warn, words: " pending in ",
			advice: "imgmill failures " + w.D.Name},
		{name: "no zip", plant: func() error {
			_, err := w.Store.DeleteObject(ctx,
				&s3.DeleteObjectInput{Bucket: &w.D.CodeBucket,
					Key: aws.String(w.D.Parameters["CodeKey"])})
			return err
		}, check: "code", state: doctor.Warn, words: "does not exist", advice: "imgmill deploy"},
		{name: "no log group", plant: func() error {
			_, err := w.Logs.DeleteLogGroup(ctx,
				&cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &w.D.LogGroup})
			return err
		}, check: "log", state: doctor.Fault, words: "does not exist"},
		{name: "no failure queue", plant: func() error {
			_, err := w.Queue.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &w.D.FailureQueue})
			return err
		}, check: "failures", state: doctor.Fault, words: "does not exist"},
	}
}

func (w patient) missingFunction() planted {
	return planted{name: "no function", plant: func() error {
		_, err := w.Function.DeleteFunction(w.Context(),
			&lambda.DeleteFunctionInput{FunctionName: &w.D.FunctionName})
		return err
	}, check: "function", state: doctor.Fault, words: "does not exist", advice: "--keep-buckets"}
}

// TestAWSDoctorFindsQueueFaults plants the faults that only a deployment with a queue can have.
func TestAWSDoctorFindsQueueFaults(t *testing.T) {
	w := patient{awstest.Deploy(t, "queue")}
	ctx := t.Context()
	for _, d := range w.examine() {
		w.wantHealthy(d)
	}
	list, err := w.Function.ListEventSourceMappings(ctx,
		&lambda.ListEventSourceMappingsInput{FunctionName: &w.D.FunctionName})
	w.Must(list, err)
	if len(list.EventSourceMappings) != 1 {
		t.Fatalf("%d mappings", len(list.EventSourceMappings))
	}
	uuid := list.EventSourceMappings[0].UUID
	mapping := func(change func(*lambda.UpdateEventSourceMappingInput)) func() error {
		return func() error {
			in := &lambda.UpdateEventSourceMappingInput{UUID: uuid}
			change(in)
			_, err := w.Function.UpdateEventSourceMapping(ctx, in)
			return err
		}
	}
	attribute := func(name, value string) func() error {
		return func() error {
			_, err := w.Queue.SetQueueAttributes(ctx,
				&sqs.SetQueueAttributesInput{QueueUrl: &w.D.WorkQueue,
					Attributes: map[string]string{name: value}})
			return err
		}
	}
	other := w.D.Names.Stack + "-other"
	w.Must(w.Queue.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &other}))
	w.run([]planted{
		{name: "the mapping is disabled",
			plant: mapping(func(in *lambda.UpdateEventSourceMappingInput) { in.Enabled = aws.Bool(false) }),
			undo:  mapping(func(in *lambda.UpdateEventSourceMappingInput) { in.Enabled = aws.Bool(true) }),
			check: "delivery", state: doctor.Fault, words: "pile up", advice: "--enabled"},
		{name: "no partial batch responses",
			plant: mapping(func(in *lambda.UpdateEventSourceMappingInput) {
				in.FunctionResponseTypes = []lambdatypes.FunctionResponseType{}
			}), undo: mapping(func(in *lambda.UpdateEventSourceMappingInput) {
				in.FunctionResponseTypes = []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures}
			}), check: "delivery", state: doctor.Fault, words: "ReportBatchItemFailures",
			advice: "--function-response-types"},
		{name: "messages are visible too early", plant: attribute("VisibilityTimeout", "5"),
			undo:  attribute("VisibilityTimeout", "720"),
			check: "delivery", state: doctor.Fault, words: "delivered again after 5 s",
			advice: "VisibilityTimeout=720"},
		{name: "failed messages are retried for ever",
			plant: attribute("RedrivePolicy", fmt.Sprintf(
				`{"deadLetterTargetArn":"%s-other","maxReceiveCount":5}`, strings.TrimSuffix(w.D.WorkQueueARN, "-work"))),
			undo:  attribute("RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":"%s-failures","maxReceiveCount":5}`, strings.TrimSuffix(w.D.WorkQueueARN, "-work"))),
			check: "delivery", state: doctor.Fault, words: "do not go to",
			advice: "--trigger queue"},
		{name: "S3 may not send", plant: attribute("Policy", `{"Version":"2012-10-17","Statement":[]}`),
			check: "permission", state: doctor.Fault, words: "sqs:SendMessage",
			advice: "--keep-buckets"},
		{name: "no mapping", plant: func() error {
			_, err := w.Function.DeleteEventSourceMapping(ctx,
				&lambda.DeleteEventSourceMappingInput{UUID: uuid})
			return err
		}, check: "delivery", state: doctor.Fault, words: "does not exist",
			advice: "--keep-buckets"},
	})
}

// unescaped returns a policy document as IAM accepts it.
func unescaped(document string) string {
	if plain, err := url.PathUnescape(document); err == nil && !strings.HasPrefix(document, "{") {
		return plain
	}
	return document
}

// hasSuffix reports whether an entry filters keys by a suffix.
func hasSuffix(l s3types.LambdaFunctionConfiguration, suffix string) bool {
	cfg := &s3types.NotificationConfiguration{LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{l}}
	return trigger.Entries(cfg)[0].Suffix == suffix
}
