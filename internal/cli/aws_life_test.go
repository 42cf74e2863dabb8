package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"os"
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

	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

const (
	firstRecipe  = "source: {bucket: photos-input}\ntarget: {bucket: photos-output}\nvariants: {small: {width: 320}}\n"
	secondRecipe = "source: {bucket: photos-input, suffixes: [.jpg]}\ntarget: {bucket: photos-output}\nvariants: {small: {width: 200}}\n"
)

// TestAWSLife is the whole life of a deployment against an emulator, by the command itself.
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
		{"destroy and keep buckets", e.keep},
		{"attach to kept buckets", e.attachKept},
		{"destroy", e.destroy},
		{"attach beside three foreign notifications", e.attach},
		{"overlap is told", e.overlap},
		{"go on after interruptions", e.interrupted},
		{"take up what was left", e.leftovers},
		{"a log group of somebody else's", e.foreignLog},
		{"the first cause", e.failed},
		{"a stack of somebody else's", e.foreign},
	} {
		if !t.Run(step.name, step.run) {
			t.FailNow() // the next steps stand on it
		}
	}
}

func names(t *testing.T, name string) stack.Names {
	t.Helper()
	n, err := stack.NamesFor(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (e *emulator) find(t *testing.T, name string) *stack.Deployment {
	t.Helper()
	d, err := e.cloud.Find(t.Context(), names(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// bucket reports whether there is one.
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

func (e *emulator) notifications(t *testing.T, bucket string) []stack.Notification {
	t.Helper()
	cfg, err := e.cloud.BucketNotifications(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return stack.Notifications(cfg)
}

func (e *emulator) put(t *testing.T, bucket, key string, data []byte) {
	t.Helper()
	if _, err := e.cloud.Store.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data)}); err != nil {
		t.Fatal(err)
	}
}

// await waits for an object and gives its bytes.
func (e *emulator) await(t *testing.T, bucket, key string) []byte {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out, err := e.cloud.Store.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
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
	told := e.deploy(t, 0, "photos", firstRecipe, "--dry-run", "--budget", "5", "--email", "me@example.com")
	wants(t, told, "budget imgmill-photos", "AWS writes to me@example.com once", "activate the tag: Billing, Cost allocation tags", "Account ", "region us-east-1", "bucket photos-input", "function imgmill-photos", "About $", "Nothing was changed")
	if _, err := e.cloud.Find(t.Context(), names(t, "photos")); !errors.Is(err, stack.ErrNotDeployed) {
		t.Errorf("a stack is there: %v", err)
	}
	for _, b := range []string{"photos-input", "photos-output", "photos-code"} {
		if e.bucket(t, b) {
			t.Errorf("bucket %s is there", b)
		}
	}
}

func (e *emulator) first(t *testing.T) {
	told := e.deploy(t, 0, "photos", firstRecipe, "--memory", "1024")
	wants(t, told, "made         imgmill-photos", "photos is up")
	if strings.Contains(told, "tagged       bucket") {
		e.cannot("Tags of AWS::S3::Bucket", "left out without an error; deploy puts them itself")
	}
	d := e.find(t, "photos")
	if d.Tags[stack.TagName] != "photos" || d.Parameters["MemoryMB"] != "1024" || d.SourceBucket != "photos-input" || d.FunctionARN == "" {
		t.Errorf("%+v", d)
	}
	for _, b := range []string{"photos-input", "photos-output", "photos-code"} {
		tags, err := e.cloud.Store.GetBucketTagging(t.Context(), &awss3.GetBucketTaggingInput{Bucket: &b})
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !slices.ContainsFunc(tags.TagSet, func(tag types.Tag) bool { return *tag.Key == stack.TagName && *tag.Value == "photos" }) {
			t.Errorf("%s has the tags %v", b, tags.TagSet)
		}
	}
	block, err := e.cloud.Store.GetPublicAccessBlock(t.Context(), &awss3.GetPublicAccessBlockInput{Bucket: aws.String("photos-code")})
	if err != nil {
		t.Fatal(err)
	}
	if p := block.PublicAccessBlockConfiguration; !*p.BlockPublicAcls || !*p.BlockPublicPolicy || !*p.IgnorePublicAcls || !*p.RestrictPublicBuckets {
		t.Errorf("the code bucket can be made public: %+v", p)
	}
	e.whatIsMissing(t, d)
	list := e.notifications(t, "photos-input")
	for _, suffix := range []string{".jpg", ".JPG", ".heic", ".HEIC"} {
		if !slices.ContainsFunc(list, func(n stack.Notification) bool { return n.Suffix == suffix && n.ARN == d.FunctionARN }) {
			t.Errorf("no notification of %s to the function in %v", suffix, list)
		}
	}
}

// whatIsMissing notes the resources that the emulator left out of the stack.
func (e *emulator) whatIsMissing(t *testing.T, d *stack.Deployment) {
	t.Helper()
	out, err := e.cloud.Formation.ListStackResources(t.Context(), &cloudformation.ListStackResourcesInput{StackName: &d.StackID})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"SourceBucket", "SourceBucketPolicy", "TargetBucket", "TargetBucketPolicy", "LambdaResizeRole", "ImageResizerFunction",
		"ImageResizerLogGroup", "ImageResizerInvokeConfig", "SourceBucketPermission", "FailureQueue", "FailureQueuePolicy", "ErrorsAlarm", "Dashboard"} {
		if !slices.ContainsFunc(out.StackResourceSummaries, func(r cftypes.StackResourceSummary) bool { return *r.LogicalResourceId == id }) {
			e.cannot(id+" in a stack", "left out without an error")
		}
	}
	if d.FailureQueue == "" {
		e.cannot("the outputs of a stack that a change set made", "there are none")
	}
}

func (e *emulator) again(t *testing.T) {
	history := func() int {
		out, err := e.cloud.Formation.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: aws.String("imgmill-photos")})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.StackEvents)
	}
	before := history()
	wants(t, e.deploy(t, 0, "photos", firstRecipe), "Nothing to change")
	// This folder has no recipe, and the default is another.
	wants(t, e.imgmill(t, 0, "deploy", "photos", "--yes"), "There is no imgmill.yaml here: the recipe of photos stays as it is.", "Nothing to change")
	if after := history(); after != before {
		t.Errorf("the stack has %d events more", after-before)
	}
}

