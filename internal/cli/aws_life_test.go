package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/aws/trigger"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

const (
	firstRecipe  = "source: {bucket: photos-input}\ntarget: {bucket: photos-output}\nvariants: {small: {width: 320}}\n"
	secondRecipe = "source: {bucket: photos-input, suffixes: [.jpg]}\ntarget: {bucket: photos-output}\nvariants: {small: {width: 200}}\n"
)

// TestAWSLife takes a deployment on an emulator through its whole life, with the command itself.
func TestAWSLife(t *testing.T) {
	e := openEmulator(t)
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"dry run changes nothing", e.dryRun},
		{"deploy", e.first},
		{"deploy again", e.again},
		{"a picture", e.picture},
		{"another recipe", e.recipe},
		{"a queue before it", e.queue},
		{"pictures through the queue", e.syncQueue},
		{"pictures in a job", e.syncBatch},
		{"an audit at night", e.nightly},
		{"destroy and keep buckets", e.keep},
		{"attach to kept buckets", e.attachKept},
		{"destroy", e.destroy},
		{"attach beside notifications of others", e.attach},
		{"overlap is refused", e.overlap},
		{"go on after interrupts", e.interrupted},
		{"leftovers of a killed run", e.leftovers},
		{"a log group of somebody else's", e.foreignLog},
		{"the first cause", e.failed},
		{"a stack of somebody else's", e.foreign},
	} {
		if !t.Run(step.name, step.run) {
			t.FailNow() // the next steps depend on it
		}
	}
}

