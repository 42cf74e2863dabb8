package stack

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/aws/template"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const doctorRecipe = `source: {bucket: any-input, prefix: "in/", suffixes: [.jpg, .png]}
target: {bucket: any-output}
`

// ward is a deployment on an emulator of AWS, in which faults are planted.
type ward struct {
	*testing.T
	*Cloud
	d        *Deployment
	emulator string
}

// openWard deploys to the emulator that IMGMILL_AWS_ENDPOINT and IMGMILL_AWS_EMULATOR name.
func openWard(t *testing.T, trigger string) *ward {
	t.Helper()
	endpoint, emulator := os.Getenv("IMGMILL_AWS_ENDPOINT"), os.Getenv("IMGMILL_AWS_EMULATOR")
	if endpoint == "" {
		t.Skip("IMGMILL_AWS_ENDPOINT is not set")
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	ctx := t.Context()
	cloud, err := Open(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	names, err := NamesFor(fmt.Sprintf("ward-%s-%d", trigger, time.Now().UnixMilli()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(doctorRecipe))
	if err != nil {
		t.Fatal(err)
	}
	who, err := cloud.WhoAmI(ctx)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := cloud.Plan(ctx, Settings{Names: names, Account: who.Account, Recipe: r,
		Given: map[string]string{"Trigger": trigger, "Architecture": "x86_64"}})
	if err != nil {
		t.Fatal(err)
	}
	zip, err := pack.Build(ctx, pack.Options{Arch: pack.AMD64, Recipe: []byte(doctorRecipe)})
	if err != nil {
		t.Fatal(err)
	}
	plan.Carry(zip)
	w := &ward{T: t, Cloud: cloud, emulator: emulator}
	if emulator == "moto" {
		w.byHand(plan, zip)
	} else if w.d, _, err = cloud.Make(ctx, plan, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	w.numbers()
	return w
}

// byHand makes the stack without bucket policies: moto reads none of their conditions, so that those which refuse plain HTTP
// refuse everything.
func (w *ward) byHand(plan *Plan, zip []byte) {
	ctx, n := w.Context(), plan.Names
	w.must(w.Store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &n.CodeBucket}))
	key := plan.Parameters["CodeKey"]
	w.must(w.Store.PutObject(ctx, &s3.PutObjectInput{Bucket: &n.CodeBucket, Key: &key, Body: bytes.NewReader(zip)}))
	text := template.Template
	for _, name := range []string{"SourceBucketPolicy", "TargetBucketPolicy"} {
		before, after, ok := strings.Cut(text, "\n  "+name+":\n")
		next := strings.Index(after, "\n\n  ")
		if !ok || next < 0 {
			w.Fatalf("the template has no %s", name)
		}
		text = before + "\n" + after[next:]
	}
	var parameters []cftypes.Parameter
	for k, v := range plan.Parameters {
		parameters = append(parameters, cftypes.Parameter{ParameterKey: aws.String(k), ParameterValue: aws.String(v)})
	}
	w.must(w.Formation.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &n.Stack, TemplateBody: &text, Parameters: parameters,
		Tags:         []cftypes.Tag{{Key: aws.String(TagName), Value: &n.Name}},
		Capabilities: []cftypes.Capability{cftypes.CapabilityCapabilityIam}}))
	var err error
	if w.d, err = w.Find(ctx, n); err != nil {
		w.Fatal(err)
	}
	for _, b := range []string{w.d.SourceBucket, w.d.TargetBucket, n.CodeBucket} {
		w.must(w.Store.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &b, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true)}}))
	}
	w.must(w.notify(ctx, n, w.d.SourceBucket, Wanted(n, plan.Recipe, w.d.FunctionARN, w.d.WorkQueueARN)))
	w.policies(plan.Recipe)
}

// policies writes down again what moto keeps of a stack as Python's texts of objects, or not at all: the policies of role and
// queue, and the invoke configuration.
func (w *ward) policies(r *recipe.Recipe) {
	ctx, role := w.Context(), w.d.RoleARN[strings.LastIndexByte(w.d.RoleARN, '/')+1:]
	p := &patient{Cloud: w.Cloud, names: w.d.Names, d: w.d, account: strings.Split(w.d.FunctionARN, ":")[4], code: &Code{Recipe: r}}
	var grants []string
	for _, n := range p.needs() {
		grants = append(grants, fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, n.action, strings.ReplaceAll(n.resource, "/any", "/*")))
	}
	w.must(w.Identity.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("imgmill"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[` + strings.ReplaceAll(strings.Join(grants, ","), "log-stream:any", "log-stream:*") + `]}`)}))
	w.must(w.Identity.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)}))
	if w.d.WorkQueue != "" {
		w.must(w.Queue.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &w.d.WorkQueue, Attributes: map[string]string{"Policy": fmt.Sprintf(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Resource":%q,"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::%s"}}}]}`,
			w.d.WorkQueueARN, w.d.SourceBucket)}}))
	}
	w.must(w.Function.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &w.d.FunctionName})) // no value is 0 to it
	w.must(w.Function.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: &w.d.FunctionName, Qualifier: aws.String("$LATEST"),
		DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String(p.queueARN(w.d.Names.FailureQueue()))}}}))
}