// picture holds what the function made against what the command makes of the same file: equal code gives equal bytes.
func (e *emulator) picture(t *testing.T) {
	if !e.functions() {
		t.Skipf("%s runs functions in Docker alone", e.name)
	}
	e.through(t, "holiday.JPG", 320)
}

func (e *emulator) through(t *testing.T, key string, width int) {
	t.Helper()
	in, out := filepath.Join(e.dir, "in.jpg"), filepath.Join(e.dir, "out.jpg")
	if err := os.WriteFile(in, sample.Photo(900, 600), 0o600); err != nil {
		t.Fatal(err)
	}
	e.imgmill(t, 0, "resize", in, "-o", out, "--width", fmt.Sprint(width))
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	e.put(t, "photos-input", key, sample.Photo(900, 600))
	got := e.await(t, "photos-output", key)
	c, err := jpeg.DecodeConfig(bytes.NewReader(got))
	if err != nil || c.Width != width {
		t.Fatalf("the variant is %d wide, want %d: %v", c.Width, width, err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the function made %d bytes, imgmill resize %d others", len(got), len(want))
	}
	head, err := e.cloud.Store.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String("photos-output"), Key: &key})
	if err != nil || head.Metadata[outcome.MetadataSourceETag] == "" {
		t.Errorf("the variant carries no mark: %v, %v", head, err)
	}
}

func (e *emulator) recipe(t *testing.T) {
	before := e.keys(t, "photos-code")
	wants(t, e.deploy(t, 0, "photos", secondRecipe), "code and recipe", "notifications", "photos is up")
	after := e.keys(t, "photos-code")
	if len(before) != 1 || len(after) != 1 || before[0] == after[0] {
		t.Errorf("the code bucket held %q and holds %q", before, after)
	}
	if list := e.notifications(t, "photos-input"); len(list) != 2 {
		t.Errorf("the recipe names one suffix, in two cases; the bucket has %v", list)
	}
	if e.find(t, "photos").Parameters["MemoryMB"] != "1024" {
		t.Error("the memory went back to its default")
	}
	if e.functions() {
		e.through(t, "second.jpg", 200)
	}
}

