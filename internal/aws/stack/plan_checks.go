package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/trigger"
)

// bucketRole describes one of the two buckets of pictures.
type bucketRole struct {
	role                            string // source or target
	nameKey, createKey, kmsKey, own string // three parameters, and the name of the bucket that a stack creates
}

func (p *Plan) buckets() []bucketRole {
	return []bucketRole{
		{"source", "SourceBucketName", "CreateSourceBucket", "SourceKmsKeyArn", p.InputBucket},
		{"target", "TargetBucketName", "CreateTargetBucket", "TargetKmsKeyArn", p.OutputBucket},
	}
}

// twoBuckets refuses one bucket for both.
func (p *Plan) twoBuckets() error {
	if p.Parameters["SourceBucketName"] != p.Parameters["TargetBucketName"] {
		return nil
	}
	return fmt.Errorf("source and target are one bucket, %s: a function that writes where it is triggered could call itself endlessly; use two buckets",
		p.Parameters["SourceBucketName"])
}

// planBuckets decides for both buckets whether the stack creates them.
func planBuckets(ctx context.Context, c *client.Cloud, p *Plan) error {
	for _, b := range p.buckets() {
		plan := planNewBucket
		if p.Current != nil {
			plan = checkCurrentBucket
		}
		if err := plan(ctx, c, p, b); err != nil {
			return err
		}
	}
	if err := p.twoBuckets(); err != nil {
		return err
	}
	noteNames(p)
	return noteForeign(ctx, c, p)
}

// noteNames says that the recipe names other buckets than the deployment's, which it does not use.
func noteNames(p *Plan) {
	source, target := p.Parameters["SourceBucketName"], p.Parameters["TargetBucketName"]
	r := p.Recipe
	if r.Nameless || r.Source.Bucket == source && r.Target.Bucket == target {
		return
	}
	how, flags := "add", ""
	if p.Current != nil {
		how = fmt.Sprintf("run imgmill destroy %s --keep-buckets, and deploy again with", p.Name)
	}
	if r.Source.Bucket != source {
		flags += " --source-bucket " + r.Source.Bucket
	}
	if r.Target.Bucket != target {
		flags += " --target-bucket " + r.Target.Bucket
	}
	p.note("The recipe names the buckets %s and %s, but %s reads %s and writes %s. To use those of the recipe, %s%s.",
		r.Source.Bucket, r.Target.Bucket, p.Name, source, target, how, flags)
}

// noteForeign warns about objects of others in a target bucket that exists.
func noteForeign(ctx context.Context, c *client.Cloud, p *Plan) error {
	if p.Current == nil && p.Parameters["CreateTargetBucket"] == "true" {
		return nil
	}
	target := p.Parameters["TargetBucketName"]
	f, err := deployment.FindForeign(ctx, c, p.Recipe, target)
	switch {
	case err != nil:
		p.note("Could not look for objects of others in bucket %s: %s.", target,
			strings.TrimSuffix(client.Reason(err), "."))
		return ctx.Err()
	case f.Found > 0:
		p.note("In bucket %s, %v: %s. Move them away, or use another bucket or target.key.", target, f,
			f.Consequence(p.Recipe))
	}
	return nil
}

// checkCurrentBucket checks a bucket of an existing deployment, which cannot be exchanged.
func checkCurrentBucket(ctx context.Context, c *client.Cloud, p *Plan, b bucketRole) error {
	name := cmp.Or(p.Current.Parameters[b.nameKey], b.own)
	if given := p.Given[b.nameKey]; given != "" && given != p.Current.Parameters[b.nameKey] {
		return fmt.Errorf("the %s bucket of %s is %s; to use another one, run imgmill destroy %s --keep-buckets and deploy again",
			b.role, p.Name, p.Current.Parameters[b.nameKey], p.Name)
	}
	p.Parameters[b.nameKey] = name
	found, err := findBucket(ctx, c, name, p.Account)
	if err != nil {
		return err
	}
	if !found.exists {
		return fmt.Errorf("the %s bucket %s no longer exists: run imgmill destroy %s, then deploy again",
			b.role, name, p.Name)
	}
	if slices.Contains(p.Current.CreatedBuckets(), name) && found.tag != p.Name {
		p.change("change", "bucket "+name, "its tag "+deployment.TagName+" is restored")
	}
	return nil
}

