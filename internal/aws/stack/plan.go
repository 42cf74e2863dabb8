package stack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/template"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Settings are what a person wants a deployment to be.
type Settings struct {
	Names
	Account string
	Recipe  *recipe.Recipe
	// Given are values of the template's parameters. What is not given stays as the deployment has it, or is the
	// template's default. SourceBucketName and TargetBucketName name buckets that are there, to attach to.
	Given map[string]string
}

// Plan is what Make will do. To make one changes nothing.
type Plan struct {
	Settings
	Region     string
	Now        *Deployment       // what stands; nil if there is nothing to keep
	Broken     *Deployment       // what an earlier attempt left, to be removed first; nil if nothing
	Parameters map[string]string // of the stack, whole but for CodeKey, which Carry adds
	Changes    []Change
	Notes      []string // what a person should know before agreeing

	wanted []Notification // with ARNs as they will be
	zip    []byte
}

// Change is one line of a plan.
type Change struct {
	What string `json:"what"` // make, change, attach, keep
	Part string `json:"part"`
	How  string `json:"how,omitempty"`
}

// broken are the states of a stack that holds nothing of worth and cannot be updated: its creation failed, or its removal.
var broken = []types.StackStatus{
	types.StackStatusReviewInProgress, types.StackStatusCreateFailed, types.StackStatusRollbackComplete,
	types.StackStatusRollbackFailed, types.StackStatusDeleteFailed,
}

// Broken reports whether the stack is in such a state.
func (d *Deployment) Broken() bool { return slices.Contains(broken, d.Status) }

// Plan looks at what there is and works out what is to be done. The error is a sentence about what stands in the way.
func (c *Cloud) Plan(ctx context.Context, s Settings) (*Plan, error) {
	p := &Plan{Settings: s, Region: c.Region, Parameters: map[string]string{}}
	now, err := c.Find(ctx, s.Names)
	switch {
	case errors.Is(err, ErrNotDeployed):
	case err != nil:
		return nil, err
	default:
		if err := c.ours(ctx, now); err != nil {
			return nil, err
		}
		if now.Broken() {
			p.Broken = now
			p.note("An earlier attempt left the stack %s; it is removed first.", now.Status)
		} else {
			p.Now = now
		}
		if now.Status == types.StackStatusUpdateRollbackFailed {
			p.change("change", "stack "+p.Stack, "the undoing of an earlier change is brought to its end first")
		}
	}
	if err := p.choose(); err != nil {
		return nil, err
	}
	if err := c.planBuckets(ctx, p); err != nil {
		return nil, err
	}
	if err := c.planNotifications(ctx, p); err != nil {
		return nil, err
	}
	if err := c.planConcurrency(ctx, p); err != nil {
		return nil, err
	}
	if err := c.planTrigger(ctx, p); err != nil {
		return nil, err
	}
	if p.Parameters["MonthlyBudgetUSD"] != "0" && p.Parameters["AlarmEmail"] == "" {
		p.note("The budget tells nobody: add --email.")
	}
	if usd := p.Parameters["MonthlyBudgetUSD"]; usd != "0" && (p.Now == nil || p.Now.Parameters["MonthlyBudgetUSD"] != usd) {
		p.note("The budget sees what carries the tag %s, and that only from the day on which you activate the tag: Billing, Cost allocation tags, where it appears within a day.", TagName)
	}
	p.compare()
	return p, c.compareTemplate(ctx, p)
}

// ours refuses a stack that does not carry our tag.
func (c *Cloud) ours(ctx context.Context, d *Deployment) error {
	if d.Tags[TagName] == d.Name {
		return nil
	}
	foreign := fmt.Errorf("stack %s is there and was not made by imgmill (it lacks the tag %s=%s): choose another name", d.Stack, TagName, d.Name)
	if d.Status != types.StackStatusReviewInProgress || len(d.Tags) > 0 {
		return foreign
	}
	// Of a stack that was never executed AWS may show no tags; its change sets tell whose it is.
	sets, err := c.Formation.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: &d.Stack})
	if err != nil {
		return fmt.Errorf("list the change sets of %s: %w", d.Stack, err)
	}
	for _, s := range sets.Summaries {
		if !strings.HasPrefix(aws.ToString(s.ChangeSetName), changeSetPrefix) {
			return foreign
		}
	}
	return nil
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