func (e *emulator) queue(t *testing.T) {
	wants(t, e.deploy(t, 0, "photos", secondRecipe, "--trigger", "queue", "--max-concurrency", "5"), "direct -> queue", "photos is up")
	d := e.find(t, "photos")
	for _, n := range e.notifications(t, "photos-input") {
		if d.WorkQueueARN == "" || n.ARN != d.WorkQueueARN {
			t.Errorf("%v does not go to the queue %q", n, d.WorkQueueARN)
		}
	}
	if !e.functions() {
		return
	}
	// It takes the mapping's numbers from a template as text and then cannot compare them: it is told the number again.
	e.cannot("numbers of a template's AWS::Lambda::EventSourceMapping", "they stay text; set again by UpdateEventSourceMapping")
	mapping, err := e.cloud.Formation.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
		StackName: &d.StackID, LogicalResourceId: aws.String("WorkQueueMapping")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.cloud.Function.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{
		UUID: mapping.StackResourceDetail.PhysicalResourceId, ScalingConfig: &lambdatypes.ScalingConfig{MaximumConcurrency: aws.Int32(5)},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.through(t, "third.jpg", 200)
}

func (e *emulator) keep(t *testing.T) {
	e.retains(t)
	e.put(t, "photos-input", "kept.txt", []byte("kept"))
	wants(t, e.imgmill(t, 0, "destroy", "photos", "--yes", "--keep-buckets"), "keep", "Gone", "stack imgmill-photos", "Kept: bucket photos-input")
	if !slices.Contains(e.keys(t, "photos-input"), "kept.txt") || !e.bucket(t, "photos-output") || e.bucket(t, "photos-code") {
		t.Error("not just the two buckets of pictures were kept")
	}
	if list := e.notifications(t, "photos-input"); len(list) > 0 {
		t.Errorf("still told: %v", list)
	}
	policy, err := e.cloud.Store.GetBucketPolicy(t.Context(), &awss3.GetBucketPolicyInput{Bucket: aws.String("photos-input")})
	if err != nil || !strings.Contains(*policy.Policy, "aws:SecureTransport") {
		t.Errorf("the bucket that was kept no longer insists on TLS: %v", err)
	}
	wants(t, e.imgmill(t, 0, "destroy", "photos", "--yes", "--keep-buckets"), "nothing of photos to take away")
}

func (e *emulator) attachKept(t *testing.T) {
	e.retains(t)
	wants(t, e.deploy(t, 0, "photos", firstRecipe), "kept from an earlier deployment", "photos is up")
	if d := e.find(t, "photos"); d.Parameters["CreateSourceBucket"] != "false" || !slices.Contains(e.keys(t, "photos-input"), "kept.txt") {
		t.Errorf("%v", d.Parameters)
	}
}

func (e *emulator) destroy(t *testing.T) {
	// Old versions, delete markers and unfinished uploads are in the way of deleting a bucket.
	input := aws.String("photos-input")
	if _, err := e.cloud.Store.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{Bucket: input,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	e.put(t, *input, "kept.txt", []byte("again"))
	if _, err := e.cloud.Store.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: input, Key: aws.String("kept.txt")}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.cloud.Store.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: input, Key: aws.String("begun")}); err != nil {
		t.Fatal(err)
	}
	wants(t, e.imgmill(t, 0, "destroy", "photos", "--dry-run"), "delete", "bucket photos-input", "Nothing was changed")
	if !e.bucket(t, "photos-code") {
		t.Error("a dry run deleted the code bucket")
	}
	e.shared(t)
	e.protected(t)
	wants(t, e.imgmill(t, 0, "destroy", "photos", "--yes"), "Gone", "function imgmill-photos", "bucket photos-input", "role ")
	e.nothingLeft(t, "photos")
	wants(t, e.imgmill(t, 0, "destroy", "photos", "--yes"), "nothing of photos to take away")
}

func (e *emulator) nothingLeft(t *testing.T, name string) {
	t.Helper()
	n := names(t, name)
	if _, err := e.cloud.Find(t.Context(), n); !errors.Is(err, stack.ErrNotDeployed) {
		t.Errorf("the stack: %v", err)
	}
	for _, b := range []string{n.InputBucket, n.OutputBucket, n.CodeBucket} {
		if e.bucket(t, b) {
			t.Errorf("bucket %s is left", b)
		}
	}
	queues, err := e.cloud.Queue.ListQueues(t.Context(), &sqs.ListQueuesInput{QueueNamePrefix: &n.Stack})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range queues.QueueUrls {
		if name := path.Base(u); name == n.FailureQueue() || name == n.WorkQueue() {
			t.Errorf("queue %s is left", u)
		}
	}
	groups, err := e.cloud.Logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/" + n.Stack)})
	if err != nil || len(groups.LogGroups) > 0 {
		t.Errorf("log groups %v are left, %v", groups, err)
	}
}

