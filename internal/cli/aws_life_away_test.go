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

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// shared: that somebody else is told of a bucket that goes is said before it goes.
func (e *emulator) shared(t *testing.T) {
	const said = "somebody else uses it too: 1 other notification"
	if told := e.imgmill(t, 0, "destroy", "photos", "--dry-run"); strings.Contains(told, "somebody else") {
		t.Errorf("nobody else uses it:\n%s", told)
	}
	who, err := e.cloud.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := e.cloud.BucketNotifications(t.Context(), "photos-input")
	if err != nil {
		t.Fatal(err)
	}
	more := *cfg
	more.QueueConfigurations = append(slices.Clone(cfg.QueueConfigurations), types.QueueConfiguration{Id: aws.String("theirs"),
		QueueArn: aws.String("arn:aws:sqs:us-east-1:" + who.Account + ":imgmill-photos-failures"), Events: []types.Event{"s3:ObjectRemoved:*"}})
	put := func(cfg *types.NotificationConfiguration) {
		if _, err := e.cloud.Store.PutBucketNotificationConfiguration(t.Context(), &awss3.PutBucketNotificationConfigurationInput{
			Bucket: aws.String("photos-input"), NotificationConfiguration: cfg}); err != nil {
			t.Fatal(err)
		}
	}
	put(&more)
	wants(t, e.imgmill(t, 0, "destroy", "photos", "--dry-run"), said)
	put(cfg)
}

// protected: a stack that AWS would refuse to delete is found before anything is taken off.
func (e *emulator) protected(t *testing.T) {
	protect := func(on bool) {
		if _, err := e.cloud.Formation.UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{
			StackName: aws.String("imgmill-photos"), EnableTerminationProtection: &on}); err != nil {
			t.Fatal(err)
		}
	}
	if e.name == "moto" {
		e.cannot("UpdateTerminationProtection", "not yet implemented")
		return
	}
	protect(true)
	wants(t, e.imgmill(t, 1, "destroy", "photos", "--yes"), "is protected from being deleted, so nothing was touched", "--no-enable-termination-protection")
	if len(e.notifications(t, "photos-input")) == 0 {
		t.Error("the notifications are taken off all the same")
	}
	protect(false)
}

// foreignLog: where there is no stack, a log group of the function's name may be that of anybody's function.
func (e *emulator) foreignLog(t *testing.T) {
	for _, test := range []struct{ tag, told string }{{"", "not made by imgmill for logged"}, {"other", "not made by imgmill for logged"}, {"logged", "delete  log group"}} {
		in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/imgmill-logged")}
		if test.tag != "" {
			in.Tags = map[string]string{stack.TagName: test.tag}
		}
		if _, err := e.cloud.Logs.CreateLogGroup(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		wants(t, e.imgmill(t, 0, "destroy", "logged", "--yes"), test.told)
		_, err := e.cloud.Logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: in.LogGroupName})
		if gone := err != nil; gone != (test.tag == "logged") {
			t.Errorf("of a log group with the tag %q: %v", test.tag, err)
		}
	}
}
