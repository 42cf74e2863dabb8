package stack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Notification is one entry of a bucket's notification configuration, whatever it goes to.
type Notification struct {
	ID     string
	ARN    string // of the topic, queue or function
	Events []string
	Prefix string // of the key, as the filter has it: form-encoded
	Suffix string // likewise
}

// String names the entry as a person finds it in the console.
func (n Notification) String() string {
	return fmt.Sprintf("%s (%s, prefix %q, suffix %q) to %s", n.ID, strings.Join(n.Events, " "), n.Prefix, n.Suffix, n.ARN)
}

// maxNotifications is S3's limit on the entries of one bucket.
const maxNotifications = 100

// Wanted are the notifications by which the source bucket tells the deployment of pictures: one for each suffix of the
// recipe in lower and in upper case, since S3 compares case, or a single one without a suffix if the recipe tells pictures
// by their bytes. They go to the work queue if there is one, else to the function; both are ARNs.
func Wanted(n Names, r *recipe.Recipe, function, workQueue string) []Notification {
	events := []string{"s3:ObjectCreated:*"}
	if r.OnRemove == recipe.Remove {
		events = append(events, "s3:ObjectRemoved:*")
	}
	to := function
	if workQueue != "" {
		to = workQueue
	}
	var list []Notification
	for _, s := range filterSuffixes(r.Source.Suffixes) {
		id := n.Stack + "-" + strings.TrimPrefix(s, ".")
		if s == "" {
			id = n.Stack + "-all"
		}
		list = append(list, Notification{id, to, events, filterValue(r.Source.Prefix), filterValue(s)})
	}
	return list
}

// filterSuffixes are the suffixes in both cases, less those that another one covers: S3 refuses entries that overlap.
func filterSuffixes(suffixes []string) []string {
	if len(suffixes) == 0 {
		return []string{""}
	}
	var all []string
	for _, s := range suffixes {
		all = append(all, strings.ToLower(s), strings.ToUpper(s))
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(a) - len(b) })
	var list []string
	for _, s := range all {
		if !slices.ContainsFunc(list, func(shorter string) bool { return strings.HasSuffix(s, shorter) }) {
			list = append(list, s)
		}
	}
	return list
}

// filterValue encodes text for a filter: S3 wants spaces as + and special characters percent-encoded (S3 guide, Configuring
// event notifications using object key name filtering).
func filterValue(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }

// Owns reports whether an entry is the deployment's. An ID alone does not say: imgmill-a- also starts the IDs of a
// deployment named a-b.
func (n Names) Owns(x Notification) bool {
	to, err := arn.Parse(x.ARN)
	if err != nil || !strings.HasPrefix(x.ID, n.Stack+"-") {
		return false
	}
	return to.Service == "lambda" && to.Resource == "function:"+n.Stack || to.Service == "sqs" && to.Resource == n.WorkQueue()
}

// WorkQueue is the name of the queue between bucket and function, if the trigger is a queue.
func (n Names) WorkQueue() string { return n.Stack + "-work" }

// FailureQueue is the name of the queue that takes what the function could not do.
func (n Names) FailureQueue() string { return n.Stack + "-failures" }

// Notifications lists the entries of a configuration.
func Notifications(cfg *types.NotificationConfiguration) []Notification {
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

func entry(id, to *string, events []types.Event, filter *types.NotificationConfigurationFilter) Notification {
	n := Notification{ID: aws.ToString(id), ARN: aws.ToString(to)}
	for _, e := range events {
		n.Events = append(n.Events, string(e))
	}
	if filter == nil || filter.Key == nil {
		return n
	}
	for _, rule := range filter.Key.FilterRules {
		switch strings.ToLower(string(rule.Name)) { // S3 answers Prefix to what was put as prefix
		case "prefix":
			n.Prefix = aws.ToString(rule.Value)
		case "suffix":
			n.Suffix = aws.ToString(rule.Value)
		}
	}
	return n
}

// Overlap reports whether S3 would refuse both entries on one bucket: an event in common, and a key that both filters
// let through by S3's rule, which compares prefixes and suffixes each for itself.
func Overlap(a, b Notification) bool {
	if !startsOther(a.Prefix, b.Prefix, strings.HasPrefix) || !startsOther(a.Suffix, b.Suffix, strings.HasSuffix) {
		return false
	}
	for _, x := range a.Events {
		for _, y := range b.Events {
			x, anyX := strings.CutSuffix(x, "*")
			y, anyY := strings.CutSuffix(y, "*")
			if x == y || anyX && strings.HasPrefix(y, x) || anyY && strings.HasPrefix(x, y) {
				return true
			}
		}
	}
	return false
}

func startsOther(a, b string, has func(string, string) bool) bool { return has(a, b) || has(b, a) }

// merged gives the configuration with the deployment's entries replaced by the wanted ones and all others as they are.
func merged(n Names, there *types.NotificationConfiguration, wanted []Notification) *types.NotificationConfiguration {
	cfg := &types.NotificationConfiguration{
		EventBridgeConfiguration: there.EventBridgeConfiguration,
		TopicConfigurations:      there.TopicConfigurations,
	}
	for _, c := range there.QueueConfigurations {
		if !n.Owns(entry(c.Id, c.QueueArn, c.Events, c.Filter)) {
			cfg.QueueConfigurations = append(cfg.QueueConfigurations, c)
		}
	}
	for _, c := range there.LambdaFunctionConfigurations {
		if !n.Owns(entry(c.Id, c.LambdaFunctionArn, c.Events, c.Filter)) {
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
				Id: aws.String(w.ID), QueueArn: aws.String(w.ARN), Events: events, Filter: filter(w)})
		} else {
			cfg.LambdaFunctionConfigurations = append(cfg.LambdaFunctionConfigurations, types.LambdaFunctionConfiguration{
				Id: aws.String(w.ID), LambdaFunctionArn: aws.String(w.ARN), Events: events, Filter: filter(w)})
		}
	}
	return cfg
}

