package stack

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const seeNotifications = "s3:GetBucketNotification"

// wanted are the notifications that the deployed recipe asks for; false if that cannot be known.
func (p *patient) wanted() ([]Notification, bool) {
	if p.code == nil || p.code.Recipe == nil {
		return nil, false
	}
	return Wanted(p.names, p.code.Recipe, p.d.FunctionARN, p.d.WorkQueueARN), true
}

// checkNotifications compares what the source bucket tells with what the recipe wants to be told. Entries with other IDs
// count if they tell it: those of the template used alone have such.
func checkNotifications(ctx context.Context, p *patient) {
	cfg, err := p.BucketNotifications(ctx, p.d.SourceBucket)
	switch {
	case isCode(err, "NoSuchBucket"):
		p.fault("make a bucket of that name, then "+p.again(), "the source bucket %s is gone", p.d.SourceBucket)
		return
	case err != nil:
		p.unseen("the notifications of "+p.d.SourceBucket, seeNotifications, err)
		return
	}
	wanted, known := p.wanted()
	if !known {
		p.unseen("which notifications the recipe wants", "s3:GetObject on the function's zip", p.codeErr)
		return
	}
	var ours []Notification
	for _, n := range Notifications(cfg) {
		if n.ARN == wanted[0].ARN {
			ours = append(ours, n)
		}
	}
	missing, extra := compareNotifications(wanted, ours)
	switch {
	case len(ours) == 0:
		p.fault(p.again(), "%s tells %s of nothing", p.d.SourceBucket, wanted[0].ARN)
	case len(missing) > 0:
		p.fault(p.again(), "%s does not tell of %s, which the recipe wants", p.d.SourceBucket, patterns(missing))
	case len(extra) > 0:
		p.warn(p.again(), "%s also tells of %s, which the recipe does not want: the function runs for nothing, or twice", p.d.SourceBucket, patterns(extra))
	default:
		p.ok("%s tells %s of %s", p.d.SourceBucket, wanted[0].ARN, patterns(ours))
	}
}

// compareNotifications gives the wanted entries that none covers, and those that are there and cover no wanted one.
func compareNotifications(wanted, there []Notification) (missing, extra []Notification) {
	covers := func(wide, narrow Notification) bool {
		return strings.HasPrefix(narrow.Prefix, wide.Prefix) && strings.HasSuffix(narrow.Suffix, wide.Suffix) &&
			!slices.ContainsFunc(narrow.Events, func(e string) bool { return !slices.Contains(wide.Events, e) })
	}
	// With the template's own notifications each event has an entry: the entries of one filter count together.
	var whole []Notification
	for _, t := range there {
		i := slices.IndexFunc(whole, func(w Notification) bool { return w.Prefix == t.Prefix && w.Suffix == t.Suffix })
		if i < 0 {
			t.Events = slices.Clone(t.Events)
			whole = append(whole, t)
			continue
		}
		whole[i].Events = append(whole[i].Events, t.Events...)
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(whole, func(t Notification) bool { return covers(t, w) }) {
			missing = append(missing, w)
		}
	}
	for _, t := range whole {
		useful := slices.ContainsFunc(wanted, func(w Notification) bool { return covers(t, w) || Overlap(t, w) })
		if !useful {
			extra = append(extra, t)
		}
	}
	return missing, extra
}

// patterns lists entries as glob patterns, each once.
func patterns(list []Notification) string {
	var all []string
	for _, n := range list {
		pattern := n.Prefix + "*" + n.Suffix
		if !slices.ContainsFunc(n.Events, func(e string) bool { return strings.HasPrefix(e, "s3:ObjectCreated") }) {
			pattern += " (" + strings.Join(n.Events, " ") + ")"
		}
		if !slices.Contains(all, pattern) {
			all = append(all, pattern)
		}
	}
	return strings.Join(all, " ")
}

