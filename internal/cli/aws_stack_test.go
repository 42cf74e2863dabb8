package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestAWSStack: AWS SAM deploys what deploy --stack prints, a picture goes through it, and the commands that take a name know
// it; also without a stack, as Terraform leaves it.
func TestAWSStack(t *testing.T) {
	e := openEmulator(t)
	sam, err := exec.LookPath("sam")
	if err != nil || !e.runsFunctions() {
		t.Skip("needs sam, and an emulator that runs functions")
	}
	config := filepath.Join(e.dir, "imgmill.yaml")
	if err := os.WriteFile(config, []byte("source: {bucket: kept-input, suffixes: [.jpg]}\ntarget: {bucket: kept-output}\nvariants: {small: {width: 200}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	zip := filepath.Join(e.dir, "deploy.zip")
	e.imgmill(t, 0, "package", "--config", config, "--arch", runtime.GOARCH, "-o", zip)
	file := filepath.Join(e.dir, "template.yaml")
	text, err := exec.CommandContext(t.Context(), "imgmill", "deploy", "kept", "--stack", "sam", "--arch", runtime.GOARCH, "--code", zip).Output()
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), sam, "deploy", "--template-file", file, "--stack-name", "imgmill-kept", "--resolve-s3",
		"--capabilities", "CAPABILITY_IAM", "--tags", "imgmill:name=kept")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasSuffix(v, "=") }) // it takes an empty profile for one
	cmd.Env = append(cmd.Env, "AWS_DEFAULT_REGION=us-east-1", "SAM_CLI_TELEMETRY=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	e.numbers(t, "imgmill-kept")
	wantOutput(t, e.imgmill(t, 0, "test", "kept"), "kept-output/imgmill-test-", "200×150", "function  done")
	wantOutput(t, e.imgmill(t, 0, "doctor", "kept"), "ok     stack          imgmill-kept is CREATE_COMPLETE",
		"ok     notifications  kept-input notifies", "ok     code ", "ok     role ", "1 done, 0 skipped, 0 bad pictures")
	wantOutput(t, e.imgmill(t, 1, "deploy", "kept", "--config", config, "--dry-run"), "was deployed by another tool")
	wantOutput(t, e.imgmill(t, 1, "destroy", "kept", "--yes"), "was deployed by another tool")

	// Without the stack: the function has the tag, and its environment the buckets.
	e.withoutStack(t)
	wantOutput(t, e.imgmill(t, 0, "test", "kept"), "kept-output/imgmill-test-", "200×150")
	wantOutput(t, e.imgmill(t, 1, "deploy", "kept", "--config", config, "--dry-run"), "was deployed by another tool")
	wantOutput(t, e.imgmill(t, 1, "destroy", "kept", "--yes"), "was deployed by another tool")
	doctor := e.imgmill(t, 1, "doctor", "kept")
	wantOutput(t, doctor, "another tool keeps the deployment", "ok     notifications  kept-input notifies", "ok     code ")
	wantOutput(t, e.imgmill(t, 0, "failures", "kept"), "No")
	wantOutput(t, e.imgmill(t, 0, "sync", "kept", "--dry-run"), "Nothing to do")
}

// numbers sets the numbers of a function again, which ministack stores as text.
func (e *emulator) numbers(t *testing.T, function string) {
	t.Helper()
	_, err := e.cloud.Function.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &function, MemorySize: aws.Int32(1024), Timeout: aws.Int32(120),
		EphemeralStorage: &lambdatypes.EphemeralStorage{Size: aws.Int32(512)}})
	if err != nil {
		t.Fatal(err)
	}
}

// withoutStack deletes the stack, and makes again of its parts what the commands look for.
func (e *emulator) withoutStack(t *testing.T) {
	t.Helper()
	name := aws.String("imgmill-kept")
	before, err := e.cloud.Function.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: name})
	if err != nil {
		t.Fatal(err)
	}
	zip, err := os.ReadFile(filepath.Join(e.dir, "deploy.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.cloud.Formation.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: name}); err != nil {
		t.Fatal(err)
	}
	if err := cloudformation.NewStackDeleteCompleteWaiter(e.cloud.Formation).Wait(t.Context(),
		&cloudformation.DescribeStacksInput{StackName: name}, waitTimeout); err != nil {
		t.Fatal(err)
	}
	if _, err := e.cloud.Queue.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("imgmill-kept-failures")}); err != nil {
		t.Fatal(err)
	}
	_, err = e.cloud.Function.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: name, Role: before.Role,
		Code: &lambdatypes.FunctionCode{ZipFile: zip}, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Architectures: before.Architectures, MemorySize: aws.Int32(1024), Timeout: aws.Int32(120),
		Environment: &lambdatypes.Environment{Variables: map[string]string{recipe.EnvSourceBucket: "kept-input", recipe.EnvTargetBucket: "kept-output"}},
		Tags:        map[string]string{"imgmill:name": "kept"}})
	if err != nil {
		t.Fatal(err)
	}
}