// numbers sets right what both emulators keep of a stack's parameters as texts, so that the SDK refuses their answers:
// lambda:GetFunctionConfiguration and ListEventSourceMappings.
func (w *ward) numbers() {
	ctx := w.Context()
	w.must(w.Function.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &w.d.FunctionName, EphemeralStorage: &lambdatypes.EphemeralStorage{Size: aws.Int32(512)},
		MemorySize: aws.Int32(1769), Timeout: aws.Int32(120)}))
	w.settled()
	if w.d.WorkQueue == "" || w.emulator == "moto" {
		return
	}
	out, err := w.Formation.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: &w.d.Stack, LogicalResourceId: aws.String("WorkQueueMapping")})
	w.must(out, err)
	w.must(w.Function.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: out.StackResourceDetail.PhysicalResourceId,
		BatchSize: aws.Int32(2), ScalingConfig: &lambdatypes.ScalingConfig{MaximumConcurrency: aws.Int32(10)}}))
}

// settled waits until a change of the function has taken effect.
func (w *ward) settled() {
	w.must(nil, lambda.NewFunctionUpdatedV2Waiter(w.Function, func(o *lambda.FunctionUpdatedV2WaiterOptions) { o.MinDelay = 100 * time.Millisecond }).Wait(
		w.Context(), &lambda.GetFunctionInput{FunctionName: &w.d.FunctionName}, time.Minute))
}