func names(t *testing.T, name string) deployment.Names {
	t.Helper()
	n, err := deployment.NamesFor(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (e *emulator) find(t *testing.T, name string) *deployment.Deployment {
	t.Helper()
	d, err := deployment.Find(t.Context(), e.cloud, names(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// bucket reports whether a bucket exists.
func (e *emulator) bucket(t *testing.T, name string) bool {
	t.Helper()
	_, err := e.cloud.Store.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: &name})
	var missing *types.NotFound
	if err != nil && !errors.As(err, &missing) {
		t.Fatal(err)
	}
	return err == nil
}

func (e *emulator) keys(t *testing.T, bucket string) []string {
	t.Helper()
	out, err := e.cloud.Store.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, o := range out.Contents {
		list = append(list, *o.Key)
	}
	return list
}

func (e *emulator) notifications(t *testing.T, bucket string) []trigger.Notification {
	t.Helper()
	cfg, err := trigger.Read(t.Context(), e.cloud, bucket)
	if err != nil {
		t.Fatal(err)
	}
	return trigger.Entries(cfg)
}

func (e *emulator) put(t *testing.T, bucket, key string, data []byte) {
	t.Helper()
	if _, err := e.cloud.Store.PutObject(t.Context(),
		&awss3.PutObjectInput{Bucket: &bucket, Key: &key,
			Body: bytes.NewReader(data)}); err != nil {
		t.Fatal(err)
	}
}

// await waits for an object and returns its bytes.
func (e *emulator) await(t *testing.T, bucket, key string) []byte {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out, err := e.cloud.Store.GetObject(t.Context(),
			&awss3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err == nil {
			data, err := io.ReadAll(out.Body)
			out.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not appear in %s: %v", key, bucket, err)
		}
	}
}

func (e *emulator) dryRun(t *testing.T) {
	output := e.deploy(t, 0, "photos", firstRecipe, "--dry-run", "--budget", "5", "--email",
		"me@example.com", "--tags", "team=web,env=test")
	wantOutput(t, output, "tags of all parts", "env=test,team=web", "budget imgmill-photos", "AWS sends one message to me@example.com",
		"activate that tag: in the console under Billing, Cost allocation tags", "Account ",
		"region us-east-1", "bucket photos-input", "function imgmill-photos", "About $",
		"at most 10 at a time", " an hour, whoever uploads: ", "Nothing was changed")
	if _, err := deployment.Find(t.Context(), e.cloud, names(t, "photos")); !errors.Is(err,
		deployment.ErrNotDeployed) {
		t.Errorf("a stack exists: %v", err)
	}
	for _, b := range []string{"photos-input", "photos-output", "photos-code"} {
		if e.bucket(t, b) {
			t.Errorf("bucket %s exists", b)
		}
	}
}

func (e *emulator) first(t *testing.T) {
	output := e.deploy(t, 0, "photos", firstRecipe, "--memory", "1024", "--tags", "team=web")
	wantOutput(t, output, "created      imgmill-photos", "photos is ready")
	if strings.Contains(output, "tagged       bucket") {
		e.unsupported("Tags of AWS::S3::Bucket",
			"left out without an error; deploy sets them itself")
	}
	d := e.find(t, "photos")
	if d.Tags[deployment.TagName] != "photos" || d.Parameters["MemoryMB"] != "1024" ||
		d.SourceBucket != "photos-input" || d.FunctionARN == "" {
		t.Errorf("%+v", d)
	}
	for _, b := range []string{"photos-input", "photos-output", "photos-code"} {
		tags, err := e.cloud.Store.GetBucketTagging(t.Context(),
			&awss3.GetBucketTaggingInput{Bucket: &b})
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !slices.ContainsFunc(tags.TagSet,
			func(tag types.Tag) bool {
				return *tag.Key == deployment.TagName &&
					*tag.Value == "photos"
			}) {
			t.Errorf("%s has the tags %v", b, tags.TagSet)
		}
		if !slices.ContainsFunc(tags.TagSet, func(tag types.Tag) bool { return *tag.Key == "team" && *tag.Value == "web" }) {
			t.Errorf("%s lacks the tag of --tags: %v", b, tags.TagSet)
		}
	}
	block, err := e.cloud.Store.GetPublicAccessBlock(t.Context(),
		&awss3.GetPublicAccessBlockInput{Bucket: aws.String("photos-code")})
	if err != nil {
		t.Fatal(err)
	}
	if p := block.PublicAccessBlockConfiguration; !*p.BlockPublicAcls || !*p.BlockPublicPolicy ||
		!*p.IgnorePublicAcls || !*p.RestrictPublicBuckets {
		t.Errorf("the code bucket can be made public: %+v", p)
	}
	e.recordMissing(t, d)
	list := e.notifications(t, "photos-input")
	for _, suffix := range []string{".jpg", ".JPG", ".Jpg", ".heic", ".HEIC", ".Heic"} {
		if !slices.ContainsFunc(list,
			func(n trigger.Notification) bool {
				return n.Suffix == suffix &&
					n.ARN == d.FunctionARN
			}) {
			t.Errorf("no notification of %s to the function in %v", suffix, list)
		}
	}
}

// recordMissing records the resources that the emulator left out of the stack.
func (e *emulator) recordMissing(t *testing.T, d *deployment.Deployment) {
	t.Helper()
	out, err := e.cloud.Formation.ListStackResources(t.Context(),
		&cloudformation.ListStackResourcesInput{StackName: &d.StackID})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"SourceBucket", "SourceBucketPolicy", "TargetBucket",
		"TargetBucketPolicy", "LambdaResizeRole", "ImageResizerFunction",
		"ImageResizerLogGroup", "ImageResizerInvokeConfig", "SourceBucketPermission",
		"FailureQueue", "FailureQueuePolicy", "ErrorsAlarm", "Dashboard"} {
		if !slices.ContainsFunc(out.StackResourceSummaries,
			func(r cftypes.StackResourceSummary) bool { return *r.LogicalResourceId == id }) {
			e.unsupported(id+" in a stack", "left out without an error")
		}
	}
	if d.FailureQueue == "" {
		e.unsupported("the outputs of a stack that a change set created", "there are none")
	}
}

func (e *emulator) again(t *testing.T) {
	history := func() int {
		out, err := e.cloud.Formation.DescribeStackEvents(t.Context(),
			&cloudformation.DescribeStackEventsInput{StackName: aws.String("imgmill-photos")})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.StackEvents)
	}
	before := history()
	wantOutput(t, e.deploy(t, 0, "photos", firstRecipe), "Nothing to change")
	// This folder has no recipe, and the deployed recipe is not the default one.
	wantOutput(t, e.imgmill(t, 0, "deploy", "photos", "--yes"),
		"There is no imgmill.yaml here, so photos keeps its recipe.", "Nothing to change")
	wantOutput(t, e.imgmill(t, 0, "deploy", "photos", "--dry-run", "--tags", "", "--permissions-boundary",
		"arn:aws:iam::123456789012:policy/limit", "--memory", "2048"), "change  tags", "team=web -> (none)",
		"permissions boundary  (none) -> arn:aws:iam::123456789012:policy/limit", "memory in MB          1024 -> 2048")
	wantOutput(t, e.imgmill(t, 0, "cost", "--worst", "--from", "photos"), "1024 MB", "at most 10 instances",
		"--function-name\nimgmill-photos")
	// The binary of the deployed zip makes the same zip, without Go and the source tree.
	path := os.Getenv("PATH")
	binary := e.deployedBinary(t)
	program, err := exec.LookPath("imgmill")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(program))
	wantOutput(t, e.deploy(t, 0, "photos", firstRecipe, "--binary", binary), "Nothing to change")
	t.Setenv("PATH", path)
	if after := history(); after != before {
		t.Errorf("the stack has %d events more", after-before)
	}
}

