package stack

import (
	"cmp"
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

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/template"
	"github.com/imgmill/imgmill/internal/aws/trigger"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Settings describe the deployment that a person asks for.
type Settings struct {
	deployment.Names
	Account string
	Recipe  *recipe.Recipe
	// Given holds values of the template's parameters. A parameter that is not given keeps its
	// current value, or for a new deployment has the template's default. SourceBucketName and
	// TargetBucketName name existing buckets to use.
	Given map[string]string
	// Tags are those of the stack and of everything in it, beside deployment.TagName; nil keeps those of
	// the deployment.
	Tags map[string]string
	// Getenv reads the environment variables that hold the recipe's secrets.
	Getenv func(string) string
}

// Plan is what Apply will do. Creating a plan changes nothing.
type Plan struct {
	Settings
	Region string
	// Current is the deployment that exists, or nil if there is nothing to keep.
	Current *deployment.Deployment
	// Broken is the rest of a failed deployment, which is deleted first, or nil.
	Broken *deployment.Deployment
	// Parameters of the stack are complete except for CodeKey, which SetZip adds.
	Parameters map[string]string
	Changes    []Change
	// Unreserved is how many instances the account leaves to functions without a reservation.
	Unreserved int
	// Notes are what a person should know before agreeing.
	Notes []string

	wanted []trigger.Notification // with the ARNs that the stack will have
	zip    []byte
	draft  bool
}

// Change is one line of a plan.
type Change struct {
	Action string `json:"what"` // create, change or attach
	Part   string `json:"part"`
	Detail string `json:"how,omitempty"`
}

// NewPlan compares the settings with what exists and works out what to do. The error explains what
// prevents it.
func NewPlan(ctx context.Context, c *client.Cloud, s Settings) (*Plan, error) {
	p := &Plan{Settings: s, Region: c.Region, Parameters: map[string]string{},
		Unreserved: deployment.DefaultAccountLimit}
	if err := p.findCurrent(ctx, c); err != nil {
		return nil, err
	}
	if err := p.chooseParameters(); err != nil {
		return nil, err
	}
	p.keepTags()
	for _, step := range []func(context.Context, *client.Cloud, *Plan) error{planBuckets, planAccess,
		planNotifications, planConcurrency, planTrigger} {
		if err := step(ctx, c, p); err != nil {
			return nil, err
		}
	}
	usd := p.Parameters["MonthlyBudgetUSD"]
	if usd != "0" && p.Parameters["AlarmEmail"] == "" {
		p.note("The budget has nobody to notify: add --email.")
	}
	if usd != "0" && (p.Current == nil || p.Current.Parameters["MonthlyBudgetUSD"] != usd) {
		p.note("The budget counts costs that carry the tag %s, and only from the day you activate that tag: in the console under Billing, Cost allocation tags, where it appears within a day.",
			deployment.TagName)
	}
	p.compare()
	return p, compareTemplate(ctx, c, p)
}

// Draft returns the plan of a new deployment without a look at AWS: buckets that are named exist, and
// nothing else. It has no secrets, and cannot be applied.
func Draft(s Settings) (*Plan, error) {
	p := &Plan{Settings: s, Parameters: map[string]string{}, draft: true}
	if err := p.chooseParameters(); err != nil {
		return nil, err
	}
	for _, b := range p.buckets() {
		given := p.Given[b.nameKey]
		p.Parameters[b.nameKey] = cmp.Or(given, b.own)
		p.Parameters[b.createKey] = strconv.FormatBool(given == "")
	}
	p.Parameters["SourceObjectArns"], p.Parameters["TargetObjectArns"] = deployment.Access(p.Recipe, "aws",
		p.Parameters["SourceBucketName"], p.Parameters["TargetBucketName"])
	noteNames(p)
	return p, p.twoBuckets()
}

// Notifications are those that the recipe needs, to no destination.
func (p *Plan) Notifications() []trigger.Notification {
	return trigger.Wanted(p.Names, p.Recipe, "", "")
}

// findCurrent reads the deployment that exists and refuses a stack that imgmill did not create.
func (p *Plan) findCurrent(ctx context.Context, c *client.Cloud) error {
	current, err := deployment.FindAny(ctx, c, p.Names)
	if errors.Is(err, deployment.ErrNotDeployed) {
		return nil
	}
	if unseen, ok := errors.AsType[*deployment.UnseenError](err); ok && unseen.Denied {
		p.note("It is unknown whether another tool, such as Terraform, keeps %s already, because you lack %s; if one does, CloudFormation refuses a second function of that name.",
			p.Stack, unseen.Action)
		return nil
	}
	if err != nil {
		return err
	}
	if err := checkKeeper(ctx, c, current, "change it with that one, and print its file again with --stack, or choose another name"); err != nil {
		return err
	}
	if current.Broken() {
		p.Broken = current
		p.note("An earlier attempt left the stack in state %s; it is deleted first.",
			current.Status)
		return nil
	}
	p.Current = current
	if current.Status == types.StackStatusUpdateRollbackFailed {
		p.change("change", "stack "+p.Stack, "the rollback of an earlier change is completed first")
	}
	return nil
}

// checkKeeper refuses a deployment that another tool keeps, in a stack or without one, and says what to do; and a
// stack that checkOwner refuses.
func checkKeeper(ctx context.Context, c *client.Cloud, d *deployment.Deployment, advice string) error {
	if d.StackID != "" {
		if err := checkOwner(ctx, c, d); err != nil {
			return err
		}
	}
	if d.Elsewhere() {
		return fmt.Errorf("%s was deployed by another tool, such as sam, cdk or terraform: %s", d.Stack, advice)
	}
	return nil
}

// checkOwner refuses a stack that does not carry our tag.
func checkOwner(ctx context.Context, c *client.Cloud, d *deployment.Deployment) error {
	if d.Tags[deployment.TagName] == d.Name {
		return nil
	}
	foreign := fmt.Errorf("stack %s already exists and was not created by imgmill (it lacks the tag %s=%s): choose another name",
		d.Stack, deployment.TagName, d.Name)
	if d.Status != types.StackStatusReviewInProgress || len(d.Tags) > 0 {
		return foreign
	}
	// AWS may show no tags for a stack that was never executed; the names of its change sets then
	// identify the owner.
	sets, err := c.Formation.ListChangeSets(ctx,
		&cloudformation.ListChangeSetsInput{StackName: &d.Stack})
	if err != nil {
		return fmt.Errorf("list the change sets of stack %s: %w", d.Stack, err)
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

func (p *Plan) change(action, part, detail string) {
	p.Changes = append(p.Changes, Change{action, part, detail})
}

// chooseParameters sets the parameters. In rising precedence: defaults, current values, given
// values, and what follows from the recipe.
func (p *Plan) chooseParameters() error {
	known, err := deployment.Parameters()
	if err != nil {
		return err
	}
	for name, parameter := range known {
		if parameter.Default != nil {
			p.Parameters[name] = *parameter.Default
		}
		if p.Current != nil {
			if v, ok := p.Current.Parameters[name]; ok {
				p.Parameters[name] = v
			}
		}
	}
	maps.Copy(p.Parameters, p.Given)
	p.chooseConcurrency(*known["ReservedConcurrency"].Default)
	p.Parameters["ImgmillName"] = p.Name
	p.Parameters["CodeBucket"] = p.CodeBucket
	p.Parameters["NotifyFromTemplate"] = "false"
	p.Parameters["OnRemove"] = string(p.Recipe.OnRemove)
	p.Parameters["RemoveReplaced"] = strconv.FormatBool(p.Recipe.Hashed() && p.Recipe.Target.KeepReplaced != recipe.Forever)
	p.Parameters["SetTags"] = strconv.FormatBool(len(p.Recipe.Target.Attributes.Tags) > 0)
	p.Parameters["GateTags"] = strconv.FormatBool(len(p.Recipe.Gates.Tags) > 0)
	p.Parameters["GateRekognition"] = strconv.FormatBool(p.Recipe.Gates.Rekognition != nil)
	p.Parameters["FocalTag"] = strconv.FormatBool(p.Recipe.FocalTag != "")
	p.Parameters["SetAcl"] = strconv.FormatBool(p.Recipe.Target.Attributes.ACL != "")
	p.Parameters["ReadOverlays"] = strconv.FormatBool(len(p.Recipe.Overlays()) > 0)
	delete(p.Parameters, "CodeKey")
	errs := p.chooseNotify()
	for name, value := range p.Parameters {
		if name == secretsParameter && value == hidden {
			continue
		}
		if err := known[name].Check(value); err != nil {
			errs = append(errs, fmt.Errorf("%s %w", name, err))
		}
	}
	if limit, err := strconv.Atoi(p.Parameters["TimeoutSeconds"]); err == nil &&
		p.Recipe.Limits.Timeout.Seconds() > float64(limit) {
		p.note("The recipe allows %v for a picture, but Lambda ends the function after %d s: raise --timeout, or lower limits.timeout.",
			p.Recipe.Limits.Timeout, limit)
	}
	if mb, err := strconv.Atoi(p.Parameters["MemoryMB"]); err == nil {
		switch m := p.Recipe.FitsFunction(mb); {
		case m == nil:
		case m.Fatal:
			errs = append(errs, fmt.Errorf("%s: %s", m.Text, m.Advice("add --memory")))
		default:
			p.note("%s: %s.", m.Text, m.Advice("add --memory"))
		}
	}
	return errors.Join(errs...)
}

// chooseConcurrency bounds the instances of a new deployment, or of one with another trigger. What a
// queue passes on is bounded already, so that nothing has to be taken from other functions.
func (p *Plan) chooseConcurrency(reserved string) {
	if p.Given["ReservedConcurrency"] != "" ||
		p.Current != nil && p.Current.Parameters["Trigger"] == p.Parameters["Trigger"] {
		return
	}
	if p.Parameters["Trigger"] == "queue" {
		reserved = "0"
	}
	p.Parameters["ReservedConcurrency"] = reserved
}

// keepTags keeps the tags of the deployment unless others are given.
func (p *Plan) keepTags() {
	if p.Tags == nil && p.Current != nil {
		p.Tags = p.Current.OwnTags()
	}
}

// planAccess limits the function's role to the objects that the recipe reads and writes.
func planAccess(_ context.Context, c *client.Cloud, p *Plan) error {
	p.Parameters["SourceObjectArns"], p.Parameters["TargetObjectArns"] = deployment.Access(p.Recipe, c.Partition(),
		p.Parameters["SourceBucketName"], p.Parameters["TargetBucketName"])
	return nil
}

// Arch is the function's architecture as Go names it.
func (p *Plan) Arch() string {
	if p.Parameters["Architecture"] == "x86_64" {
		return "amd64"
	}
	return "arm64"
}

// SetZip adds the function's zip to the plan. Its key is derived from its bytes, so the stack
// changes exactly when the zip does.
func (p *Plan) SetZip(zip []byte) {
	p.zip = zip
	sum := sha256.Sum256(zip)
	key := fmt.Sprintf("bootstrap-%x-%s.zip", sum[:8], p.Arch())
	p.Parameters["CodeKey"] = key
	switch {
	case p.Current == nil:
		p.change("create", "bucket "+p.CodeBucket, "holds the function's code")
	case p.Current.Parameters["CodeKey"] != key:
		p.change("change", "code and recipe", key)
	}
}

// compare adds the changes in the stack itself.
func (p *Plan) compare() {
	if p.Current == nil {
		p.createAll()
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		if before, after := p.Current.Parameters[name], p.Parameters[name]; before != after {
			if name == secretsParameter {
				if after != "" { // otherwise there may have been none before
					p.change("change", "secrets of notify", "as the environment has them")
				}
				continue
			}
			none := "(none)"
			if strings.HasSuffix(name, "ObjectArns") {
				none = "all of the bucket"
			}
			p.change("change", cmp.Or(words[name], name), cmp.Or(plain(before), none)+" -> "+cmp.Or(plain(after), none))
		}
	}
	if before, after := deployment.TagsText(p.Current.OwnTags()), deployment.TagsText(p.Tags); before != after {
		p.change("change", "tags", cmp.Or(before, "(none)")+" -> "+cmp.Or(after, "(none)"))
	}
	if before := p.Current.Parameters["Trigger"]; before != p.Parameters["Trigger"] {
		p.note("Uploads may be missed for about a minute while the trigger changes.")
	}
}

// words name the parameters of the template that may change.
var words = map[string]string{
	"AlarmEmail": "address of alarms", "Architecture": "processor", "AuditSchedule": "audit",
	"EphemeralStorageMB": "/tmp in MB", "FocalTag": "right to read tags of uploads, for focal_tag",
	"GateRekognition": "right to ask Rekognition, for gates.rekognition", "GateTags": "right to read tags of uploads, for gates.tag",
	"LogRetentionDays": "days to keep the log", "MaximumConcurrency": "instances that the queue passes events on to",
	"MemoryMB": "memory in MB", "MonthlyBudgetUSD": "budget in dollars a month",
	"Notify": "right to remove events that are sent", "NotifyBusArns": "event buses of notify",
	"NotifyQueueArns": "queues of notify", "NotifySecrets": "secrets of notify", "NotifyTopicArns": "topics of notify",
	"OnRemove": "variants of removed uploads", "PermissionsBoundaryArn": "permissions boundary",
	"ReadOverlays":   "right to read overlays, for watermark",
	"RemoveReplaced": "right to delete replaced variants", "ReservedConcurrency": "reserved instances",
	"SetAcl": "right to set the ACL of variants", "SetTags": "right to tag variants",
	"SourceKmsKeyArn": "KMS key of the source", "SourceObjectArns": "objects that the role may read",
	"TargetKmsKeyArn": "KMS key of the target", "TargetObjectArns": "objects that the role may write",
	"TimeoutSeconds": "timeout in seconds", "Trigger": "trigger",
}

// plain returns the value of a parameter as a person reads it.
func plain(value string) string {
	switch value {
	case "true":
		return "yes"
	case "false":
		return "no"
	}
	if strings.HasPrefix(value, "arn:") && strings.Contains(value, ":s3:::") {
		var keys []string
		for arn := range strings.SplitSeq(value, ",") {
			_, key, _ := strings.Cut(arn, ":::")
			keys = append(keys, key)
		}
		return strings.Join(keys, ", ")
	}
	return value
}

// createAll lists what a new stack creates.
func (p *Plan) createAll() {
	p.change("create", "function "+p.Stack, fmt.Sprintf("%s, %s MB, %s s, %s, at most %d at a time",
		p.Parameters["Architecture"], p.Parameters["MemoryMB"], p.Parameters["TimeoutSeconds"],
		p.Parameters["Trigger"], deployment.Instances(p.Parameters, p.Unreserved)))
	p.change("create", "role",
		"reads "+roleMay(p.Parameters["SourceObjectArns"], "the source")+"; reads and writes "+
			roleMay(p.Parameters["TargetObjectArns"], "the target")+", its own log and queues")
	p.change("create", "role for S3 Batch Operations", "invokes the function, for sync --via s3-batch")
	p.change("create", "log group "+p.LogGroup(), p.Parameters["LogRetentionDays"]+" days")
	p.change("create", "queue "+p.FailureQueue(), "failed events, kept 14 days")
	if p.Parameters["Trigger"] == "queue" {
		p.change("create", "queue "+p.WorkQueue(), "events to process")
	}
	p.change("create", "6 alarms and a dashboard", cmp.Or(p.Parameters["AlarmEmail"], "in CloudWatch; --email ADDRESS sends you the alarms"))
	if len(p.Tags) > 0 {
		p.change("create", "tags of all parts", deployment.TagsText(p.Tags))
	}
	if usd := p.Parameters["MonthlyBudgetUSD"]; usd != "0" {
		p.change("create", "budget "+p.Stack, "$"+usd+" a month")
	}
	if p.Parameters["AlarmEmail"] != "" {
		p.note("AWS sends one message to %s; alarms arrive once the link in it has been opened.",
			p.Parameters["AlarmEmail"])
	}
}

// roleMay names the objects of a list of ARNs, or the whole bucket if there is none.
func roleMay(arns, bucket string) string {
	if arns == "" {
		return bucket
	}
	return plain(arns)
}

// compareTemplate adds a change if another version of the template created the stack.
func compareTemplate(ctx context.Context, c *client.Cloud, p *Plan) error {
	if p.Current == nil {
		return nil
	}
	out, err := c.Formation.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &p.Stack,
		TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		p.change("change", "template", "if it differs; it could not be read: "+client.Reason(err))
		return ctx.Err()
	}
	if strings.TrimSpace(aws.ToString(out.TemplateBody)) != strings.TrimSpace(template.Template) {
		p.change("change", "template", "to the one of this version")
	}
	return nil
}
