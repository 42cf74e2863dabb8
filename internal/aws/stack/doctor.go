package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// State is how bad a diagnosis is.
type State string

const (
	OK     State = "ok"
	Warn   State = "warn"   // it works, but not as it should or not for long
	Fault  State = "fault"  // it does not work, or is dangerous to leave so
	Unseen State = "unseen" // it could not be looked at
)

// Diagnosis is what one check found.
type Diagnosis struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // what helps; empty if there is nothing to do
}

// check looks at one thing. It tells at least one diagnosis unless what it is about does not exist in this deployment.
type check struct {
	name string
	look func(context.Context, *patient)
}

// checks stand in the order in which a picture meets what they look at; the first two end the rest if there is nothing to
// look at.
var checks = []check{
	{"identity", checkIdentity},
	{"stack", checkStack},
	{"notifications", checkNotifications},
	{"overlap", checkOverlap},
	{"permission", checkPermission},
	{"delivery", checkDelivery},
	{"function", checkFunction},
	{"code", checkCode},
	{"runtime", checkRuntime},
	{"environment", checkEnvironment},
	{"concurrency", checkConcurrency},
	{"role", checkRole},
	{"encryption", checkEncryption},
	{"recursion", checkRecursion},
	{"public access", checkPublic},
	{"failures", checkFailures},
	{"log", checkLog},
	{"alarms", checkAlarms},
}

// Examine looks at a deployment from its credentials to its alarms and tells of each check as it is made. What one check cannot
// see does not keep the others from looking. It changes nothing. The error is that of ctx.
func (c *Cloud) Examine(ctx context.Context, n Names, tell func(Diagnosis)) error {
	p := &patient{Cloud: c, names: n, tell: tell}
	for _, check := range checks {
		p.check = check.name
		check.look(ctx, p)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p.over {
			return nil
		}
		if p.check == "stack" {
			p.read(ctx)
		}
	}
	return nil
}

// patient is a deployment under examination, and what more than one check looks at.
type patient struct {
	*Cloud
	names   Names
	d       *Deployment
	account string
	over    bool // there is nothing more to look at

	function    *lambda.GetFunctionConfigurationOutput // nil: functionErr
	functionErr error
	code        *Code // nil or incomplete: codeErr
	codeErr     error

	check string // that looks now
	tell  func(Diagnosis)
}

// read gets what several checks need.
func (p *patient) read(ctx context.Context) {
	p.function, p.functionErr = p.Function.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &p.d.FunctionName})
	p.code, p.codeErr = p.Code(ctx, p.d)
}

func (p *patient) ok(format string, args ...any) {
	p.tell(Diagnosis{p.check, OK, fmt.Sprintf(format, args...), ""})
}

// warn and fault take what helps first.
func (p *patient) warn(do, format string, args ...any) {
	p.tell(Diagnosis{p.check, Warn, fmt.Sprintf(format, args...), do})
}

func (p *patient) fault(do, format string, args ...any) {
	p.tell(Diagnosis{p.check, Fault, fmt.Sprintf(format, args...), do})
}

// unseen tells that a call failed which needs a permission of the caller.
func (p *patient) unseen(what, action string, err error) {
	if isDenied(err) {
		p.tell(Diagnosis{p.check, Unseen, "cannot see " + what + ": needs " + action, "ask for a policy that allows you " + action})
		return
	}
	p.tell(Diagnosis{p.check, Unseen, fmt.Sprintf("cannot see %s: %s", what, strings.Join(strings.Fields(brief(err)), " ")), ""})
}

// isDenied reports whether a service refused the caller.
func isDenied(err error) bool {
	if isCode(err, "AccessDenied", "AccessDeniedException", "AccessDeniedFault", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError") {
		return true
	}
	answer, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() == http.StatusForbidden
}

// remake is what helps where something of the stack was changed or deleted by hand: CloudFormation leaves that as it is. A new
// deployment knows nothing of the old one's settings, so that they are named.
func (p *patient) remake() string {
	return fmt.Sprintf("imgmill destroy %s --keep-buckets, then imgmill deploy %[1]s%s with the recipe: a stack does not mend what was changed by hand", p.names.Name, p.d.settings())
}

// settings are the flags by which a deployment was made: all that are not as the template has them.
func (d *Deployment) settings() string {
	known, err := Parameters()
	if err != nil {
		return "" // the template is part of the program, and tested
	}
	text := ""
	for _, f := range Flags {
		value, def := d.Parameters[f.Parameter], known[f.Parameter].Default
		switch {
		case value == "", def != nil && value == *def:
		case f.Parameter == "SourceBucketName" && value == d.InputBucket, f.Parameter == "TargetBucketName" && value == d.OutputBucket:
		default:
			text += " --" + f.Flag + " " + value
		}
	}
	return text
}

// again is what helps where a deploy sets things right.
func (p *patient) again() string { return "imgmill deploy " + p.names.Name }

func (p *patient) bucketARN(name string) string {
	return fmt.Sprintf("arn:%s:s3:::%s", p.partition(), name)
}

func (p *patient) queueARN(name string) string {
	return fmt.Sprintf("arn:%s:sqs:%s:%s:%s", p.partition(), p.Region, p.account, name)
}