func (p *Plan) change(what, part, how string) { p.Changes = append(p.Changes, Change{what, part, how}) }

// choose settles the parameters: defaults, then what stands, then what is given, then what follows from the recipe.
func (p *Plan) choose() error {
	known, err := Parameters()
	if err != nil {
		return err
	}
	for name, parameter := range known {
		if parameter.Default != nil {
			p.Parameters[name] = *parameter.Default
		}
		if p.Now != nil {
			if v, ok := p.Now.Parameters[name]; ok {
				p.Parameters[name] = v
			}
		}
	}
	maps.Copy(p.Parameters, p.Given)
	p.Parameters["ImgmillName"] = p.Name
	p.Parameters["CodeBucket"] = p.CodeBucket
	p.Parameters["NotifyFromTemplate"] = "false"
	p.Parameters["OnRemove"] = string(p.Recipe.OnRemove)
	delete(p.Parameters, "CodeKey")
	var errs []error
	for name, value := range p.Parameters {
		if err := known[name].Check(value); err != nil {
			errs = append(errs, fmt.Errorf("%s %w", name, err))
		}
	}
	if limit, err := strconv.Atoi(p.Parameters["TimeoutSeconds"]); err == nil && p.Recipe.Limits.Timeout.Seconds() > float64(limit) {
		p.note("The recipe gives a picture %v, but the function ends after %d s: raise --timeout, or lower limits.timeout.", p.Recipe.Limits.Timeout, limit)
	}
	return errors.Join(errs...)
}

// Arch is the function's architecture as Go names it.
func (p *Plan) Arch() string {
	if p.Parameters["Architecture"] == "x86_64" {
		return "amd64"
	}
	return "arm64"
}

// Carry adds the function's zip. Its key is made of its bytes, so that the stack changes exactly when the zip does.
func (p *Plan) Carry(zip []byte) {
	p.zip = zip
	sum := sha256.Sum256(zip)
	key := fmt.Sprintf("bootstrap-%x-%s.zip", sum[:8], p.Arch())
	p.Parameters["CodeKey"] = key
	switch {
	case p.Now == nil:
		p.change("make", "bucket "+p.CodeBucket, "holds the function's code")
	case p.Now.Parameters["CodeKey"] != key:
		p.change("change", "code and recipe", key)
	}
}

// planBuckets decides of both buckets whether the stack makes them.
func (c *Cloud) planBuckets(ctx context.Context, p *Plan) error {
	for _, b := range []struct{ noun, name, create, key, made string }{
		{"source", "SourceBucketName", "CreateSourceBucket", "SourceKmsKeyArn", p.InputBucket},
		{"target", "TargetBucketName", "CreateTargetBucket", "TargetKmsKeyArn", p.OutputBucket},
	} {
		given := p.Given[b.name]
		if p.Now != nil {
			if at := p.Now.Parameters[b.name]; given != "" && given != at {
				return fmt.Errorf("%s has %s as its %s bucket; to move it, run imgmill destroy %s --keep-buckets and deploy it anew", p.Name, at, b.noun, p.Name)
			}
			given = p.Now.Parameters[b.name]
		}
		name := given
		if name == "" {
			name = b.made
		}
		p.Parameters[b.name] = name
		there, err := c.look(ctx, name, p.Account)
		if err != nil {
			return err
		}
		if p.Now != nil {
			if !there.exists {
				return fmt.Errorf("the %s bucket %s is gone, deleted by hand: run imgmill destroy %s, then deploy it anew", b.noun, name, p.Name)
			}
			if slices.Contains(p.Now.made(), name) && there.tag != p.Name {
				p.change("change", "bucket "+name, "gets back its tag "+TagName)
			}
			continue
		}
		p.Parameters[b.create] = strconv.FormatBool(!there.exists)
		switch {
		case !there.exists && given != "":
			return fmt.Errorf("there is no bucket %s to attach to; without --%s-bucket one is made", name, b.noun)
		case !there.exists:
			p.change("make", "bucket "+name, b.noun+"; encrypted, not public, TLS only")
			continue
		case there.tag == p.Name:
			p.change("attach", "bucket "+name, b.noun+"; kept from an earlier deployment of this name")
		case given == "":
			return fmt.Errorf("bucket %s is there and was not made by imgmill: to use it as it is, add --%s-bucket %s", name, b.noun, name)
		default:
			p.change("attach", "bucket "+name, b.noun+"; yours, its settings stay as they are")
		}
		if p.Parameters[b.key] == "" {
			key, err := c.kmsKey(ctx, name, p.Account)
			if err != nil {
				p.note("Which KMS key bucket %s encrypts with could not be seen (%s): if it is one of your own, add --%s-kms-key ARN.", name, brief(err), b.noun)
			}
			p.Parameters[b.key] = key
		}
	}
	if p.Parameters["SourceBucketName"] == p.Parameters["TargetBucketName"] {
		return fmt.Errorf("source and target are one bucket, %s: a function that writes where it is told of writes could call itself for ever; use two", p.Parameters["SourceBucketName"])
	}
	return nil
}

