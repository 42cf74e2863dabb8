package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Remains are all that there is of a deployment, whole or in parts.
type Remains struct {
	Names
	Account  string
	Stack    *Deployment // nil if it is gone
	LogGroup string      // name; empty if it is gone or goes with the stack
	Foreign  string      // a log group of that name that does not carry the deployment's tag, and stays
	Buckets  []BucketRemains
	Notified []string // buckets that carry notifications of the deployment
	roles    []string // names, as the stack has them
}

// BucketRemains is a bucket that the deployment uses, or that is called as one of its would be.
type BucketRemains struct {
	Name    string `json:"name"`
	Role    string `json:"role"`    // source, target or code
	Ours    bool   `json:"ours"`    // carries the deployment's tag; what does not is never deleted
	Objects int    `json:"objects"` // versions and delete markers
	Bytes   int64  `json:"bytes"`
	More    bool   `json:"more,omitempty"`   // counting was ended, there is more
	Others  int    `json:"others,omitempty"` // notifications of somebody else's, of a source bucket
}

// Nothing reports whether there is nothing to take away.
func (r *Remains) Nothing() bool {
	for _, b := range r.Buckets {
		if b.Ours {
			return false
		}
	}
	return r.OnlyBuckets()
}

// OnlyBuckets reports whether nothing is left but a source and a target bucket.
func (r *Remains) OnlyBuckets() bool {
	for _, b := range r.Buckets {
		if b.Ours && b.Role == "code" {
			return false
		}
	}
	return r.Stack == nil && r.LogGroup == "" && len(r.Notified) == 0
}

// Remains looks for all that deploy makes. A source bucket that was attached is known from the stack; where that is gone
// already, its name can be given.
func (c *Cloud) Remains(ctx context.Context, n Names, account, source string) (*Remains, error) {
	r := &Remains{Names: n, Account: account}
	d, err := c.Find(ctx, n)
	if err != nil && !errors.Is(err, ErrNotDeployed) {
		return nil, err
	}
	target := ""
	if d != nil {
		if err := c.ours(ctx, d); err != nil {
			return nil, err
		}
		if d.Protected {
			return nil, fmt.Errorf("stack %s is protected from being deleted, so nothing was touched: aws cloudformation update-termination-protection --stack-name %[1]s --no-enable-termination-protection --region %s, then run the same command again", d.Stack, c.Region)
		}
		r.Stack = d
		if r.roles, err = c.rolesOf(ctx, d); err != nil {
			return nil, err
		}
		source, target = or(d.Parameters["SourceBucketName"], source), d.Parameters["TargetBucketName"]
	}
	for _, b := range []struct{ name, role string }{
		{or(source, n.InputBucket), "source"}, {or(target, n.OutputBucket), "target"}, {n.CodeBucket, "code"},
	} {
		if err := c.remainsOfBucket(ctx, r, b.name, b.role); err != nil {
			return nil, err
		}
	}
	if r.Stack != nil {
		return r, nil
	}
	name, ours, err := c.logGroup(ctx, n)
	if ours {
		r.LogGroup = name
	} else {
		r.Foreign = name
	}
	return r, err
}

func (c *Cloud) remainsOfBucket(ctx context.Context, r *Remains, name, role string) error {
	there, err := c.look(ctx, name, r.Account)
	var taken *takenError
	switch {
	case errors.As(err, &taken) && r.Stack != nil && (slices.Contains(r.Stack.made(), name) || name == r.Stack.Parameters["CodeBucket"]):
		return fmt.Errorf("bucket %s belongs to stack %s, but you may not see it, so nothing was touched: use credentials that may list, empty and delete it", name, r.Stack.Stack)
	case errors.As(err, &taken), err == nil && !there.exists:
		return nil // what belongs to another account was not made by us
	case err != nil:
		return err
	}
	b := BucketRemains{Name: name, Role: role, Ours: there.tag == r.Name}
	if b.Ours {
		if b.Objects, b.Bytes, b.More, err = c.count(ctx, name); err != nil {
			return err
		}
	}
	if role == "source" {
		cfg, err := c.BucketNotifications(ctx, name)
		if err != nil {
			return err
		}
		ours, others := r.Split(Notifications(cfg))
		if b.Others = len(others); len(ours) > 0 {
			r.Notified = append(r.Notified, name)
		}
	}
	r.Buckets = append(r.Buckets, b)
	return nil
}

