// Package doctor examines a deployment and reports what is wrong with it, each fault with the
// command or the step that repairs it.
//
// It changes nothing. A check that lacks a permission reports which one it needs, and the other
// checks go on. What the role and the bucket may do is decided from policy documents (package
// policy).
package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// State is the severity of a diagnosis.
type State string

const (
	// OK means that the check found no fault.
	OK State = "ok"
	// Warn means that the deployment works, but not as it should, or not for long.
	Warn State = "warn"
	// Fault means that the deployment does not work, or that the state is dangerous.
	Fault State = "fault"
	// Unseen means that the check could not read what it needs.
	Unseen State = "unseen"
)

// Diagnosis is the result of one check.
type Diagnosis struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Text  string `json:"text"`
	// Advice is a command or a step that helps. It is empty if there is nothing to do.
	Advice string `json:"do,omitempty"`
}

// check examines one thing. It reports at least one diagnosis unless the deployment does not have
// that thing.
type check struct {
	name string
	run  func(context.Context, *examination)
}

// checks are in the order in which a picture meets what they examine. The first two end the
// examination if there is nothing to examine.
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
	{"memory", checkMemory},
	{"environment", checkEnvironment},
	{"concurrency", checkConcurrency},
	{"role", checkRole},
	{"events", checkEvents},
	{"encryption", checkEncryption},
	{"recursion", checkRecursion},
	{"target", checkTarget},
	{"watermarks", checkOverlays},
	{"public access", checkPublic},
	{"failures", checkFailures},
	{"log", checkLog},
	{"alarms", checkAlarms},
}

// Examine runs all checks on a deployment and reports each diagnosis as it is made. A check that
// fails does not keep the others from running. It changes nothing. The error is that of ctx.
func Examine(ctx context.Context, c *client.Cloud, n deployment.Names,
	report func(Diagnosis)) error {
	e := &examination{Cloud: c, names: n, report: report}
	for _, check := range checks {
		e.check = check.name
		check.run(ctx, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if e.ended {
			return nil
		}
		if e.check == "stack" {
			e.readShared(ctx)
		}
	}
	return nil
}

// examination is a deployment under examination, with what several checks need.
type examination struct {
	*client.Cloud
	names   deployment.Names
	d       *deployment.Deployment
	account string
	ended   bool // there is nothing more to examine

	function    *lambda.GetFunctionConfigurationOutput // nil if functionErr is not
	functionErr error
	code        *deployment.Code // nil or incomplete if codeErr is not nil
	codeErr     error

	check  string // the one that runs
	report func(Diagnosis)
}

// readShared reads what several checks need.
func (e *examination) readShared(ctx context.Context) {
	e.function, e.functionErr = e.Function.GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: &e.d.FunctionName})
	e.code, e.codeErr = deployment.ReadCode(ctx, e.Cloud, e.d)
}

// recipe returns the deployed recipe, or nil if it could not be read.
func (e *examination) recipe() *recipe.Recipe {
	if e.code == nil {
		return nil
	}
	return e.code.Recipe
}

// failureQueueARN is the ARN that the failure queue has.
func (e *examination) failureQueueARN() string {
	return queueARN(e.Cloud, e.account, e.names.FailureQueue())
}

func (e *examination) ok(format string, args ...any) {
	e.report(Diagnosis{e.check, OK, fmt.Sprintf(format, args...), ""})
}

// warn and fault take the advice first.
func (e *examination) warn(advice, format string, args ...any) {
	e.report(Diagnosis{e.check, Warn, fmt.Sprintf(format, args...), advice})
}

func (e *examination) fault(advice, format string, args ...any) {
	e.report(Diagnosis{e.check, Fault, fmt.Sprintf(format, args...), advice})
}

// unseen reports that a call failed, and the permission that the caller needs for it.
func (e *examination) unseen(what, action string, err error) {
	if client.IsDenied(err) {
		e.report(Diagnosis{e.check, Unseen, "cannot read " + what + ": needs " + action,
			"ask for a policy that allows you " + action})
		return
	}
	reason := strings.Join(strings.Fields(client.Reason(err)), " ")
	e.report(Diagnosis{e.check, Unseen, fmt.Sprintf("cannot read %s: %s", what, reason), ""})
}

// redeploy is the advice if a deploy repairs the fault.
func (e *examination) redeploy() string {
	if e.d != nil && e.d.Elsewhere() {
		return elsewhere
	}
	return "imgmill deploy " + e.names.Name
}

// elsewhere is the advice for a deployment that another tool keeps.
const elsewhere = "deploy it again with the tool that keeps it"

// recreate is the advice if a part of the stack was changed or deleted by hand, which
// CloudFormation does not repair. A new deployment does not know the settings of the old one, so
// the advice names them.
func (e *examination) recreate() string {
	if e.d.Elsewhere() {
		return elsewhere
	}
	return fmt.Sprintf("imgmill destroy %s --keep-buckets, then imgmill deploy %[1]s%s with the recipe: CloudFormation does not repair what was changed by hand",
		e.names.Name, e.d.ChangedFlags())
}

// plural returns a count with a noun that takes an s.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