// deployedBinary writes the function's binary from the code bucket to a file.
func (e *emulator) deployedBinary(t *testing.T) string {
	t.Helper()
	keys := e.keys(t, "photos-code")
	if len(keys) != 1 {
		t.Fatalf("the code bucket holds %q", keys)
	}
	contents, err := pack.Read(e.await(t, "photos-code", keys[0]))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(e.dir, "bootstrap")
	if err := os.WriteFile(file, contents.Binary, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// picture compares the function's variant with the one that the command makes from the same file:
// equal code makes equal bytes.
func (e *emulator) picture(t *testing.T) {
	if !e.runsFunctions() {
		t.Skipf("%s runs functions only in Docker", e.name)
	}
	e.through(t, "holiday.JPG", 320, sample.Photo(900, 600))
	// An iPhone's photograph, by a notification of its suffix; later steps count the other one alone.
	const key = "DCIM/IMG_0042.HEIC"
	e.through(t, key, 320, heiftest.IPhone)
	for _, b := range []string{"photos-input", "photos-output"} {
		if _, err := e.cloud.Store.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &b, Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
	}
}

func (e *emulator) through(t *testing.T, key string, width int, picture []byte) {
	t.Helper()
	in, out := filepath.Join(e.dir, "in"+filepath.Ext(key)), filepath.Join(e.dir, "out.jpg")
	if err := os.WriteFile(in, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	e.imgmill(t, 0, "resize", in, "-o", out, "--width", fmt.Sprint(width), "--force")
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	e.put(t, "photos-input", key, picture)
	got := e.await(t, "photos-output", key)
	c, err := jpeg.DecodeConfig(bytes.NewReader(got))
	if err != nil || c.Width != width {
		t.Fatalf("the variant is %d wide, want %d: %v", c.Width, width, err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the function made %d bytes, imgmill resize %d different ones", len(got),
			len(want))
	}
	head, err := e.cloud.Store.HeadObject(t.Context(),
		&awss3.HeadObjectInput{Bucket: aws.String("photos-output"), Key: &key})
	if err != nil || head.Metadata[outcome.MetadataSourceETag] == "" {
		t.Errorf("the variant carries no mark: %v, %v", head, err)
	}
}

func (e *emulator) recipe(t *testing.T) {
	before := e.keys(t, "photos-code")
	output := e.deploy(t, 0, "photos", secondRecipe)
	wantOutput(t, output, "code and recipe", "notifications", "photos is ready")
	if e.runsFunctions() { // there is a picture
		wantOutput(t, output, "or have none: 1 of 1 in the source bucket", "To make new ones: imgmill sync photos")
	}
	after := e.keys(t, "photos-code")
	if len(before) != 1 || len(after) != 1 || before[0] == after[0] {
		t.Errorf("the code bucket held %q and holds %q", before, after)
	}
	if list := e.notifications(t, "photos-input"); len(list) != 3 {
		t.Errorf("the recipe has one suffix, so in three spellings; the bucket has %v", list)
	}
	if e.find(t, "photos").Parameters["MemoryMB"] != "1024" {
		t.Error("the memory is the default again")
	}
	if e.runsFunctions() {
		e.through(t, "second.jpg", 200, sample.Photo(900, 600))
		e.sync(t)
	}
}

func (e *emulator) queue(t *testing.T) {
	wantOutput(t, e.deploy(t, 0, "photos", secondRecipe, "--trigger", "queue", "--max-concurrency",
		"5"), "direct -> queue", "photos is ready")
	d := e.find(t, "photos")
	for _, n := range e.notifications(t, "photos-input") {
		if d.WorkQueueARN == "" || n.ARN != d.WorkQueueARN {
			t.Errorf("%v does not go to the queue %q", n, d.WorkQueueARN)
		}
	}
	if !e.runsFunctions() {
		return
	}
	// The emulator stores the mapping's numbers from a template as text and cannot compare them, so
	// the number is set again.
	e.unsupported("numbers of a template's AWS::Lambda::EventSourceMapping",
		"they stay text; set again by UpdateEventSourceMapping")
	mapping, err := e.cloud.Formation.DescribeStackResource(t.Context(),
		&cloudformation.DescribeStackResourceInput{
			StackName: &d.StackID, LogicalResourceId: aws.String("WorkQueueMapping")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.cloud.Function.UpdateEventSourceMapping(t.Context(),
		&lambda.UpdateEventSourceMappingInput{
			UUID:          mapping.StackResourceDetail.PhysicalResourceId,
			ScalingConfig: &lambdatypes.ScalingConfig{MaximumConcurrency: aws.Int32(5)},
		})
	if err != nil {
		t.Fatal(err)
	}
	e.through(t, "third.jpg", 200, sample.Photo(900, 600))
}

func (e *emulator) keep(t *testing.T) {
	e.skipWithoutRetain(t)
	e.put(t, "photos-input", "kept.txt", []byte("kept"))
	wantOutput(t, e.imgmill(t, 0, "destroy", "photos", "--yes", "--keep-buckets"), "keep",
		"Deleted, each one checked", "stack imgmill-photos", "Kept: bucket photos-input")
	if !slices.Contains(e.keys(t, "photos-input"), "kept.txt") || !e.bucket(t, "photos-output") ||
		e.bucket(t, "photos-code") {
		t.Error("not exactly the two buckets of pictures were kept")
	}
	if list := e.notifications(t, "photos-input"); len(list) > 0 {
		t.Errorf("notifications remain: %v", list)
	}
	policy, err := e.cloud.Store.GetBucketPolicy(t.Context(),
		&awss3.GetBucketPolicyInput{Bucket: aws.String("photos-input")})
	if err != nil || !strings.Contains(*policy.Policy, "aws:SecureTransport") {
		t.Errorf("the bucket that was kept no longer requires TLS: %v", err)
	}
	wantOutput(t, e.imgmill(t, 0, "destroy", "photos", "--yes", "--keep-buckets"),
		"nothing of photos to delete")
}

func (e *emulator) attachKept(t *testing.T) {
	e.skipWithoutRetain(t)
	wantOutput(t, e.deploy(t, 0, "photos", firstRecipe), "kept from an earlier deployment",
		"photos is ready")
	if d := e.find(t, "photos"); d.Parameters["CreateSourceBucket"] != "false" ||
		!slices.Contains(e.keys(t, "photos-input"), "kept.txt") {
		t.Errorf("%v", d.Parameters)
	}
}

func (e *emulator) destroy(t *testing.T) {
	// Old versions, delete markers and unfinished uploads keep a bucket from being deleted.
	input := aws.String("photos-input")
	if _, err := e.cloud.Store.PutBucketVersioning(t.Context(),
		&awss3.PutBucketVersioningInput{Bucket: input,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	e.put(t, *input, "kept.txt", []byte("again"))
	if _, err := e.cloud.Store.DeleteObject(t.Context(),
		&awss3.DeleteObjectInput{Bucket: input, Key: aws.String("kept.txt")}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.cloud.Store.CreateMultipartUpload(t.Context(),
		&awss3.CreateMultipartUploadInput{Bucket: input, Key: aws.String("begun")}); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, e.imgmill(t, 0, "destroy", "photos", "--dry-run"), "delete",
		"bucket photos-input", "Nothing was changed")
	if !e.bucket(t, "photos-code") {
		t.Error("a dry run deleted the code bucket")
	}
	e.shared(t)
	e.protected(t)
	wantOutput(t, e.imgmill(t, 0, "destroy", "photos", "--yes"), "Deleted, each one checked",
		"function imgmill-photos", "bucket photos-input", "role ")
	e.nothingLeft(t, "photos")
	wantOutput(t, e.imgmill(t, 0, "destroy", "photos", "--yes"), "nothing of photos to delete")
}

func (e *emulator) nothingLeft(t *testing.T, name string) {
	t.Helper()
	n := names(t, name)
	if _, err := deployment.Find(t.Context(), e.cloud, n); !errors.Is(err,
		deployment.ErrNotDeployed) {
		t.Errorf("the stack: %v", err)
	}
	for _, b := range []string{n.InputBucket, n.OutputBucket, n.CodeBucket} {
		if e.bucket(t, b) {
			t.Errorf("bucket %s is left", b)
		}
	}
	queues, err := e.cloud.Queue.ListQueues(t.Context(),
		&sqs.ListQueuesInput{QueueNamePrefix: &n.Stack})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range queues.QueueUrls {
		if name := path.Base(u); name == n.FailureQueue() || name == n.WorkQueue() {
			t.Errorf("queue %s is left", u)
		}
	}
	groups, err := e.cloud.Logs.DescribeLogGroups(t.Context(),
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/" +
			n.Stack)})
	if err != nil || len(groups.LogGroups) > 0 {
		t.Errorf("log groups %v are left, %v", groups, err)
	}
}

// interrupted presses Ctrl-C in every stage, and runs the same command again.
func (e *emulator) interrupted(t *testing.T) {
	for _, at := range []string{"PUT /cut-code", "CreateChangeSet", "DescribeChangeSet",
		"ExecuteChangeSet", "DescribeStackEvents", "PUT /cut-input"} {
		output := e.interruptAt(t, at, func() string { return e.deploy(t, 1, "cut", firstRecipe) })
		wantOutput(t, output, "Run the same command again")
	}
	e.deploy(t, 0, "cut", firstRecipe) // nothing to do if the last call succeeded
	wantOutput(t, e.deploy(t, 0, "cut", firstRecipe), "Nothing to change")
	e.put(t, "cut-output", "one.txt", []byte("one"))
	for _, at := range []string{"PUT /cut-input", "DeleteStack", "POST /cut-output",
		"DELETE /cut-output"} {
		output := e.interruptAt(t, at, func() string {
			return e.imgmill(t, 1, "destroy", "cut",
				"--yes")
		})
		wantOutput(t, output, "Run the same command again")
	}
	wantOutput(t, e.imgmill(t, 0, "destroy", "cut", "--yes"), "Deleted, each one checked",
		"bucket cut-code")
	e.nothingLeft(t, "cut")
}

// leftovers cleans up after a killed run, and after somebody deleted the stack by hand.
func (e *emulator) leftovers(t *testing.T) {
	n := names(t, "left")
	_, err := e.cloud.Formation.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: &n.Stack, ChangeSetName: aws.String("imgmill-1"),
		ChangeSetType: cftypes.ChangeSetTypeCreate,
		TemplateBody:  aws.String(`{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`), Tags: []cftypes.Tag{{Key: aws.String(deployment.TagName), Value: &n.Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantOutput(t, e.deploy(t, 0, n.Name, firstRecipe), "REVIEW_IN_PROGRESS", "left is ready")

	if _, err := e.cloud.Formation.DeleteStack(t.Context(),
		&cloudformation.DeleteStackInput{StackName: &n.Stack}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := deployment.Find(t.Context(), e.cloud, n); errors.Is(err,
			deployment.ErrNotDeployed) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the stack is not deleted")
		}
	}
	wantOutput(t, e.imgmill(t, 0, "destroy", n.Name, "--yes"), "Deleted, each one checked",
		"stack imgmill-left", "bucket left-code")
	e.nothingLeft(t, n.Name)
}

// failed lets somebody else take the name of a bucket just before it is created.
func (e *emulator) failed(t *testing.T) {
	e.skipWithoutFailures(t)
	taken := aws.String("late-output")
	e.once("ExecuteChangeSet", func() {
		if _, err := e.cloud.Store.CreateBucket(t.Context(),
			&awss3.CreateBucketInput{Bucket: taken}); err != nil {
			t.Error(err)
		}
	})
	output := e.deploy(t, 1, "late", firstRecipe)
	wantOutput(t, output, "TargetBucket (AWS::S3::Bucket)", "already exists",
		"run the same command again")
	if strings.Contains(output, "imgmill: ") &&
		strings.Contains(output[strings.Index(output, "imgmill: "):], "cancelled") {
		t.Errorf("a consequence is reported as the cause:\n%s", output)
	}
	// The bucket of somebody else is kept.
	wantOutput(t, e.imgmill(t, 0, "destroy", "late", "--dry-run"), "bucket late-output",
		"not created by imgmill")
	wantOutput(t, e.deploy(t, 1, "late", firstRecipe),
		"bucket late-output already exists and was not created by imgmill")
	if _, err := e.cloud.Store.DeleteBucket(t.Context(),
		&awss3.DeleteBucketInput{Bucket: taken}); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, e.deploy(t, 0, "late", firstRecipe), "ROLLBACK_COMPLETE", "late is ready")
	e.imgmill(t, 0, "destroy", "late", "--yes")
	e.nothingLeft(t, "late")
}

func (e *emulator) foreign(t *testing.T) {
	_, err := e.cloud.Formation.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("imgmill-theirs"), TemplateBody: aws.String(`{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	wantOutput(t, e.deploy(t, 1, "theirs", firstRecipe), "was not created by imgmill")
	wantOutput(t, e.imgmill(t, 1, "deploy", "theirs", "--yes"), "was not created by imgmill")
	wantOutput(t, e.imgmill(t, 1, "destroy", "theirs", "--yes"), "was not created by imgmill")
	if d := e.find(t, "theirs"); !strings.HasPrefix(string(d.Status), "CREATE_") {
		t.Errorf("their stack is %s", d.Status)
	}
}