// rolesOf are the names of a stack's roles, which CloudFormation makes up.
func (c *Cloud) rolesOf(ctx context.Context, d *Deployment) ([]string, error) {
	var names []string
	pages := cloudformation.NewListStackResourcesPaginator(c.Formation, &cloudformation.ListStackResourcesInput{StackName: &d.StackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the resources of stack %s: %w", d.Stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			if aws.ToString(r.ResourceType) == "AWS::IAM::Role" && aws.ToString(r.PhysicalResourceId) != "" {
				names = append(names, *r.PhysicalResourceId)
			}
		}
	}
	return names, nil
}

// logGroup finds the function's log group, which the function may have outlived, and whether it carries our tag. Tags that may
// not be seen are none.
func (c *Cloud) logGroup(ctx context.Context, n Names) (name string, ours bool, err error) {
	name = "/aws/lambda/" + n.Stack
	out, err := c.Logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	if err != nil {
		return "", false, fmt.Errorf("look for log group %s: %w", name, err)
	}
	for _, g := range out.LogGroups {
		if aws.ToString(g.LogGroupName) != name {
			continue
		}
		id := strings.TrimSuffix(aws.ToString(g.Arn), ":*")
		tags, err := c.Logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &id})
		return name, err == nil && tags.Tags[TagName] == n.Name, ctx.Err()
	}
	return "", false, nil
}

// Remove takes away what Remains found: notifications first, so that nothing tells a function that is gone; then the stack,
// so that nothing writes; then what buckets hold. With keep, the source and target bucket stay as they are. It can be
// interrupted and called again.
func (c *Cloud) Remove(ctx context.Context, r *Remains, keep bool, tell Tell) error {
	for _, b := range r.Notified {
		if _, err := c.notify(ctx, r.Names, b, nil); err != nil {
			return err
		}
		tell(Event{Part: "notifications of " + b, Status: "taken off"})
	}
	if r.Stack != nil {
		if err := c.deleteStack(ctx, r.Stack, tell); err != nil {
			return err
		}
	}
	group, ours, err := c.logGroup(ctx, r.Names)
	if err != nil {
		return err
	}
	if group != "" && (ours || r.Stack != nil && r.Foreign == "") { // beside a stack of ours it is our function's, tagged or not
		if _, err := c.Logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group}); err != nil && !isCode(err, "ResourceNotFoundException") {
			return fmt.Errorf("delete log group %s: %w", group, err)
		}
		tell(Event{Part: "log group " + group, Status: "deleted"})
	}
	for _, b := range r.Buckets {
		if !b.Ours || keep && b.Role != "code" {
			continue
		}
		if err := c.deleteBucket(ctx, r, b.Name, tell); err != nil {
			return err
		}
	}
	return nil
}

// deleteBucket empties and deletes a bucket, once more if something was uploaded in between.
func (c *Cloud) deleteBucket(ctx context.Context, r *Remains, name string, tell Tell) error {
	// The look before was before the question, and the answer may have taken an hour.
	there, err := c.look(ctx, name, r.Account)
	if err != nil || !there.exists {
		return err
	}
	if there.tag != r.Name {
		return fmt.Errorf("bucket %s no longer carries the tag %s=%s: it stays", name, TagName, r.Name)
	}
	for range 3 {
		if err = c.empty(ctx, name); err != nil {
			return err
		}
		if _, err = c.Store.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name}); !isCode(err, "BucketNotEmpty") {
			break
		}
	}
	if err != nil && !isCode(err, "NoSuchBucket") {
		return fmt.Errorf("delete bucket %s: %w", name, err)
	}
	tell(Event{Part: "bucket " + name, Status: "deleted"})
	return nil
}