func (w *ward) must(_ any, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// examine gives all diagnoses.
func (w *ward) examine() []Diagnosis {
	w.Helper()
	var list []Diagnosis
	if err := w.Examine(w.Context(), w.d.Names, func(d Diagnosis) { list = append(list, d) }); err != nil {
		w.Fatal(err)
	}
	return list
}

// planted is a fault, how it comes about and goes away, and the line that names it.
type planted struct {
	name       string
	plant      func() error
	undo       func() error
	check      string
	state      State
	words, do  string // in the text, and in what to do
	unservedBy string // the emulator that cannot, and the call that it lacks
}

func TestAWSDoctorNamesPlantedFaults(t *testing.T) {
	w := openWard(t, "direct")
	for _, d := range w.examine() {
		t.Logf("healthy: %-5s %-13s %s", d.State, d.Check, d.Text)
		w.healthy(d)
	}
	w.run(w.bucketFaults())
	w.run(w.functionFaults())
	w.run(w.roleFaults())
	w.run(w.troubles())
	w.run([]planted{w.goneFunction()})
}

// healthy wants a diagnosis of a deployment as it was made, save for what the emulator is to blame for.
func (w *ward) healthy(d Diagnosis) {
	w.Helper()
	unserved := map[string]string{
		"ministack identity": "the caller is root",
		"moto concurrency":   "lambda:GetAccountSettings",
		"moto recursion":     "lambda:GetFunctionRecursionConfig",
		"moto alarms":        "AWS::CloudWatch::Alarm among the resources of a stack",
		"moto log":           "logs:FilterLogEvents where its own function has logged: fractions of milliseconds",
	}
	if d.State == OK {
		return
	}
	if call := unserved[w.emulator+" "+d.Check]; call != "" && d.State != Fault {
		w.Logf("%s cannot serve %s", w.emulator, call)
		return
	}
	w.Errorf("a healthy deployment: %+v", d)
}

// run plants one fault after the other, each alone.
func (w *ward) run(list []planted) {
	for _, f := range list {
		w.T.Run(f.name, func(t *testing.T) {
			if by, call, ok := strings.Cut(f.unservedBy, " "); ok && by == w.emulator {
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
				if d.State == OK {
					continue
				}
				t.Logf("%-5s %-13s %s -> %s", d.State, d.Check, d.Text, d.Do)
				found = found || d.Check == f.check && d.State == f.state && strings.Contains(d.Text, f.words) && strings.Contains(d.Do, f.do)
			}
			if !found {
				t.Errorf("no line is %s %s with %q and what to do %q", f.state, f.check, f.words, f.do)
			}
		})
	}
}

func (w *ward) notifications(bucket string, cfg *s3types.NotificationConfiguration) error {
	_, err := w.Store.PutBucketNotificationConfiguration(context.WithoutCancel(w.Context()), &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, NotificationConfiguration: cfg, SkipDestinationValidation: aws.Bool(true)})
	return err
}

