package trigger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
)

// Entries lists the entries of a configuration.
func Entries(cfg *types.NotificationConfiguration) []Notification {
	var list []Notification
	for _, c := range cfg.TopicConfigurations {
		list = append(list, entry(c.Id, c.TopicArn, c.Events, c.Filter))
	}
	for _, c := range cfg.QueueConfigurations {
		list = append(list, entry(c.Id, c.QueueArn, c.Events, c.Filter))
	}
	for _, c := range cfg.LambdaFunctionConfigurations {
		list = append(list, entry(c.Id, c.LambdaFunctionArn, c.Events, c.Filter))
	}
	return list
}

func entry(id, destination *string, events []types.Event,
	filter *types.NotificationConfigurationFilter) Notification {
	n := Notification{ID: aws.ToString(id), ARN: aws.ToString(destination)}
	for _, e := range events {
		n.Events = append(n.Events, string(e))
	}
	if filter == nil || filter.Key == nil {
		return n
	}
	for _, rule := range filter.Key.FilterRules {
		switch strings.ToLower(string(rule.Name)) { // S3 returns Prefix for a rule that was written as prefix
		case "prefix":
			n.Prefix = aws.ToString(rule.Value)
		case "suffix":
			n.Suffix = aws.ToString(rule.Value)
		}
	}
	return n
}

// merge returns the current configuration with the deployment's entries replaced by the wanted
// ones. All other entries stay as they are.
func merge(n deployment.Names, current *types.NotificationConfiguration,
	wanted []Notification) *types.NotificationConfiguration {
	cfg := &types.NotificationConfiguration{
		EventBridgeConfiguration: current.EventBridgeConfiguration,
		TopicConfigurations:      current.TopicConfigurations,
	}
	for _, c := range current.QueueConfigurations {
		if !Owns(n, entry(c.Id, c.QueueArn, c.Events, c.Filter)) {
			cfg.QueueConfigurations = append(cfg.QueueConfigurations, c)
		}
	}
	for _, c := range current.LambdaFunctionConfigurations {
		if !Owns(n, entry(c.Id, c.LambdaFunctionArn, c.Events, c.Filter)) {
			cfg.LambdaFunctionConfigurations = append(cfg.LambdaFunctionConfigurations, c)
		}
	}
	for _, w := range wanted {
		var events []types.Event
		for _, e := range w.Events {
			events = append(events, types.Event(e))
		}
		if strings.Contains(w.ARN, ":sqs:") {
			cfg.QueueConfigurations = append(cfg.QueueConfigurations, types.QueueConfiguration{
				Id: aws.String(w.ID), QueueArn: aws.String(w.ARN), Events: events,
				Filter: filter(w)})
		} else {
			cfg.LambdaFunctionConfigurations = append(cfg.LambdaFunctionConfigurations,
				types.LambdaFunctionConfiguration{
					Id: aws.String(w.ID), LambdaFunctionArn: aws.String(w.ARN), Events: events,
					Filter: filter(w)})
		}
	}
	return cfg
}

func filter(w Notification) *types.NotificationConfigurationFilter {
	var rules []types.FilterRule
	if w.Prefix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNamePrefix,
			Value: aws.String(w.Prefix)})
	}
	if w.Suffix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNameSuffix,
			Value: aws.String(w.Suffix)})
	}
	if rules == nil {
		return nil
	}
	return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: rules}}
}

// Read reads a bucket's notification configuration.
func Read(
	ctx context.Context, c *client.Cloud, bucket string,
) (*types.NotificationConfiguration, error) {
	out, err := c.Store.GetBucketNotificationConfiguration(ctx,
		&s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	if err != nil {
		return nil, fmt.Errorf("read the notifications of bucket %s: %w", bucket, err)
	}
	return &types.NotificationConfiguration{
		EventBridgeConfiguration:     out.EventBridgeConfiguration,
		TopicConfigurations:          out.TopicConfigurations,
		QueueConfigurations:          out.QueueConfigurations,
		LambdaFunctionConfigurations: out.LambdaFunctionConfigurations,
	}, nil
}

// writeTimeout bounds how long S3 may take to see a new permission, or may be busy.
const writeTimeout = 2 * time.Minute

// Write makes the wanted entries the only ones of the deployment on a bucket, and reports whether
// that changed anything.
func Write(ctx context.Context, c *client.Cloud, n deployment.Names, bucket string,
	wanted []Notification) (bool, error) {
	end := time.Now().Add(writeTimeout)
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		current, err := Read(ctx, c, bucket)
		if err != nil {
			return false, err
		}
		if ours, _ := Split(n, Entries(current)); Same(ours, wanted) {
			return false, nil
		}
		err = put(ctx, c, bucket, merge(n, current, wanted), len(wanted) == 0)
		if err == nil || !isTransient(err) || time.Now().After(end) {
			return err == nil, err
		}
		if err := client.Sleep(ctx, wait); err != nil {
			return false, err
		}
	}
}

// put tries once. S3 has no conditional write for notifications, so the time since they were read
// is kept short: whoever retries has to read again first.
func put(ctx context.Context, c *client.Cloud, bucket string, cfg *types.NotificationConfiguration,
	unvalidated bool) error {
	_, err := c.Store.PutBucketNotificationConfiguration(ctx,
		&s3.PutBucketNotificationConfigurationInput{
			Bucket: &bucket, NotificationConfiguration: cfg,
			// Removing entries must work even if the destination of another entry no longer exists: S3
			// would validate that, too.
			SkipDestinationValidation: &unvalidated,
		}, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return fmt.Errorf("write the notifications of bucket %s: %w", bucket, err)
	}
	return nil
}

// isTransient reports whether a retry may succeed: after an error that the SDK would retry, after a
// concurrent write, or while S3 does not yet see a new permission.
func isTransient(err error) bool {
	if client.ConnectionError(err) != nil {
		return false
	}
	return isUnvalidated(err) || client.IsCode(err, "OperationAborted") ||
		retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// isUnvalidated reports whether S3 found that it may not send to a destination. A new permission
// takes seconds to be seen.
func isUnvalidated(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(),
		"Unable to validate the following destination configurations")
}