// planNewBucket plans a bucket of a new deployment: to create it, or to use an existing one.
func planNewBucket(ctx context.Context, c *client.Cloud, p *Plan, b bucketRole) error {
	given := p.Given[b.nameKey]
	name := cmp.Or(given, b.own)
	p.Parameters[b.nameKey] = name
	found, err := findBucket(ctx, c, name, p.Account)
	if err != nil {
		return err
	}
	p.Parameters[b.createKey] = strconv.FormatBool(!found.exists)
	switch {
	case !found.exists && given != "":
		return fmt.Errorf("bucket %s does not exist; without --%s-bucket, deploy creates one", name,
			b.role)
	case !found.exists:
		p.change("create", "bucket "+name, b.role+"; encrypted, not public, TLS only")
		return nil
	case found.tag == p.Name:
		p.change("attach", "bucket "+name, b.role+"; kept from an earlier deployment of this name")
	case given == "":
		return fmt.Errorf("bucket %s already exists and was not created by imgmill: to use it as it is, add --%s-bucket %s",
			name, b.role, name)
	default:
		p.change("attach", "bucket "+name, b.role+"; yours, its settings stay as they are")
	}
	if p.Parameters[b.kmsKey] == "" {
		key, err := deployment.KMSKey(ctx, c, name, p.Account)
		if err != nil {
			p.note("Could not read which KMS key encrypts bucket %s (%s): if it is a customer-managed key, add --%s-kms-key ARN.",
				name, client.Reason(err), b.role)
		}
		p.Parameters[b.kmsKey] = key
	}
	return nil
}

// planNotifications refuses notifications that S3 would refuse only at the very end.
func planNotifications(ctx context.Context, c *client.Cloud, p *Plan) error {
	function := fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", c.Partition(), c.Region, p.Account,
		p.Stack)
	queue := ""
	if p.Parameters["Trigger"] == "queue" {
		queue = fmt.Sprintf("arn:%s:sqs:%s:%s:%s", c.Partition(), c.Region, p.Account,
			p.WorkQueue())
	}
	p.wanted = trigger.Wanted(p.Names, p.Recipe, function, queue)
	source := p.Parameters["SourceBucketName"]
	if p.Parameters["CreateSourceBucket"] == "true" && p.Current == nil {
		p.change("create", "notifications", describe(p.wanted))
		return nil
	}
	current, err := trigger.Read(ctx, c, source)
	if err != nil {
		return err
	}
	ours, others := trigger.Split(p.Names, trigger.Entries(current))
	if n := len(others) + len(p.wanted); n > trigger.MaxEntries {
		return fmt.Errorf("bucket %s would have %d notifications, and S3 allows %d: list fewer suffixes in the recipe",
			source, n, trigger.MaxEntries)
	}
	var overlaps []error
	for _, o := range others {
		for _, w := range p.wanted {
			if trigger.Overlap(o, w) {
				overlaps = append(overlaps, fmt.Errorf("existing notification %v overlaps with %v",
					o, w))
				break
			}
		}
	}
	if len(overlaps) > 0 {
		return fmt.Errorf("bucket %s already sends notifications for some of these uploads, and S3 allows only one destination for a prefix and suffix; give the recipe another source.prefix or other suffixes, or send the existing notification to both through SNS or EventBridge:\n%w",
			source, errors.Join(overlaps...))
	}
	if !trigger.Same(ours, p.wanted) {
		action := "create"
		if len(ours) > 0 {
			action = "change"
		}
		detail := describe(p.wanted)
		if len(others) > 0 {
			detail += fmt.Sprintf("; the %d of others stay as they are", len(others))
		}
		p.change(action, "notifications", detail)
	}
	return nil
}

// describe lists the suffixes and the prefix of notifications.
func describe(list []trigger.Notification) string {
	var suffixes []string
	for _, n := range list {
		if n.Suffix != "" && n.Suffix == strings.ToLower(n.Suffix) {
			suffixes = append(suffixes, n.Suffix)
		}
	}
	text := "every object"
	if len(suffixes) > 0 {
		text = strings.Join(suffixes, " ") + ", also as " + strings.ToUpper(suffixes[0])
		if capital := capitalOf(list, suffixes[0]); capital != "" {
			text += " or " + capital
		}
	}
	if p := list[0].Prefix; p != "" {
		text += " below " + p
	}
	return text
}