func (w *ward) bucketFaults() []planted {
	ctx, source, target := w.Context(), w.d.SourceBucket, w.d.TargetBucket
	whole, err := w.BucketNotifications(ctx, source)
	w.must(nil, err)
	with := func(bucket string, change func(*s3types.NotificationConfiguration)) func() error {
		return func() error {
			cfg := *whole
			cfg.LambdaFunctionConfigurations = append([]s3types.LambdaFunctionConfiguration{}, whole.LambdaFunctionConfigurations...)
			change(&cfg)
			return w.notifications(bucket, &cfg)
		}
	}
	restore := with(source, func(*s3types.NotificationConfiguration) {})
	failures := fmt.Sprintf("arn:aws:sqs:us-east-1:%s:%s", strings.Split(w.d.FunctionARN, ":")[4], w.d.FailureQueue[strings.LastIndex(w.d.FailureQueue, "/")+1:])
	return []planted{
		{name: "no notifications", plant: with(source, func(c *s3types.NotificationConfiguration) { c.LambdaFunctionConfigurations = nil }), undo: restore,
			check: "notifications", state: Fault, words: "of nothing", do: "imgmill deploy"},
		{name: "a suffix is missing", plant: with(source, func(c *s3types.NotificationConfiguration) {
			kept := c.LambdaFunctionConfigurations[:0]
			for _, l := range c.LambdaFunctionConfigurations {
				if entry(l.Id, l.LambdaFunctionArn, l.Events, l.Filter).Suffix != ".png" {
					kept = append(kept, l)
				}
			}
			c.LambdaFunctionConfigurations = kept
		}), undo: restore, check: "notifications", state: Fault, words: "does not tell of in/*.png,", do: "imgmill deploy"},
		{name: "what the recipe does not want", plant: with(source, func(c *s3types.NotificationConfiguration) {
			c.LambdaFunctionConfigurations = append(c.LambdaFunctionConfigurations, s3types.LambdaFunctionConfiguration{
				Id: aws.String("old"), LambdaFunctionArn: &w.d.FunctionARN, Events: []s3types.Event{"s3:ObjectCreated:*"},
				Filter: filter(Notification{Prefix: "old/", Suffix: ".gif"})})
		}), undo: restore, check: "notifications", state: Warn, words: "old/*.gif", do: "imgmill deploy"},
		{name: "another's notification overlaps", plant: with(source, func(c *s3types.NotificationConfiguration) {
			c.LambdaFunctionConfigurations = nil
			c.QueueConfigurations = []s3types.QueueConfiguration{{Id: aws.String("theirs"), QueueArn: &failures, Events: []s3types.Event{"s3:ObjectCreated:Put"}}}
		}), undo: restore, check: "overlap", state: Fault, words: "theirs", do: "EventBridge"},
		{name: "recursion", plant: func() error {
			return w.notifications(target, &s3types.NotificationConfiguration{LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{
				Id: aws.String("circle"), LambdaFunctionArn: &w.d.FunctionARN, Events: []s3types.Event{"s3:ObjectCreated:*"}}}})
		}, undo: func() error { return w.notifications(target, &s3types.NotificationConfiguration{}) },
			check: "recursion", state: Fault, words: "circle", do: "take the notification circle off"},
		{name: "block of public access off", plant: func() error {
			_, err := w.Store.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: &target})
			return err
		}, check: "public access", state: Warn, words: target + " is off", do: "put-public-access-block"},
		{name: "public by policy", plant: func() error {
			_, err := w.Store.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &target, Policy: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + target + `/*"}]}`)})
			return err
		}, undo: func() error {
			_, err := w.Store.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &target})
			return err
		}, check: "public access", state: Fault, words: "by its policy", do: "put-public-access-block", unservedBy: "ministack s3:GetBucketPolicyStatus"},
		{name: "public by ACL", plant: func() error {
			_, err := w.Store.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &target, OwnershipControls: &s3types.OwnershipControls{
				Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: s3types.ObjectOwnershipObjectWriter}}}})
			if err != nil {
				return err
			}
			_, err = w.Store.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: &target, ACL: s3types.BucketCannedACLPublicRead})
			return err
		}, undo: func() error {
			_, err := w.Store.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: &target, ACL: s3types.BucketCannedACLPrivate})
			return err
		}, check: "public access", state: Fault, words: "access control list", do: "put-public-access-block"},
		{name: "a key that the role lacks", plant: func() error {
			return w.encrypt(source, "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555")
		},
			undo:  func() error { return w.encrypt(source, "") },
			check: "encryption", state: Fault, words: "lacks kms:Decrypt", do: "--source-kms-key arn:aws:kms"},
	}
}

func (w *ward) encrypt(bucket, key string) error {
	how := &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAes256}
	if key != "" {
		how = &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &key}
	}
	_, err := w.Store.PutBucketEncryption(w.Context(), &s3.PutBucketEncryptionInput{Bucket: &bucket,
		ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
			Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: how}}}})
	return err
}

// configure changes the function by hand.
func (w *ward) configure(change func(*lambda.UpdateFunctionConfigurationInput)) func() error {
	return func() error {
		in := &lambda.UpdateFunctionConfigurationInput{FunctionName: &w.d.FunctionName}
		change(in)
		_, err := w.Function.UpdateFunctionConfiguration(w.Context(), in)
		if err == nil {
			w.settled()
		}
		return err
	}
}

func (w *ward) environment(more map[string]string) func() error {
	return w.configure(func(in *lambda.UpdateFunctionConfigurationInput) {
		is := map[string]string{recipe.EnvSourceBucket: w.d.SourceBucket, recipe.EnvTargetBucket: w.d.TargetBucket}
		for k, v := range more {
			is[k] = v
		}
		in.Environment = &lambdatypes.Environment{Variables: is}
	})
}

// recode has the function run a zip of the code bucket, as arch.
func (w *ward) recode(key string, arch lambdatypes.Architecture) func() error {
	return func() error {
		_, err := w.Function.UpdateFunctionCode(w.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &w.d.FunctionName,
			S3Bucket: &w.d.CodeBucket, S3Key: &key, Architectures: []lambdatypes.Architecture{arch}})
		if err == nil {
			w.settled()
		}
		return err
	}
}

