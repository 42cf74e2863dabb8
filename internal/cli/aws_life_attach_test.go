package cli_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/trigger"
	"github.com/imgmill/imgmill/internal/engine/formats"
)

// foreignBucket creates a bucket that notifies a topic and two queues of somebody else, and
// EventBridge.
func (e *emulator) foreignBucket(t *testing.T, name string) *types.NotificationConfiguration {
	t.Helper()
	if _, err := e.cloud.Store.CreateBucket(t.Context(),
		&awss3.CreateBucketInput{Bucket: &name}); err != nil {
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
			{Name: types.FilterRuleNamePrefix, Value: &prefix},
			{Name: types.FilterRuleNameSuffix, Value: &suffix}}}}
	}
	cfg := &types.NotificationConfiguration{
		EventBridgeConfiguration: &types.EventBridgeConfiguration{},
		TopicConfigurations: []types.TopicConfiguration{{Id: aws.String("reports"),
			TopicArn: aws.String("arn:aws:sns:us-east-1:" + who.Account + ":others"),
			Events:   []types.Event{"s3:ObjectCreated:*"}, Filter: filter("reports/", ".pdf")}},
	}
	for _, q := range []struct{ id, suffix string }{{"imgmill-album-old", ".csv"},
		{"films", ".mp4"}} {
		if _, err := e.cloud.Queue.CreateQueue(t.Context(),
			&sqs.CreateQueueInput{QueueName: &q.id}); err != nil {
			t.Fatal(err)
		}
		cfg.QueueConfigurations = append(cfg.QueueConfigurations,
			types.QueueConfiguration{Id: &q.id,
				QueueArn: aws.String("arn:aws:sqs:us-east-1:" + who.Account + ":" + q.id),
				Events:   []types.Event{"s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"},
				Filter:   filter("in/", q.suffix)})
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) { // until the topic exists
		_, err = e.cloud.Store.PutBucketNotificationConfiguration(t.Context(),
			&awss3.PutBucketNotificationConfigurationInput{Bucket: &name,
				NotificationConfiguration: cfg})
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	there, err := trigger.Read(t.Context(), e.cloud, name)
	if err != nil {
		t.Fatal(err)
	}
	return there
}

func (e *emulator) attach(t *testing.T) {
	before := e.foreignBucket(t, "album-uploads")
	if len(trigger.Entries(before)) != 3 {
		t.Fatalf("%v", trigger.Entries(before))
	}
	e.put(t, "album-uploads", "mine.jpg", []byte("mine"))
	wantOutput(t, e.deploy(t, 0, "album", firstRecipe, "--source-bucket", "album-uploads"),
		"yours, its settings stay", "the 3 of others stay", "album is ready")
	n := names(t, "album")
	ours, foreign := trigger.Split(n, e.notifications(t, "album-uploads"))
	if !trigger.Same(foreign, trigger.Entries(before)) || len(ours) != 3*len(formats.All().Suffixes()) {
		t.Errorf("others: %v\nours: %v", foreign, ours)
	}
	wantOutput(t, e.deploy(t, 0, "album", firstRecipe), "Nothing to change")
	wantOutput(t, e.deploy(t, 1, "album", firstRecipe, "--source-bucket", "elsewhere"),
		"the source bucket of album is album-uploads")

	wantOutput(t, e.imgmill(t, 0, "destroy", "album", "--yes"), "Deleted, each one checked",
		"notifications of album-uploads")
	after, err := trigger.Read(t.Context(), e.cloud, "album-uploads")
	if err != nil {
		t.Fatal(err)
	}
	if !trigger.Same(trigger.Entries(after), trigger.Entries(before)) ||
		(after.EventBridgeConfiguration == nil) != (before.EventBridgeConfiguration == nil) {
		t.Errorf("was %v, is %v", trigger.Entries(before), trigger.Entries(after))
	}
	if keys := e.keys(t, "album-uploads"); !slices.Equal(keys, []string{"mine.jpg"}) {
		t.Errorf("the attached bucket holds %q", keys)
	}
	e.nothingLeft(t, "album")
}

func (e *emulator) overlap(t *testing.T) {
	wantOutput(t, e.deploy(t, 1, "album",
		"source: {bucket: album-uploads, suffixes: []}\ntarget: {bucket: album-output}\n",
		"--source-bucket", "album-uploads"),
		"films", "overlaps with", "imgmill-album-all")
	wantOutput(t, e.deploy(t, 1, "album", firstRecipe, "--source-bucket", "album-uploads",
		"--target-bucket", "album-uploads"), "source and target are one bucket")
	wantOutput(t, e.deploy(t, 1, "album", firstRecipe, "--source-bucket", "no-such-bucket-here"),
		"bucket no-such-bucket-here does not exist")
	if _, err := e.cloud.Store.CreateBucket(t.Context(),
		&awss3.CreateBucketInput{Bucket: aws.String("album-site")}); err != nil {
		t.Fatal(err)
	}
	e.put(t, "album-site", "theirs.jpg", []byte("theirs"))
	e.put(t, "album-site", "index.html", []byte("theirs"))
	wantOutput(t, e.deploy(t, 0, "album", firstRecipe, "--target-bucket", "album-site", "--dry-run"),
		"In bucket album-site, imgmill made none of the objects looked at where variants go, such as theirs.jpg: they stay")
	e.nothingLeft(t, "album")
}