// planNotifications refuses what S3 would refuse at the very end.
func (c *Cloud) planNotifications(ctx context.Context, p *Plan) error {
	function := fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", c.partition(), c.Region, p.Account, p.Stack)
	queue := ""
	if p.Parameters["Trigger"] == "queue" {
		queue = fmt.Sprintf("arn:%s:sqs:%s:%s:%s", c.partition(), c.Region, p.Account, p.WorkQueue())
	}
	p.wanted = Wanted(p.Names, p.Recipe, function, queue)
	source := p.Parameters["SourceBucketName"]
	if p.Parameters["CreateSourceBucket"] == "true" && p.Now == nil {
		p.change("make", "notifications", describe(p.wanted))
		return nil
	}
	there, err := c.BucketNotifications(ctx, source)
	if err != nil {
		return err
	}
	ours, foreign := p.Split(Notifications(there))
	if n := len(foreign) + len(p.wanted); n > maxNotifications {
		return fmt.Errorf("bucket %s would have %d notifications, and S3 takes %d: name fewer suffixes in the recipe", source, n, maxNotifications)
	}
	var clashes []error
	for _, f := range foreign {
		for _, w := range p.wanted {
			if Overlap(f, w) {
				clashes = append(clashes, fmt.Errorf("%v is there and overlaps with %v", f, w))
				break
			}
		}
	}
	if len(clashes) > 0 {
		return fmt.Errorf("bucket %s cannot tell two of the same upload, S3 allows one notification for a prefix and suffix; give the recipe another source.prefix or other suffixes, or let the one there go through SNS or EventBridge to both:\n%w", source, errors.Join(clashes...))
	}
	if !SameNotifications(ours, p.wanted) {
		what := "make"
		if len(ours) > 0 {
			what = "change"
		}
		how := describe(p.wanted)
		if len(foreign) > 0 {
			how += fmt.Sprintf("; the %d there stay as they are", len(foreign))
		}
		p.change(what, "notifications", how)
	}
	return nil
}

func describe(list []Notification) string {
	var suffixes []string
	for _, n := range list {
		if n.Suffix != "" {
			suffixes = append(suffixes, n.Suffix)
		}
	}
	text := strings.Join(suffixes, " ")
	if text == "" {
		text = "every object"
	}
	if p := list[0].Prefix; p != "" {
		text += " below " + p
	}
	return text
}

// unreservable is what AWS keeps of an account's concurrency for functions that reserve none (Lambda Developer Guide,
// "Configuring reserved concurrency for a function").
const unreservable = 100