func (w *ward) functionFaults() []planted {
	ctx, name, key := w.Context(), &w.d.FunctionName, w.d.Parameters["CodeKey"]
	const x86, arm = lambdatypes.ArchitectureX8664, lambdatypes.ArchitectureArm64
	return []planted{
		{name: "another architecture", plant: w.recode(key, arm), undo: w.recode(key, x86),
			check: "code", state: Fault, words: "changed by hand to arm64, and the zip's binary is for x86_64", do: "--architectures x86_64", unservedBy: "moto Architectures in lambda:UpdateFunctionCode"},
		{name: "other code", plant: func() error {
			_, err := w.Function.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: []byte("PK\x05\x06" + strings.Repeat("\x00", 18))})
			return err
		}, undo: w.recode(key, x86), check: "code", state: Warn, words: "runs other code", do: "update-function-code"},
		{name: "another runtime", plant: w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Runtime = "python3.12" }),
			undo:  w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Runtime = "provided.al2023" }),
			check: "runtime", state: Fault, words: "python3.12", do: "--runtime provided.al2023"},
		{name: "another handler", plant: w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Handler = aws.String("app.handler") }),
			undo:  w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Handler = aws.String("bootstrap") }),
			check: "runtime", state: Warn, words: `"app.handler"`, do: "--handler bootstrap"},
		{name: "too little time", plant: w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Timeout = aws.Int32(3) }),
			undo:  w.configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Timeout = aws.Int32(120) }),
			check: "runtime", state: Warn, words: "after 3 s", do: "--timeout"},
		{name: "another bucket", plant: w.environment(map[string]string{recipe.EnvTargetBucket: "elsewhere"}), undo: w.environment(nil),
			check: "environment", state: Fault, words: `IMGMILL_TARGET_BUCKET is "elsewhere"`, do: w.d.TargetBucket},
		{name: "a recipe in the environment", plant: w.environment(map[string]string{recipe.EnvRecipe: "x"}), undo: w.environment(nil),
			check: "environment", state: Warn, words: "goes before the recipe in the zip", do: "take IMGMILL_RECIPE out"},
		{name: "throttled off", plant: func() error {
			_, err := w.Function.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(0)})
			return err
		}, undo: func() error {
			_, err := w.Function.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: name})
			return err
		}, check: "concurrency", state: Fault, words: "reserved concurrency is 0", do: "delete-function-concurrency"},
		{name: "Lambda's brake is off", plant: w.brake(lambdatypes.RecursiveLoopAllow), undo: w.brake(lambdatypes.RecursiveLoopTerminate),
			check: "recursion", state: Warn, words: "its own brake is off", do: "--recursive-loop Terminate", unservedBy: "moto lambda:PutFunctionRecursionConfig"},
		{name: "S3 may not call", plant: w.revoke, check: "permission", state: Fault, words: "S3 may not tell", do: "aws lambda add-permission"},
		{name: "failures go nowhere", plant: func() error {
			_, err := w.Function.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: name, Qualifier: aws.String("$LATEST")})
			return err
		}, check: "delivery", state: Fault, words: "go nowhere", do: "--keep-buckets"},
	}
}

func (w *ward) brake(loop lambdatypes.RecursiveLoop) func() error {
	return func() error {
		_, err := w.Function.PutFunctionRecursionConfig(w.Context(), &lambda.PutFunctionRecursionConfigInput{FunctionName: &w.d.FunctionName, RecursiveLoop: loop})
		return err
	}
}

// revoke takes the permission away whose ID CloudFormation made up.
func (w *ward) revoke() error {
	out, err := w.Function.GetPolicy(w.Context(), &lambda.GetPolicyInput{FunctionName: &w.d.FunctionName})
	if err != nil {
		return err
	}
	_, sid, _ := strings.Cut(aws.ToString(out.Policy), `"Sid":`)
	sid = strings.Split(sid, `"`)[1]
	_, err = w.Function.RemovePermission(w.Context(), &lambda.RemovePermissionInput{FunctionName: &w.d.FunctionName, StatementId: &sid})
	return err
}