// capitalOf returns the other spelling of a suffix that is neither in lower nor in upper case.
func capitalOf(list []trigger.Notification, suffix string) string {
	for _, n := range list {
		if strings.EqualFold(n.Suffix, suffix) && n.Suffix != suffix && n.Suffix != strings.ToUpper(suffix) {
			return n.Suffix
		}
	}
	return ""
}

// planConcurrency checks the reserved concurrency against the account's limit. Only what a person has
// asked for is refused: otherwise nothing is reserved where AWS would not allow it.
func planConcurrency(ctx context.Context, c *client.Cloud, p *Plan) error {
	reserve, err := strconv.Atoi(p.Parameters["ReservedConcurrency"])
	if err != nil {
		return err
	}
	queued := p.Parameters["Trigger"] == "queue"
	if p.Given["MaximumConcurrency"] != "" && !queued {
		return errors.New("--max-concurrency has no effect without a queue: add --trigger queue, or use --concurrency, which bounds the function itself")
	}
	if most, err := strconv.Atoi(p.Parameters["MaximumConcurrency"]); queued && reserve > 0 && reserve < most {
		return fmt.Errorf("--concurrency %d: the queue would pass events on to %d instances at a time, and those that Lambda refuses end as failures; add --max-concurrency %[1]d, or --concurrency 0, which reserves nothing",
			reserve, most)
	} else if err != nil {
		return err
	}
	out, err := c.Function.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil || out.AccountLimit == nil {
		if err != nil {
			p.note("Could not read how many function instances the account may run: %s.",
				strings.TrimSuffix(client.Reason(err), "."))
		}
		return ctx.Err()
	}
	limit := int(out.AccountLimit.ConcurrentExecutions)
	p.Unreserved = int(aws.ToInt32(out.AccountLimit.UnreservedConcurrentExecutions))
	if limit > 0 && limit < deployment.Unreservable {
		p.note("This account may run %d function instances at a time; further events wait. A higher limit is free: request it in Service Quotas.", limit)
	}
	before := 0
	if p.Current != nil {
		if own, err := strconv.Atoi(p.Current.Parameters["ReservedConcurrency"]); err == nil {
			before = own
			p.Unreserved += own
		}
	}
	switch most := max(0, p.Unreserved-deployment.Unreservable); {
	case reserve == 0 && !queued && most > 0:
		p.note("Up to %d instances may run at a time, and whoever may upload decides: add --concurrency %d to bound the cost.",
			p.Unreserved, min(10, most))
	case reserve <= most, reserve == before:
	case p.Given["ReservedConcurrency"] != "":
		return fmt.Errorf("--concurrency %d: this account may run %d instances, and AWS requires %d to stay unreserved, so at most %d can be reserved; leave the flag out, or use --trigger queue with --max-concurrency, which reserves nothing",
			reserve, limit, deployment.Unreservable, most)
	default:
		p.Parameters["ReservedConcurrency"] = "0"
		p.note("No instances are reserved for %s: AWS requires an account to keep %d unreserved, and this one has %d, which other functions share.",
			p.Name, deployment.Unreservable, p.Unreserved)
	}
	return nil
}

// planTrigger refuses a change of the trigger that would delete a queue with pending events.
func planTrigger(ctx context.Context, c *client.Cloud, p *Plan) error {
	if p.Current == nil || p.Current.WorkQueue == "" || p.Parameters["Trigger"] == "queue" {
		return nil
	}
	names := []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed}
	out, err := c.Queue.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &p.Current.WorkQueue, AttributeNames: names})
	if err != nil {
		p.note("This change deletes queue %s, and whether events are pending in it could not be read: %s.",
			p.WorkQueue(), strings.TrimSuffix(client.Reason(err), "."))
		return ctx.Err()
	}
	pending := 0
	for _, name := range names {
		n, _ := strconv.Atoi(out.Attributes[string(name)])
		pending += n
	}
	if pending > 0 {
		return fmt.Errorf("this change deletes queue %s, in which events are still pending (about %d); their pictures would get no variants: run the command again once they are processed (imgmill logs %s -f), or drop them with aws sqs purge-queue --queue-url %s",
			p.WorkQueue(), pending, p.Name, p.Current.WorkQueue)
	}
	return nil
}
