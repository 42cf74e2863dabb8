package cli_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/trigger"
)

// shared: destroy warns before it deletes a bucket that also notifies somebody else.
func (e *emulator) shared(t *testing.T) {
	const warning = "others use it too: 1 other notification"
	if output := e.imgmill(t, 0, "destroy", "photos", "--dry-run"); strings.Contains(output,
		"others use it") {
		t.Errorf("a warning, although nobody else uses it:\n%s", output)
	}
	who, err := e.cloud.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := trigger.Read(t.Context(), e.cloud, "photos-input")
	if err != nil {
		t.Fatal(err)
	}
	more := *cfg
	more.QueueConfigurations = append(slices.Clone(cfg.QueueConfigurations),
		types.QueueConfiguration{Id: aws.String("theirs"),
			QueueArn: aws.String("arn:aws:sqs:us-east-1:" + who.Account +
				":imgmill-photos-failures"),
			Events: []types.Event{"s3:ObjectRemoved:*"}})
	put := func(cfg *types.NotificationConfiguration) {
		if _, err := e.cloud.Store.PutBucketNotificationConfiguration(t.Context(),
			&awss3.PutBucketNotificationConfigurationInput{
				Bucket: aws.String("photos-input"), NotificationConfiguration: cfg}); err != nil {
			t.Fatal(err)
		}
	}
	put(&more)
	wantOutput(t, e.imgmill(t, 0, "destroy", "photos", "--dry-run"), warning)
	put(cfg)
}

// protected: a stack that AWS would refuse to delete is detected before anything is removed.
func (e *emulator) protected(t *testing.T) {
	protect := func(on bool) {
		if _, err := e.cloud.Formation.UpdateTerminationProtection(t.Context(),
			&cloudformation.UpdateTerminationProtectionInput{
				StackName:                   aws.String("imgmill-photos"),
				EnableTerminationProtection: &on}); err != nil {
			t.Fatal(err)
		}
	}
	if e.name == "moto" {
		e.unsupported("UpdateTerminationProtection", "not yet implemented")
		return
	}
	protect(true)
	wantOutput(t, e.imgmill(t, 1, "destroy", "photos", "--yes"),
		"has termination protection, so nothing was changed", "--no-enable-termination-protection")
	if len(e.notifications(t, "photos-input")) == 0 {
		t.Error("the notifications were removed all the same")
	}
	protect(false)
}

// foreignLog: without a stack, a log group with the function's name may belong to anybody's
// function.
func (e *emulator) foreignLog(t *testing.T) {
	for _, test := range []struct{ tag, output string }{
		{"", "not created by imgmill for logged"}, {"other", "not created by imgmill for logged"},
		{"logged", "delete  log group"},
	} {
		in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/imgmill-logged")}
		if test.tag != "" {
			in.Tags = map[string]string{deployment.TagName: test.tag}
		}
		if _, err := e.cloud.Logs.CreateLogGroup(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		wantOutput(t, e.imgmill(t, 0, "destroy", "logged", "--yes"), test.output)
		_, err := e.cloud.Logs.DeleteLogGroup(t.Context(),
			&cloudwatchlogs.DeleteLogGroupInput{LogGroupName: in.LogGroupName})
		if gone := err != nil; gone != (test.tag == "logged") {
			t.Errorf("of a log group with the tag %q: %v", test.tag, err)
		}
	}
}