func (w *ward) roleFaults() []planted {
	ctx, role := w.Context(), w.d.RoleARN[strings.LastIndexByte(w.d.RoleARN, '/')+1:]
	before, err := w.Identity.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: aws.String("imgmill")})
	w.must(before, err)
	document := aws.ToString(before.PolicyDocument)
	if doc, err := parsePolicy(document); err != nil || len(doc.Statement) < 4 {
		w.Fatalf("the role's policy: %v, %v", doc, err)
	}
	document = unescaped(document)
	put := func(text string) func() error {
		return func() error {
			_, err := w.Identity.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("imgmill"), PolicyDocument: &text})
			return err
		}
	}
	trust := func(service string) func() error {
		return func() error {
			_, err := w.Identity.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: aws.String(
				`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}}`)})
			return err
		}
	}
	return []planted{
		{name: "may not write", plant: put(strings.Replace(document, "s3:PutObject", "s3:PutObjectTagging", 1)), undo: put(document),
			check: "role", state: Fault, words: "lacks s3:PutObject on arn:aws:s3:::" + w.d.TargetBucket, do: "--keep-buckets"},
		{name: "may not keep failures", plant: put(strings.Replace(document, "sqs:SendMessage", "sqs:PurgeQueue", 1)), undo: put(document),
			check: "role", state: Fault, words: "lacks sqs:SendMessage"},
		{name: "no policy", plant: func() error {
			_, err := w.Identity.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: aws.String("imgmill")})
			return err
		}, undo: put(document), check: "role", state: Fault, words: "lacks s3:GetObject on arn:aws:s3:::" + w.d.SourceBucket},
		{name: "Lambda may not take it", plant: trust("ec2.amazonaws.com"), undo: trust("lambda.amazonaws.com"),
			check: "role", state: Fault, words: "cannot be taken by Lambda"},
	}
}

func (w *ward) troubles() []planted {
	ctx := w.Context()
	say := func(texts ...string) func() error {
		return func() error {
			stream := fmt.Sprintf("by-hand-%d", time.Now().UnixNano())
			if _, err := w.Logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &w.d.LogGroup, LogStreamName: &stream}); err != nil {
				return err
			}
			in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &w.d.LogGroup, LogStreamName: &stream}
			for _, text := range texts {
				in.LogEvents = append(in.LogEvents, logstypes.InputLogEvent{Message: &text, Timestamp: aws.Int64(time.Now().UnixMilli())})
			}
			_, err := w.Logs.PutLogEvents(ctx, in)
			return err
		}
	}
	return []planted{
		{name: "a try failed", plant: say(`{"level":"WARN","msg":"change","bucket":"b","key":"in/a.jpg","verdict":"retry","reason":"AccessDenied by somebody"}`),
			check: "log", state: Warn, words: "1 failed attempt, 0 other errors; the last, at", do: "--errors"},
		{name: "time ran out", plant: say("2026-01-02T03:04:05.678Z 8f507cfc-1111-2222-3333-0123456789ab Task timed out after 120.10 seconds"),
			check: "log", state: Warn, words: "Task timed out after 120.10 seconds"},
		{name: "it cannot start", plant: say(`{"level":"ERROR","msg":"cannot start","error":"imgmill.yaml:3: no"}`,
			"INIT_REPORT Init Duration: 5.03 ms\tPhase: init\tStatus: error\tError Type: Imgmill.CannotStart"),
			check: "log", state: Fault, words: "the function cannot start: imgmill.yaml:3: no", do: "config check"},
		{name: "a failure waits", plant: func() error {
			_, err := w.Queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.d.FailureQueue, MessageBody: aws.String("{}")})
			return err
		}, check: "failures", state: Warn, words: " waiting in ", do: "imgmill failures " + w.d.Name},
		{name: "the zip is gone", plant: func() error {
			_, err := w.Store.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.d.CodeBucket, Key: aws.String(w.d.Parameters["CodeKey"])})
			return err
		}, check: "code", state: Warn, words: "is gone", do: "imgmill deploy"},
		{name: "the log is gone", plant: func() error {
			_, err := w.Logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &w.d.LogGroup})
			return err
		}, check: "log", state: Fault, words: "is gone"},
		{name: "the failure queue is gone", plant: func() error {
			_, err := w.Queue.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &w.d.FailureQueue})
			return err
		}, check: "failures", state: Fault, words: "is gone"},
	}
}

