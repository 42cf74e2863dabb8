package doctor

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
)

func checkIdentity(ctx context.Context, e *examination) {
	id, err := e.WhoAmI(ctx)
	if err != nil {
		e.ended = true
		if no, ok := errors.AsType[*client.NoAccessError](err); ok {
			e.fault(no.Advice, "%s", no.Reason)
			return
		}
		e.fault("run aws login, or aws sso login, or set AWS_PROFILE",
			"no valid AWS credentials: %s", client.Reason(err))
		return
	}
	e.account = id.Account
	who := id.ARN
	if id.Alias != "" {
		who += " (" + id.Alias + ")"
	}
	switch {
	case id.Root:
		e.warn("create an IAM user or use IAM Identity Center, and lock the root user's password away",
			"%s is the root user of the account, whom no policy restricts", who)
	case id.NoMFA:
		e.warn("add an MFA device in IAM", "%s has no MFA device", who)
	default:
		e.ok("%s in %s", who, e.Region)
	}
}

func checkStack(ctx context.Context, e *examination) {
	d, err := deployment.FindAny(ctx, e.Cloud, e.names)
	if err != nil {
		e.ended = true
		if errors.Is(err, deployment.ErrNotDeployed) {
			e.fault(e.redeploy()+", or name another region with --region",
				"there is no stack %s in %s", e.names.Stack, e.Region)
			return
		}
		if unseen, ok := errors.AsType[*deployment.UnseenError](err); ok {
			e.unseen("the function "+e.names.Stack+", and there is no stack of that name", unseen.Action, err)
			return
		}
		e.unseen("the stack "+e.names.Stack, "cloudformation:DescribeStacks", err)
		return
	}
	e.d = d
	e.ended = !d.Complete()
	if d.StackID == "" {
		if e.ended {
			e.fault(e.redeploy(), "there is no stack %s, and its function does not know its buckets", e.names.Stack)
			return
		}
		e.ok("there is no stack %s; another tool keeps the deployment", e.names.Stack)
		return
	}
	status, reason := string(d.Status), ""
	if d.StatusReason != "" {
		reason = ": " + d.StatusReason
	}
	switch {
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		e.warn("wait, then run the same command again", "%s is being changed (%s)", e.names.Stack,
			status)
	case d.Status == types.StackStatusUpdateRollbackComplete:
		e.warn(e.redeploy(), "the last change of %s failed and was rolled back%s", e.names.Stack,
			reason)
	case strings.Contains(status, "ROLLBACK") || strings.HasSuffix(status, "_FAILED"):
		e.fault(e.redeploy(), "%s is %s%s", e.names.Stack, status, reason)
	case e.ended:
		e.fault(e.redeploy(), "%s is %s, but lacks outputs of the template", e.names.Stack, status)
	default:
		e.ok("%s is %s", e.names.Stack, status)
	}
}

// checkAlarms looks for the alarms in the stack; in one that another tool keeps, for those that its template has.
// Whether one is in alarm is for CloudWatch to show, and its cause for the other checks.
func checkAlarms(ctx context.Context, e *examination) {
	if e.d.StackID == "" {
		return // nothing lists what the other tool has made
	}
	there := map[string]bool{} // by name in the template: whether a resource that is listed exists
	pages := cloudformation.NewListStackResourcesPaginator(e.Formation,
		&cloudformation.ListStackResourcesInput{StackName: &e.d.Stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			e.unseen("the resources of the stack", "cloudformation:ListStackResources", err)
			return
		}
		for _, r := range page.StackResourceSummaries {
			there[templateID(aws.ToString(r.LogicalResourceId))] = r.ResourceStatus != types.ResourceStatusDeleteComplete &&
				r.ResourceStatus != types.ResourceStatusCreateFailed
		}
	}
	var alarms, missing []string
	for _, name := range alarmIDs {
		exists, listed := there[name]
		optional := name == "AuditAlarm" && e.d.Parameters["AuditSchedule"] == "" || e.d.Elsewhere()
		if !listed && optional {
			continue
		}
		if alarms = append(alarms, name); !exists {
			missing = append(missing, name)
		}
	}
	to, how := e.d.Parameters["AlarmEmail"], "imgmill deploy "+e.names.Name+" --email ADDRESS"
	if e.d.Elsewhere() {
		how = "AlarmEmail of the template"
		if to == "" && there["AlarmSubscription"] {
			to = "an address"
		}
	}
	switch {
	case len(alarms) == 0:
	case len(missing) > 0:
		e.warn(e.redeploy(), "the stack lacks %s", strings.Join(missing, ", "))
	case to == "":
		e.ok("%d, shown in CloudWatch but not sent to anybody (%s)", len(alarms), how)
	default:
		e.ok("%d, sent to %s once that address is confirmed", len(alarms), to)
	}
}

// alarmIDs are the alarms of the template.
var alarmIDs = []string{"ErrorsAlarm", "ThrottlesAlarm", "BusyAlarm", "FailuresWaitingAlarm", "OldestFailureAlarm",
	"BadPicturesAlarm", "AuditAlarm"}

// cdkID is a logical ID that the CDK gives to a resource of the template: the path of the construct, and a hash.
var cdkID = regexp.MustCompile(`^.+?Resources(\w+)[0-9A-F]{8}$`)

// templateID returns the ID that a resource has in the template.
func templateID(logical string) string {
	if m := cdkID.FindStringSubmatch(logical); m != nil {
		return m[1]
	}
	return logical
}
