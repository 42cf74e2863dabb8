package stack

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func checkIdentity(ctx context.Context, p *patient) {
	id, err := p.WhoAmI(ctx)
	if err != nil {
		p.over = true
		if no, ok := errors.AsType[*NoAccessError](err); ok {
			p.fault(no.Advice, "%s", no.Reason)
			return
		}
		p.fault("set AWS_PROFILE, run aws sso login or aws configure", "no AWS credentials that work: %s", brief(err))
		return
	}
	p.account = id.Account
	who := id.ARN
	if id.Alias != "" {
		who += " (" + id.Alias + ")"
	}
	switch {
	case id.Root:
		p.warn("make an IAM user or use IAM Identity Center, and keep root's password away", "%s is the root user of the account, whom nothing can restrict", who)
	case id.NoMFA:
		p.warn("add an MFA device in IAM", "%s has no second factor", who)
	default:
		p.ok("%s in %s", who, p.Region)
	}
}

func checkStack(ctx context.Context, p *patient) {
	d, err := p.Find(ctx, p.names)
	if err != nil {
		p.over = true
		if errors.Is(err, ErrNotDeployed) {
			p.fault(p.again()+", or look elsewhere with --region", "there is no stack %s in %s", p.names.Stack, p.Region)
			return
		}
		p.unseen("the stack "+p.names.Stack, "cloudformation:DescribeStacks", err)
		return
	}
	p.d = d
	p.over = !d.Whole()
	status, reason := string(d.Status), ""
	if d.StatusReason != "" {
		reason = ": " + d.StatusReason
	}
	switch {
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		p.warn("wait, and look again", "%s is being changed (%s)", p.names.Stack, status)
	case d.Status == types.StackStatusUpdateRollbackComplete:
		p.warn(p.again(), "the last change of %s failed and was undone%s", p.names.Stack, reason)
	case strings.Contains(status, "ROLLBACK") || strings.HasSuffix(status, "_FAILED"):
		p.fault(p.again(), "%s is %s%s", p.names.Stack, status, reason)
	case p.over:
		p.fault(p.again(), "%s is %s and does not say what it holds: it lacks outputs of the template", p.names.Stack, status)
	default:
		p.ok("%s is %s", p.names.Stack, status)
	}
}

// Whole reports whether the stack says what it holds. One that was never finished does not.
func (d *Deployment) Whole() bool {
	return d.SourceBucket != "" && d.TargetBucket != "" && d.FunctionName != "" && d.LogGroup != "" && d.FailureQueue != ""
}

// checkAlarms goes by the stack: whether an alarm rings now is CloudWatch's to tell, and what it would ring for, the other checks.
func checkAlarms(ctx context.Context, p *patient) {
	want := []string{"ErrorsAlarm", "ThrottlesAlarm", "FailuresWaitingAlarm", "OldestFailureAlarm"}
	there := map[string]bool{}
	pages := cloudformation.NewListStackResourcesPaginator(p.Formation, &cloudformation.ListStackResourcesInput{StackName: &p.d.Stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			p.unseen("the parts of the stack", "cloudformation:ListStackResources", err)
			return
		}
		for _, r := range page.StackResourceSummaries {
			if r.ResourceStatus != types.ResourceStatusDeleteComplete {
				there[aws.ToString(r.LogicalResourceId)] = true
			}
		}
	}
	var missing []string
	for _, name := range want {
		if !there[name] {
			missing = append(missing, name)
		}
	}
	email := p.d.Parameters["AlarmEmail"]
	switch {
	case len(missing) > 0:
		p.warn(p.again(), "the stack lacks %s", strings.Join(missing, ", "))
	case email == "":
		p.ok("%d, shown in CloudWatch; nobody is mailed (imgmill deploy %s --email)", len(want), p.names.Name)
	default:
		p.ok("%d, mailed to %s once that address has confirmed", len(want), email)
	}
}