// planConcurrency holds what is to be reserved against the account's limit.
func (c *Cloud) planConcurrency(ctx context.Context, p *Plan) error {
	out, err := c.Function.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil || out.AccountLimit == nil {
		if err != nil {
			p.note("How many instances of functions the account may run could not be seen: %s.", strings.TrimSuffix(brief(err), "."))
		}
		return ctx.Err()
	}
	limit, free := int(out.AccountLimit.ConcurrentExecutions), int(aws.ToInt32(out.AccountLimit.UnreservedConcurrentExecutions))
	if limit > 0 && limit < unreservable {
		p.note("This account may run %d instances of functions at a time; what comes faster waits. Service Quotas raises that, at no cost.", limit)
	}
	reserve, err := strconv.Atoi(p.Parameters["ReservedConcurrency"])
	if err != nil || reserve == 0 {
		return err
	}
	if p.Now != nil {
		own, err := strconv.Atoi(p.Now.Parameters["ReservedConcurrency"])
		if err == nil {
			free += own
		}
	}
	if most := max(0, free-unreservable); reserve > most {
		return fmt.Errorf("--concurrency %d: this account may run %d instances, of which AWS wants %d unreserved, so at most %d can be reserved; leave it out, or use --trigger queue with --max-concurrency, which reserves nothing", reserve, limit, unreservable, most)
	}
	return nil
}

// planTrigger keeps a change of the trigger from taking a queue away in which work waits.
func (c *Cloud) planTrigger(ctx context.Context, p *Plan) error {
	if p.Now == nil || p.Now.WorkQueue == "" || p.Parameters["Trigger"] == "queue" {
		return nil
	}
	names := []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible, sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed}
	out, err := c.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &p.Now.WorkQueue, AttributeNames: names})
	if err != nil {
		p.note("Whether work waits in queue %s, which goes with this change, could not be seen: %s.", p.WorkQueue(), strings.TrimSuffix(brief(err), "."))
		return ctx.Err()
	}
	waiting := 0
	for _, name := range names {
		n, _ := strconv.Atoi(out.Attributes[string(name)])
		waiting += n
	}
	if waiting > 0 {
		return fmt.Errorf("queue %s goes with this change and still holds about %s, whose pictures would not be made: run it again once that is done (imgmill logs %s -f), or give it up with aws sqs purge-queue --queue-url %s", p.WorkQueue(), countOf(waiting, "event"), p.Name, p.Now.WorkQueue)
	}
	return nil
}

// compare adds what changes in the stack.
func (p *Plan) compare() {
	if p.Now == nil {
		p.change("make", "function "+p.Stack, fmt.Sprintf("%s, %s MB, %s s, %s", p.Parameters["Architecture"], p.Parameters["MemoryMB"], p.Parameters["TimeoutSeconds"], p.Parameters["Trigger"]))
		p.change("make", "role", "reads the source, writes and reads the target, its own log and queues")
		p.change("make", "log group /aws/lambda/"+p.Stack, p.Parameters["LogRetentionDays"]+" days")
		p.change("make", "queue "+p.FailureQueue(), "what could not be done, 14 days")
		if p.Parameters["Trigger"] == "queue" {
			p.change("make", "queue "+p.WorkQueue(), "what is to be done")
		}
		p.change("make", "4 alarms and a dashboard", p.Parameters["AlarmEmail"])
		if usd := p.Parameters["MonthlyBudgetUSD"]; usd != "0" {
			p.change("make", "budget "+p.Stack, "$"+usd+" a month")
		}
		if p.Parameters["AlarmEmail"] != "" {
			p.note("AWS writes to %s once; alarms arrive after the link in it is followed.", p.Parameters["AlarmEmail"])
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		if was, is := p.Now.Parameters[name], p.Parameters[name]; was != is {
			p.change("change", name, fmt.Sprintf("%s -> %s", or(was, "(none)"), or(is, "(none)")))
		}
	}
	if was := p.Now.Parameters["Trigger"]; was != p.Parameters["Trigger"] {
		p.note("Uploads in the minute between the old trigger and the new one may be missed.")
	}
}

func or(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

// compareTemplate says whether the stack was made by another version of the template.
func (c *Cloud) compareTemplate(ctx context.Context, p *Plan) error {
	if p.Now == nil {
		return nil
	}
	out, err := c.Formation.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &p.Stack, TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		p.change("change", "template", "if it differs, which could not be seen: "+brief(err))
		return ctx.Err()
	}
	if strings.TrimSpace(aws.ToString(out.TemplateBody)) != strings.TrimSpace(template.Template) {
		p.change("change", "template", "to that of this version")
	}
	return nil
}