// Finding is one thing that was looked for after everything was taken away.
type Finding struct {
	What string `json:"what"`
	Left bool   `json:"left"`
	Why  string `json:"why,omitempty"` // also of what could not be looked at, which counts as left
}

const (
	// queuePatience: SQS goes on naming a queue for up to a minute after its deletion (SQS API, DeleteQueue).
	queuePatience = 75 * time.Second
	// gonePatience is for IAM, Lambda and S3, which show for moments what was deleted.
	gonePatience = 20 * time.Second
)

// Verify looks again for everything that could cost money or be misused.
func (c *Cloud) Verify(ctx context.Context, r *Remains, keep bool) ([]Finding, error) {
	var list []Finding
	add := func(what string, missing bool, err error) {
		f := Finding{What: what, Left: !missing}
		if err != nil && !missing {
			f.Why = brief(err)
		}
		list = append(list, f)
	}
	_, err := c.Find(ctx, r.Names)
	add("stack "+r.Names.Stack+" with its alarms and dashboard", errors.Is(err, ErrNotDeployed), err)
	gone, err := isGone(ctx, gonePatience, func() error {
		_, err := c.Function.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &r.Names.Stack})
		return err
	}, "ResourceNotFoundException")
	add("function "+r.Names.Stack, gone, err)
	for _, role := range r.roles {
		gone, err := isGone(ctx, gonePatience, func() error {
			_, err := c.Identity.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
			return err
		}, "NoSuchEntity")
		add("role "+role, gone, err)
	}
	for _, q := range []string{r.FailureQueue(), r.WorkQueue()} {
		gone, err := isGone(ctx, queuePatience, func() error {
			_, err := c.Queue.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q})
			return err
		}, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
		add("queue "+q, gone, err)
	}
	if r.Foreign == "" {
		group, _, err := c.logGroup(ctx, r.Names)
		add("log group /aws/lambda/"+r.Names.Stack, group == "" && err == nil, err)
	}
	for _, b := range r.Buckets {
		switch {
		case b.Ours && (!keep || b.Role == "code"):
			gone, err := isGone(ctx, gonePatience, func() error {
				_, err := c.Store.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.Name, ExpectedBucketOwner: &r.Account})
				return err
			}, "NotFound", "NoSuchBucket")
			add("bucket "+b.Name, gone, err)
		case b.Role == "source":
			cfg, err := c.BucketNotifications(ctx, b.Name)
			if err != nil {
				add("notifications of "+b.Name, false, err)
				continue
			}
			ours, _ := r.Split(Notifications(cfg))
			add("notifications of "+b.Name, len(ours) == 0, nil)
		}
	}
	return list, ctx.Err()
}

// isGone asks for something until the answer is one of these codes, which say that it is not there, or patience ends.
func isGone(ctx context.Context, patience time.Duration, ask func() error, codes ...string) (bool, error) {
	end := time.Now().Add(patience)
	for wait := shortWait; ; wait = min(2*wait, longWait) {
		err := ask()
		if isCode(err, codes...) {
			return true, nil
		}
		if err != nil || time.Now().After(end) {
			return false, err
		}
		if err := sleep(ctx, wait); err != nil {
			return false, err
		}
	}
}

// Left are the findings that are still there, in one sentence; empty if none is.
func Left(list []Finding) string {
	var left []string
	for _, f := range list {
		if !f.Left {
			continue
		}
		text := f.What
		if f.Why != "" {
			text += " (" + f.Why + ")"
		}
		left = append(left, text)
	}
	return strings.Join(left, ", ")
}