// foreignBucket makes a bucket that tells a topic and two queues of somebody else's, and EventBridge.
func (e *emulator) foreignBucket(t *testing.T, name string) *types.NotificationConfiguration {
	t.Helper()
	if _, err := e.cloud.Store.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.cloud.Formation.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("others"), TemplateBody: aws.String(`{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "others"}}}}`),
	}); err != nil {
		t.Fatal(err)
	}
	who, err := e.cloud.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	filter := func(prefix, suffix string) *types.NotificationConfigurationFilter {
		return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
			{Name: types.FilterRuleNamePrefix, Value: &prefix}, {Name: types.FilterRuleNameSuffix, Value: &suffix}}}}
	}
	cfg := &types.NotificationConfiguration{
		EventBridgeConfiguration: &types.EventBridgeConfiguration{},
		TopicConfigurations: []types.TopicConfiguration{{Id: aws.String("reports"), TopicArn: aws.String("arn:aws:sns:us-east-1:" + who.Account + ":others"),
			Events: []types.Event{"s3:ObjectCreated:*"}, Filter: filter("reports/", ".pdf")}},
	}
	for _, q := range []struct{ id, suffix string }{{"imgmill-album-old", ".csv"}, {"films", ".mp4"}} {
		if _, err := e.cloud.Queue.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &q.id}); err != nil {
			t.Fatal(err)
		}
		cfg.QueueConfigurations = append(cfg.QueueConfigurations, types.QueueConfiguration{Id: &q.id, QueueArn: aws.String("arn:aws:sqs:us-east-1:" + who.Account + ":" + q.id),
			Events: []types.Event{"s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"}, Filter: filter("in/", q.suffix)})
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) { // until the topic is there
		_, err = e.cloud.Store.PutBucketNotificationConfiguration(t.Context(), &awss3.PutBucketNotificationConfigurationInput{Bucket: &name, NotificationConfiguration: cfg})
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	there, err := e.cloud.BucketNotifications(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return there
}

func (e *emulator) attach(t *testing.T) {
	before := e.foreignBucket(t, "album-uploads")
	if len(stack.Notifications(before)) != 3 {
		t.Fatalf("%v", stack.Notifications(before))
	}
	e.put(t, "album-uploads", "mine.jpg", []byte("mine"))
	wants(t, e.deploy(t, 0, "album", firstRecipe, "--source-bucket", "album-uploads"), "yours, its settings stay", "the 3 there stay", "album is up")
	n := names(t, "album")
	ours, foreign := n.Split(e.notifications(t, "album-uploads"))
	if !stack.SameNotifications(foreign, stack.Notifications(before)) || len(ours) != 18 {
		t.Errorf("others: %v\nours: %v", foreign, ours)
	}
	wants(t, e.deploy(t, 0, "album", firstRecipe), "Nothing to change")
	wants(t, e.deploy(t, 1, "album", firstRecipe, "--source-bucket", "elsewhere"), "has album-uploads as its source bucket")

	wants(t, e.imgmill(t, 0, "destroy", "album", "--yes"), "Gone", "notifications of album-uploads")
	after, err := e.cloud.BucketNotifications(t.Context(), "album-uploads")
	if err != nil {
		t.Fatal(err)
	}
	if !stack.SameNotifications(stack.Notifications(after), stack.Notifications(before)) || (after.EventBridgeConfiguration == nil) != (before.EventBridgeConfiguration == nil) {
		t.Errorf("was %v, is %v", stack.Notifications(before), stack.Notifications(after))
	}
	if keys := e.keys(t, "album-uploads"); !slices.Equal(keys, []string{"mine.jpg"}) {
		t.Errorf("the bucket that was attached holds %q", keys)
	}
	e.nothingLeft(t, "album")
}

func (e *emulator) overlap(t *testing.T) {
	wants(t, e.deploy(t, 1, "album", "source: {bucket: album-uploads, suffixes: []}\ntarget: {bucket: album-output}\n", "--source-bucket", "album-uploads"),
		"films", "overlaps with", "imgmill-album-all")
	wants(t, e.deploy(t, 1, "album", firstRecipe, "--source-bucket", "album-uploads", "--target-bucket", "album-uploads"), "source and target are one bucket")
	wants(t, e.deploy(t, 1, "album", firstRecipe, "--source-bucket", "no-such-bucket-here"), "there is no bucket no-such-bucket-here")
	e.nothingLeft(t, "album")
}

// interrupted presses Ctrl-C in the middle of every stage, and runs the same command again.
func (e *emulator) interrupted(t *testing.T) {
	for _, at := range []string{"PUT /cut-code", "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStackEvents", "PUT /cut-input"} {
		told := e.cutShort(t, at, func() string { return e.deploy(t, 1, "cut", firstRecipe) })
		wants(t, told, "Run the same command again")
	}
	e.deploy(t, 0, "cut", firstRecipe) // nothing is left to do if the last call came through
	wants(t, e.deploy(t, 0, "cut", firstRecipe), "Nothing to change")
	e.put(t, "cut-output", "one.txt", []byte("one"))
	for _, at := range []string{"PUT /cut-input", "DeleteStack", "POST /cut-output", "DELETE /cut-output"} {
		told := e.cutShort(t, at, func() string { return e.imgmill(t, 1, "destroy", "cut", "--yes") })
		wants(t, told, "Run the same command again")
	}
	wants(t, e.imgmill(t, 0, "destroy", "cut", "--yes"), "Gone", "bucket cut-code")
	e.nothingLeft(t, "cut")
}

// leftovers are what a run leaves that was killed, or somebody who deletes the stack by hand.
func (e *emulator) leftovers(t *testing.T) {
	n := names(t, "left")
	_, err := e.cloud.Formation.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: &n.Stack, ChangeSetName: aws.String("imgmill-1"), ChangeSetType: cftypes.ChangeSetTypeCreate,
		TemplateBody: aws.String(`{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`), Tags: []cftypes.Tag{{Key: aws.String(stack.TagName), Value: &n.Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, e.deploy(t, 0, n.Name, firstRecipe), "REVIEW_IN_PROGRESS", "left is up")

	if _, err := e.cloud.Formation.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &n.Stack}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := e.cloud.Find(t.Context(), n); errors.Is(err, stack.ErrNotDeployed) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the stack is not deleted")
		}
	}
	wants(t, e.imgmill(t, 0, "destroy", n.Name, "--yes"), "Gone", "stack imgmill-left", "bucket left-code")
	e.nothingLeft(t, n.Name)
}