func filter(w Notification) *types.NotificationConfigurationFilter {
	var rules []types.FilterRule
	if w.Prefix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNamePrefix, Value: aws.String(w.Prefix)})
	}
	if w.Suffix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNameSuffix, Value: aws.String(w.Suffix)})
	}
	if rules == nil {
		return nil
	}
	return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: rules}}
}

// SameNotifications reports whether two lists hold the same entries in any order.
func SameNotifications(a, b []Notification) bool {
	return slices.Equal(texts(a), texts(b))
}

func texts(list []Notification) []string {
	var all []string
	for _, n := range list {
		n.Events = slices.Sorted(slices.Values(n.Events))
		all = append(all, n.String())
	}
	slices.Sort(all)
	return all
}

// BucketNotifications reads a bucket's notification configuration.
func (c *Cloud) BucketNotifications(ctx context.Context, bucket string) (*types.NotificationConfiguration, error) {
	out, err := c.Store.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	if err != nil {
		return nil, fmt.Errorf("read the notifications of %s: %w", bucket, err)
	}
	return &types.NotificationConfiguration{
		EventBridgeConfiguration: out.EventBridgeConfiguration, TopicConfigurations: out.TopicConfigurations,
		QueueConfigurations: out.QueueConfigurations, LambdaFunctionConfigurations: out.LambdaFunctionConfigurations,
	}, nil
}

// notifyPatience is how long a permission that was given a moment ago may take to be seen by S3, and how long it may be busy.
const notifyPatience = 2 * time.Minute

// notify makes the deployment's entries on a bucket the wanted ones and reports whether that changed anything.
func (c *Cloud) notify(ctx context.Context, n Names, bucket string, wanted []Notification) (bool, error) {
	end := time.Now().Add(notifyPatience)
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		there, err := c.BucketNotifications(ctx, bucket)
		if err != nil {
			return false, err
		}
		if ours, _ := n.Split(Notifications(there)); SameNotifications(ours, wanted) {
			return false, nil
		}
		err = c.writeNotifications(ctx, bucket, merged(n, there, wanted), len(wanted) == 0)
		if err == nil || !mayPass(err) || time.Now().After(end) {
			return err == nil, err
		}
		if err := sleep(ctx, wait); err != nil {
			return false, err
		}
	}
}

// writeNotifications asks once. S3 has no conditional write for this, so the time since the reading is kept short: whoever tries
// again has to read again.
func (c *Cloud) writeNotifications(ctx context.Context, bucket string, cfg *types.NotificationConfiguration, unchecked bool) error {
	_, err := c.Store.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, NotificationConfiguration: cfg,
		// Taking off must work although another's destination is gone by now: S3 would check that as well.
		SkipDestinationValidation: &unchecked,
	}, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return fmt.Errorf("write the notifications of %s: %w", bucket, err)
	}
	return nil
}

// mayPass: what the SDK would try again, two writers at a time, or a new permission that S3 does not see yet.
func mayPass(err error) bool {
	if noConnection(err) != nil {
		return false
	}
	return notYetValid(err) || isCode(err, "OperationAborted") || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// Split tells the deployment's entries from the others.
func (n Names) Split(list []Notification) (ours, foreign []Notification) {
	for _, x := range list {
		if n.Owns(x) {
			ours = append(ours, x)
		} else {
			foreign = append(foreign, x)
		}
	}
	return ours, foreign
}

// notYetValid: S3 asks Lambda or SQS whether it may send there, and a new permission takes seconds to be seen.
func notYetValid(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "Unable to validate the following destination configurations")
}

// sleep waits, or gives the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
