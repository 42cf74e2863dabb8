package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/trigger"
)

// Destroy deletes what the inventory lists. Notifications go first, so that none reaches a function
// that no longer exists; then the stack, so that nothing writes; then the content of buckets. With
// keepBuckets, the source and target bucket stay as they are. It can be interrupted and called
// again.
func Destroy(ctx context.Context, c *client.Cloud, v *Inventory, keepBuckets bool,
	progress Progress) error {
	for _, b := range v.Notifying {
		if _, err := trigger.Write(ctx, c, v.Names, b, nil); err != nil {
			return err
		}
		progress(Event{Part: "notifications of " + b, Status: "removed"})
	}
	if v.Stack != nil {
		if err := deleteStack(ctx, c, v.Stack, progress); err != nil {
			return err
		}
	}
	group, ours, err := findLogGroup(ctx, c, v.Names)
	if err != nil {
		return err
	}
	// Beside a stack of ours the log group is our function's, whether it has a tag or not.
	if group != "" && (ours || v.Stack != nil && v.ForeignLogGroup == "") {
		_, err := c.Logs.DeleteLogGroup(ctx,
			&cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group})
		if err != nil && !client.IsCode(err, "ResourceNotFoundException") {
			return fmt.Errorf("delete log group %s: %w", group, err)
		}
		progress(Event{Part: "log group " + group, Status: "deleted"})
	}
	for _, b := range v.Buckets {
		if !b.Ours || keepBuckets && b.Role != "code" {
			continue
		}
		if err := deleteBucket(ctx, c, v, b.Name, progress); err != nil {
			return err
		}
	}
	return nil
}

// deleteBucket empties and deletes a bucket, and repeats that if something is uploaded meanwhile.
func deleteBucket(ctx context.Context, c *client.Cloud, v *Inventory, name string,
	progress Progress) error {
	// The inventory was taken before the person was asked, and the answer may have taken an hour.
	found, err := findBucket(ctx, c, name, v.Account)
	if err != nil || !found.exists {
		return err
	}
	if found.tag != v.Name {
		return fmt.Errorf("bucket %s no longer carries the tag %s=%s, so it is not deleted", name,
			deployment.TagName, v.Name)
	}
	for range 3 {
		if err = emptyBucket(ctx, c, name); err != nil {
			return err
		}
		if _, err = c.Store.DeleteBucket(ctx,
			&s3.DeleteBucketInput{Bucket: &name}); !client.IsCode(err, "BucketNotEmpty") {
			break
		}
	}
	if err != nil && !client.IsCode(err, "NoSuchBucket") {
		return fmt.Errorf("delete bucket %s: %w", name, err)
	}
	progress(Event{Part: "bucket " + name, Status: "deleted"})
	return nil
}

// Finding is one thing that Verify looked for after everything was deleted.
type Finding struct {
	Name string `json:"what"`
	// Remains reports that it still exists, or that this is unknown. Reason then says more if it
	// can.
	Remains bool   `json:"left"`
	Reason  string `json:"why,omitempty"`
}

const (
	// queueDeletionTime: SQS may report a queue for up to a minute after its deletion (SQS API
	// Reference, DeleteQueue).
	queueDeletionTime = 75 * time.Second
	// deletionTime is for IAM, Lambda and S3, which may report what was deleted for moments.
	deletionTime = 20 * time.Second
)

// Verify looks again for everything that could cost money or be misused.
func Verify(
	ctx context.Context, c *client.Cloud, v *Inventory, keepBuckets bool,
) ([]Finding, error) {
	var list []Finding
	add := func(name string, gone bool, err error) {
		f := Finding{Name: name, Remains: !gone}
		if err != nil && !gone {
			f.Reason = client.Reason(err)
		}
		list = append(list, f)
	}
	_, err := deployment.Find(ctx, c, v.Names)
	add("stack "+v.Names.Stack+" with its alarms and dashboard",
		errors.Is(err, deployment.ErrNotDeployed), err)
	gone, err := isGone(ctx, deletionTime, func() error {
		_, err := c.Function.GetFunction(ctx,
			&lambda.GetFunctionInput{FunctionName: &v.Names.Stack})
		return err
	}, "ResourceNotFoundException")
	add("function "+v.Names.Stack, gone, err)
	for _, role := range v.roles {
		gone, err := isGone(ctx, deletionTime, func() error {
			_, err := c.Identity.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
			return err
		}, "NoSuchEntity")
		add("role "+role, gone, err)
	}
	for _, q := range []string{v.FailureQueue(), v.WorkQueue()} {
		gone, err := isGone(ctx, queueDeletionTime, func() error {
			_, err := c.Queue.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q})
			return err
		}, client.NoQueue...)
		add("queue "+q, gone, err)
	}
	if v.ForeignLogGroup == "" {
		group, _, err := findLogGroup(ctx, c, v.Names)
		add("log group "+v.Names.LogGroup(), group == "" && err == nil, err)
	}
	for _, b := range v.Buckets {
		switch {
		case b.Ours && (!keepBuckets || b.Role == "code"):
			gone, err := isGone(ctx, deletionTime, func() error {
				_, err := c.Store.HeadBucket(ctx,
					&s3.HeadBucketInput{Bucket: &b.Name, ExpectedBucketOwner: &v.Account})
				return err
			}, "NotFound", "NoSuchBucket")
			add("bucket "+b.Name, gone, err)
		case b.Role == "source":
			cfg, err := trigger.Read(ctx, c, b.Name)
			if err != nil {
				add("notifications of "+b.Name, false, err)
				continue
			}
			ours, _ := trigger.Split(v.Names, trigger.Entries(cfg))
			add("notifications of "+b.Name, len(ours) == 0, nil)
		}
	}
	return list, ctx.Err()
}

// isGone calls get until it fails with one of the codes, which mean that the thing no longer
// exists, or until time is up. Any other error ends it at once.
func isGone(ctx context.Context, timeout time.Duration, get func() error, codes ...string) (bool,
	error) {
	end := time.Now().Add(timeout)
	for wait := minPoll; ; wait = min(2*wait, maxPoll) {
		err := get()
		if client.IsCode(err, codes...) {
			return true, nil
		}
		if err != nil || time.Now().After(end) {
			return false, err
		}
		if err := client.Sleep(ctx, wait); err != nil {
			return false, err
		}
	}
}

// Remaining lists the findings that still exist, or returns an empty text if none does.
func Remaining(list []Finding) string {
	var names []string
	for _, f := range list {
		if !f.Remains {
			continue
		}
		text := f.Name
		if f.Reason != "" {
			text += " (" + f.Reason + ")"
		}
		names = append(names, text)
	}
	return strings.Join(names, ", ")
}