// failed has somebody else take the name of a bucket in the moment before it is made.
func (e *emulator) failed(t *testing.T) {
	e.fails(t)
	taken := aws.String("late-output")
	e.once("ExecuteChangeSet", func() {
		if _, err := e.cloud.Store.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: taken}); err != nil {
			t.Error(err)
		}
	})
	told := e.deploy(t, 1, "late", firstRecipe)
	wants(t, told, "TargetBucket (AWS::S3::Bucket)", "already exists", "run the same command again")
	if strings.Contains(told, "imgmill: ") && strings.Contains(told[strings.Index(told, "imgmill: "):], "cancelled") {
		t.Errorf("the cascade is told:\n%s", told)
	}
	// What they made is theirs.
	wants(t, e.imgmill(t, 0, "destroy", "late", "--dry-run"), "bucket late-output", "not made by imgmill")
	wants(t, e.deploy(t, 1, "late", firstRecipe), "bucket late-output is there and was not made by imgmill")
	if _, err := e.cloud.Store.DeleteBucket(t.Context(), &awss3.DeleteBucketInput{Bucket: taken}); err != nil {
		t.Fatal(err)
	}
	wants(t, e.deploy(t, 0, "late", firstRecipe), "ROLLBACK_COMPLETE", "late is up")
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
	wants(t, e.deploy(t, 1, "theirs", firstRecipe), "was not made by imgmill")
	wants(t, e.imgmill(t, 1, "deploy", "theirs", "--yes"), "was not made by imgmill")
	wants(t, e.imgmill(t, 1, "destroy", "theirs", "--yes"), "was not made by imgmill")
	if d := e.find(t, "theirs"); !strings.HasPrefix(string(d.Status), "CREATE_") {
		t.Errorf("their stack is %s", d.Status)
	}
}