func (w *ward) goneFunction() planted {
	return planted{name: "the function is gone", plant: func() error {
		_, err := w.Function.DeleteFunction(w.Context(), &lambda.DeleteFunctionInput{FunctionName: &w.d.FunctionName})
		return err
	}, check: "function", state: Fault, words: "is gone", do: "--keep-buckets"}
}

// TestAWSDoctorNamesFaultsOfTheQueue is TestAWSDoctorNamesPlantedFaults for what only a queue as the trigger has.
func TestAWSDoctorNamesFaultsOfTheQueue(t *testing.T) {
	w := openWard(t, "queue")
	ctx := t.Context()
	for _, d := range w.examine() {
		w.healthy(d)
	}
	list, err := w.Function.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: &w.d.FunctionName})
	w.must(list, err)
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
			_, err := w.Queue.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &w.d.WorkQueue, Attributes: map[string]string{name: value}})
			return err
		}
	}
	other := w.d.Names.Stack + "-other"
	w.must(w.Queue.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &other}))
	w.run([]planted{
		{name: "the mapping is disabled", plant: mapping(func(in *lambda.UpdateEventSourceMappingInput) { in.Enabled = aws.Bool(false) }),
			undo:  mapping(func(in *lambda.UpdateEventSourceMappingInput) { in.Enabled = aws.Bool(true) }),
			check: "delivery", state: Fault, words: "work piles up", do: "--enabled"},
		{name: "failures of a batch are not told apart", plant: mapping(func(in *lambda.UpdateEventSourceMappingInput) {
			in.FunctionResponseTypes = []lambdatypes.FunctionResponseType{}
		}), undo: mapping(func(in *lambda.UpdateEventSourceMappingInput) {
			in.FunctionResponseTypes = []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures}
		}), check: "delivery", state: Fault, words: "ReportBatchItemFailures", do: "--function-response-types"},
		{name: "messages come again too early", plant: attribute("VisibilityTimeout", "5"), undo: attribute("VisibilityTimeout", "720"),
			check: "delivery", state: Fault, words: "come again after 5 s", do: "VisibilityTimeout=720"},
		{name: "failures come again for ever", plant: attribute("RedrivePolicy", fmt.Sprintf(
			`{"deadLetterTargetArn":"%s-other","maxReceiveCount":5}`, strings.TrimSuffix(w.d.WorkQueueARN, "-work"))),
			undo:  attribute("RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":"%s-failures","maxReceiveCount":5}`, strings.TrimSuffix(w.d.WorkQueueARN, "-work"))),
			check: "delivery", state: Fault, words: "does not go to", do: "--trigger queue"},
		{name: "S3 may not send", plant: attribute("Policy", `{"Version":"2012-10-17","Statement":[]}`),
			check: "permission", state: Fault, words: "sqs:SendMessage", do: "--keep-buckets"},
		{name: "no mapping", plant: func() error {
			_, err := w.Function.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: uuid})
			return err
		}, check: "delivery", state: Fault, words: "mapping is gone", do: "--keep-buckets"},
	})
}

// unescaped is a document as IAM takes it.
func unescaped(document string) string {
	if plain, err := url.PathUnescape(document); err == nil && !strings.HasPrefix(document, "{") {
		return plain
	}
	return document
}
