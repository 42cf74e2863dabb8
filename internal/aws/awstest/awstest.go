// Package awstest deploys to an emulator of AWS, for tests that examine or change a deployment.
//
// The emulators are ministack and moto; .ci/aws starts them. What an emulator stores wrongly is
// repaired here, so that tests see what AWS would store.
package awstest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/doctor"
	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/aws/template"
	"github.com/imgmill/imgmill/internal/aws/trigger"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Recipe is the recipe that Deploy deploys.
const Recipe = `source: {bucket: any-input, prefix: "in/", suffixes: [.jpg, .png]}
target: {bucket: any-output}
`

// Deployment is a deployment on an emulator, with the test that uses it.
type Deployment struct {
	*testing.T
	*client.Cloud
	D *deployment.Deployment
	// Emulator is ministack or moto.
	Emulator string
}

// Deploy deploys to the emulator that IMGMILL_AWS_ENDPOINT and IMGMILL_AWS_EMULATOR name, or skips
// the test. The kind of trigger is direct or queue.
func Deploy(t *testing.T, kind string) *Deployment {
	t.Helper()
	endpoint, emulator := os.Getenv("IMGMILL_AWS_ENDPOINT"), os.Getenv("IMGMILL_AWS_EMULATOR")
	if endpoint == "" {
		t.Skip("IMGMILL_AWS_ENDPOINT is not set")
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
		"AWS_SECRET_ACCESS_KEY": "test",
		"AWS_PROFILE":           "", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	ctx := t.Context()
	cloud, err := client.Open(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	names, err := deployment.NamesFor(fmt.Sprintf("ward-%s-%d", kind, time.Now().UnixMilli()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(Recipe))
	if err != nil {
		t.Fatal(err)
	}
	who, err := cloud.WhoAmI(ctx)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := stack.NewPlan(ctx, cloud, stack.Settings{Names: names, Account: who.Account,
		Recipe: r,
		Given:  map[string]string{"Trigger": kind, "Architecture": "x86_64"}})
	if err != nil {
		t.Fatal(err)
	}
	zip, err := pack.Build(ctx, pack.Options{Arch: pack.AMD64, Recipe: []byte(Recipe)})
	if err != nil {
		t.Fatal(err)
	}
	plan.SetZip(zip)
	w := &Deployment{T: t, Cloud: cloud, Emulator: emulator}
	if emulator == "moto" {
		w.createForMoto(plan, zip)
	} else if w.D, _, err = stack.Apply(ctx, cloud, plan, func(stack.Event) {}); err != nil {
		t.Fatal(err)
	}
	w.repairNumbers()
	return w
}

// createForMoto creates the stack without bucket policies: moto ignores their conditions, so those
// that deny plain HTTP would deny everything.
func (w *Deployment) createForMoto(plan *stack.Plan, zip []byte) {
	ctx, n := w.Context(), plan.Names
	w.Must(w.Store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &n.CodeBucket}))
	key := plan.Parameters["CodeKey"]
	w.Must(w.Store.PutObject(ctx, &s3.PutObjectInput{Bucket: &n.CodeBucket, Key: &key,
		Body: bytes.NewReader(zip)}))
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
		parameters = append(parameters, cftypes.Parameter{ParameterKey: aws.String(k),
			ParameterValue: aws.String(v)})
	}
	w.Must(w.Formation.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &n.Stack,
		TemplateBody: &text, Parameters: parameters,
		Tags:         []cftypes.Tag{{Key: aws.String(deployment.TagName), Value: &n.Name}},
		Capabilities: []cftypes.Capability{cftypes.CapabilityCapabilityIam}}))
	var err error
	if w.D, err = deployment.Find(ctx, w.Cloud, n); err != nil {
		w.Fatal(err)
	}
	for _, b := range []string{w.D.SourceBucket, w.D.TargetBucket, n.CodeBucket} {
		w.Must(w.Store.PutPublicAccessBlock(ctx,
			&s3.PutPublicAccessBlockInput{Bucket: &b,
				PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
					IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true)}}))
	}
	w.Must(trigger.Write(ctx, w.Cloud, n, w.D.SourceBucket,
		trigger.Wanted(n, plan.Recipe, w.D.FunctionARN, w.D.WorkQueueARN)))
	w.repairMoto(plan.Recipe)
}