// checkOverlap looks for others' notifications that catch the same pictures: S3 refuses ours beside them.
func checkOverlap(ctx context.Context, p *patient) {
	cfg, err := p.BucketNotifications(ctx, p.d.SourceBucket)
	wanted, known := p.wanted()
	if err != nil || !known {
		return // the check before has said so
	}
	foreign := 0
	clash := false
	for _, n := range Notifications(cfg) {
		if n.ARN == wanted[0].ARN {
			continue
		}
		foreign++
		if slices.ContainsFunc(wanted, func(w Notification) bool { return Overlap(w, n) }) {
			clash = true
			p.fault("give it a prefix or suffix apart from the recipe's, or feed both by EventBridge or an SNS topic; then "+p.again(),
				"%s of %s overlaps: S3 allows one destination for an event and takes no other beside it", n, p.d.SourceBucket)
		}
	}
	if !clash {
		p.ok("of %s on %s, none catches the recipe's pictures", countOf(foreign, "other notification"), p.d.SourceBucket)
	}
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// checkDelivery looks at the way from the queue to the function, or, where S3 calls it directly, at where failures go.
func checkDelivery(ctx context.Context, p *patient) {
	if p.d.WorkQueue == "" {
		checkDestination(ctx, p)
		return
	}
	out, err := p.Function.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{
		FunctionName: &p.d.FunctionName, EventSourceArn: &p.d.WorkQueueARN})
	if err != nil {
		p.unseen("whether the queue feeds the function", "lambda:ListEventSourceMappings", err)
		return
	}
	if len(out.EventSourceMappings) == 0 {
		p.fault(p.remake(), "nothing takes work from %s to the function: its event source mapping is gone", p.names.WorkQueue())
		return
	}
	m := out.EventSourceMappings[0]
	update := "aws lambda update-event-source-mapping --uuid " + aws.ToString(m.UUID)
	switch state := aws.ToString(m.State); {
	case state != "Enabled" && state != "Enabling" && state != "Updating" && state != "Creating":
		p.fault(update+" --enabled", "the event source mapping from %s is %s: work piles up in the queue", p.names.WorkQueue(), state)
	case !slices.Contains(m.FunctionResponseTypes, types.FunctionResponseTypeReportBatchItemFailures):
		p.fault(update+" --function-response-types ReportBatchItemFailures",
			"the event source mapping lacks ReportBatchItemFailures: a message that failed is deleted as if it were done")
	default:
		p.checkVisibility(ctx)
	}
}

// checkVisibility wants messages to be hidden for longer than the function may take, and those that fail to end in the failure
// queue.
func (p *patient) checkVisibility(ctx context.Context) {
	out, err := p.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &p.d.WorkQueue, AttributeNames: []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameVisibilityTimeout, sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameRedrivePolicy}})
	if err != nil {
		p.unseen("the queue "+p.names.WorkQueue(), "sqs:GetQueueAttributes", err)
		return
	}
	visibility, _ := strconv.Atoi(out.Attributes["VisibilityTimeout"])
	if p.function != nil && visibility < int(aws.ToInt32(p.function.Timeout)) {
		p.fault(fmt.Sprintf("aws sqs set-queue-attributes --queue-url %s --attributes VisibilityTimeout=%d", p.d.WorkQueue, 6*aws.ToInt32(p.function.Timeout)),
			"messages of %s come again after %d s, while the function may still be at them (%d s)", p.names.WorkQueue(), visibility, aws.ToInt32(p.function.Timeout))
		return
	}
	if !strings.Contains(out.Attributes["RedrivePolicy"], p.queueARN(p.names.FailureQueue())) {
		p.fault(p.remake(), "what fails in %s does not go to %s: it comes again until it is lost after days", p.names.WorkQueue(), p.names.FailureQueue())
		return
	}
	p.ok("%s feeds the function, %s waiting", p.names.WorkQueue(), out.Attributes["ApproximateNumberOfMessages"])
}

// checkDestination: an event that failed is kept only if there is a destination on failure.
func checkDestination(ctx context.Context, p *patient) {
	if p.functionErr != nil {
		return
	}
	out, err := p.Function.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{
		FunctionName: &p.d.FunctionName, Qualifier: aws.String("$LATEST")})
	want := p.queueARN(p.names.FailureQueue())
	to := ""
	switch {
	case isCode(err, "ResourceNotFoundException"):
	case err != nil:
		p.unseen("where failures go", "lambda:GetFunctionEventInvokeConfig", err)
		return
	case out.DestinationConfig != nil && out.DestinationConfig.OnFailure != nil:
		to = aws.ToString(out.DestinationConfig.OnFailure.Destination)
	}
	switch to {
	case want:
		p.ok("failures go to %s", p.names.FailureQueue())
	case "":
		p.fault(p.remake(), "failures go nowhere: what fails three times is lost")
	default:
		p.warn(p.remake(), "failures go to %s and not to %s", to, p.names.FailureQueue())
	}
}