// repairMoto rewrites what moto stores of a stack as the text of a Python object, or not at all:
// the policies of role and queue, and the invoke configuration.
func (w *Deployment) repairMoto(r *recipe.Recipe) {
	ctx, role := w.Context(), w.D.RoleARN[strings.LastIndexByte(w.D.RoleARN, '/')+1:]
	account := strings.Split(w.D.FunctionARN, ":")[4]
	var grants []string
	for _, p := range doctor.RolePermissions(w.Cloud, w.D, account, r) {
		grants = append(grants, fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, p.Action, strings.ReplaceAll(p.Resource, "/any", "/*")))
	}
	w.Must(w.Identity.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role,
		PolicyName: aws.String("imgmill"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[` + strings.ReplaceAll(strings.Join(grants, ","), "log-stream:any", "log-stream:*") + `]}`)}))
	w.Must(w.Identity.UpdateAssumeRolePolicy(ctx,
		&iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)}))
	if w.D.WorkQueue != "" {
		w.Must(w.Queue.SetQueueAttributes(ctx,
			&sqs.SetQueueAttributesInput{QueueUrl: &w.D.WorkQueue,
				Attributes: map[string]string{"Policy": fmt.Sprintf(
					`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Resource":%q,"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::%s"}}}]}`,
					w.D.WorkQueueARN, w.D.SourceBucket)}}))
	}
	w.Must(w.Function.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &w.D.FunctionName})) // moto takes a missing value for 0
	w.Must(w.Function.PutFunctionEventInvokeConfig(ctx,
		&lambda.PutFunctionEventInvokeConfigInput{FunctionName: &w.D.FunctionName,
			Qualifier: aws.String("$LATEST"),
			DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String("arn:aws:sqs:" +
				w.Region + ":" + account + ":" + w.D.Names.FailureQueue())}}}))
}

// repairNumbers rewrites the numbers among a stack's parameters, which both emulators store as
// text: the SDK refuses their responses to lambda:GetFunctionConfiguration and
// ListEventSourceMappings.
func (w *Deployment) repairNumbers() {
	ctx := w.Context()
	w.Must(w.Function.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName:     &w.D.FunctionName,
		EphemeralStorage: &lambdatypes.EphemeralStorage{Size: aws.Int32(512)},
		MemorySize:       aws.Int32(1769), Timeout: aws.Int32(120)}))
	w.AwaitFunction()
	w.reserve()
	if w.D.WorkQueue == "" || w.Emulator == "moto" {
		return
	}
	out, err := w.Formation.DescribeStackResource(ctx,
		&cloudformation.DescribeStackResourceInput{StackName: &w.D.Stack,
			LogicalResourceId: aws.String("WorkQueueMapping")})
	w.Must(out, err)
	w.Must(w.Function.UpdateEventSourceMapping(ctx,
		&lambda.UpdateEventSourceMappingInput{UUID: out.StackResourceDetail.PhysicalResourceId,
			BatchSize:     aws.Int32(2),
			ScalingConfig: &lambdatypes.ScalingConfig{MaximumConcurrency: aws.Int32(10)}}))
}

// reserve reserves the instances that the stack asks for, which the emulators leave out.
func (w *Deployment) reserve() {
	n, err := strconv.ParseInt(w.D.Parameters["ReservedConcurrency"], 10, 32)
	w.Must(nil, err)
	if n > 0 {
		w.Must(w.Function.PutFunctionConcurrency(w.Context(), &lambda.PutFunctionConcurrencyInput{
			FunctionName: &w.D.FunctionName, ReservedConcurrentExecutions: aws.Int32(int32(n))}))
	}
}

// AwaitFunction waits until a change of the function has taken effect.
func (w *Deployment) AwaitFunction() {
	w.Must(nil, lambda.NewFunctionUpdatedV2Waiter(w.Function,
		func(o *lambda.FunctionUpdatedV2WaiterOptions) { o.MinDelay = 100 * time.Millisecond }).Wait(
		w.Context(), &lambda.GetFunctionInput{FunctionName: &w.D.FunctionName}, time.Minute))
}

// Must ends the test if err is not nil. It accepts the results of a call as they are.
func (w *Deployment) Must(_ any, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
