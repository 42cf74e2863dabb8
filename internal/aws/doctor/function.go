package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// getFunction is the permission to read the function's configuration.
const getFunction = "lambda:GetFunctionConfiguration"

func checkFunction(_ context.Context, e *examination) {
	f := e.function
	switch {
	case client.IsCode(e.functionErr, "ResourceNotFoundException"):
		e.fault(e.recreate(), "the function %s does not exist", e.d.FunctionName)
	case e.functionErr != nil:
		e.unseen("the function", getFunction, e.functionErr)
	case f.State == types.StateFailed:
		e.fault(e.redeploy(), "%s is in state Failed: %s", e.d.FunctionName,
			aws.ToString(f.StateReason))
	case f.LastUpdateStatus == types.LastUpdateStatusFailed:
		e.fault(e.redeploy(), "the last update of %s failed: %s", e.d.FunctionName,
			aws.ToString(f.LastUpdateStatusReason))
	case f.State == types.StatePending || f.LastUpdateStatus == types.LastUpdateStatusInProgress:
		e.warn("wait, then run the same command again", "%s is being created or changed",
			e.d.FunctionName)
	default:
		e.ok("%s, %d MB, %d s", e.d.FunctionName, aws.ToInt32(f.MemorySize), aws.ToInt32(f.Timeout))
	}
}

// checkCode compares the zip in the code bucket with the function that runs it.
func checkCode(_ context.Context, e *examination) {
	zip := e.d.CodePlace()
	_, invalid := errors.AsType[recipe.Errors](e.codeErr)
	switch {
	case client.IsCode(e.codeErr, "NoSuchKey", "NoSuchBucket", "NotFound"):
		e.warn(e.redeploy(),
			"%s does not exist: the function still runs, but a change of the stack would fail", zip)
		return
	case errors.Is(e.codeErr, pack.ErrBinary), invalid:
		e.fault(e.redeploy(), "%v", e.codeErr)
		return
	case e.codeErr != nil:
		permission := "s3:GetObject on " + zip
		if e.d.Elsewhere() {
			permission = "lambda:GetFunction"
		}
		e.unseen("the function's zip", permission, e.codeErr)
		return
	case e.functionErr != nil:
		return // checkFunction reports it
	}
	arch := types.ArchitectureX8664 // Lambda's default
	if len(e.function.Architectures) > 0 {
		arch = e.function.Architectures[0]
	}
	update := fmt.Sprintf("aws lambda update-function-code --function-name %s --s3-bucket %s --s3-key %s --architectures %s",
		e.d.FunctionName, e.d.Parameters["CodeBucket"], e.d.Parameters["CodeKey"],
		lambdaArch(e.code.Arch))
	switch {
	case lambdaArch(e.code.Arch) != arch && e.d.Parameters["Architecture"] == string(arch):
		e.fault(e.redeploy()+" --arch "+goArch(arch),
			"the zip's binary is for %s, but the function is for %s: it cannot start",
			lambdaArch(e.code.Arch), arch)
	case lambdaArch(e.code.Arch) != arch:
		e.fault(update,
			"the function was changed by hand to %s, but the zip's binary is for %s: it cannot start",
			arch, lambdaArch(e.code.Arch))
	case aws.ToString(e.function.CodeSha256) != e.code.SHA256:
		e.warn(update, "the function runs other code than %s: it was changed by hand", zip)
	case e.d.Elsewhere():
		e.ok("for %s, with its recipe", arch)
	default:
		e.ok("for %s, the function runs %s", arch, zip)
	}
}

func lambdaArch(goarch string) types.Architecture {
	if goarch == pack.AMD64 {
		return types.ArchitectureX8664
	}
	return types.ArchitectureArm64
}

func goArch(a types.Architecture) string {
	if a == types.ArchitectureX8664 {
		return pack.AMD64
	}
	return pack.ARM64
}

func checkRuntime(_ context.Context, e *examination) {
	f := e.function
	if f == nil {
		return
	}
	configure := "aws lambda update-function-configuration --function-name " + e.d.FunctionName
	limit := time.Duration(0)
	if r := e.recipe(); r != nil {
		limit = r.Limits.Timeout
	}
	switch {
	case f.Runtime != types.RuntimeProvidedal2023:
		e.fault(configure+" --runtime provided.al2023 --handler bootstrap",
			"the runtime is %s, but the zip holds a binary for provided.al2023: it cannot start",
			f.Runtime)
	case aws.ToString(f.Handler) != "bootstrap":
		e.warn(configure+" --handler bootstrap",
			"the handler is %q, not bootstrap: the function was changed by hand",
			aws.ToString(f.Handler))
	case time.Duration(aws.ToInt32(f.Timeout))*time.Second < limit:
		e.warn(e.redeploy()+" --timeout 120, or lower limits.timeout in the recipe",
			"Lambda ends the function after %d s, before the recipe's limit of %v for a picture: a picture that takes too long is retried instead of reported as bad",
			aws.ToInt32(f.Timeout), limit)
	default:
		e.ok("provided.al2023, bootstrap")
	}
}

func checkEnvironment(_ context.Context, e *examination) {
	if e.function == nil {
		return
	}
	var variables map[string]string
	if env := e.function.Environment; env != nil {
		if env.Error != nil {
			e.unseen("the function's environment", "kms:Decrypt",
				errors.New(aws.ToString(env.Error.Message)))
			return
		}
		variables = env.Variables
	}
	advice := fmt.Sprintf("set %%s=%%s in the function's environment, or %s", e.recreate())
	wrong := false
	for _, v := range []struct{ name, want string }{
		{recipe.EnvSourceBucket, e.d.SourceBucket}, {recipe.EnvTargetBucket, e.d.TargetBucket},
	} {
		if variables[v.name] != v.want {
			wrong = true
			e.fault(fmt.Sprintf(advice, v.name, v.want),
				"%s is %q, not %q: the function uses another bucket", v.name, variables[v.name],
				v.want)
		}
	}
	if variables[recipe.EnvRecipe] != "" {
		wrong = true
		e.warn("remove "+recipe.EnvRecipe+" from the function's environment",
			"%s takes precedence over the recipe in the zip: a new recipe that you deploy has no effect",
			recipe.EnvRecipe)
	}
	if !wrong {
		e.ok("%s to %s", e.d.SourceBucket, e.d.TargetBucket)
	}
}

// checkMemory compares the function's memory with the recipe's limits.
func checkMemory(_ context.Context, e *examination) {
	r := e.recipe()
	if e.function == nil || r == nil {
		return
	}
	mb := int(aws.ToInt32(e.function.MemorySize))
	if m := r.FitsFunction(mb); m != nil {
		e.warn(m.Advice(e.redeploy()+" --memory"), "%s", m.Text)
		return
	}
	e.ok("%d MB hold a picture of the recipe's limits", mb)
}

// newAccountLimit is the limit on concurrent executions that AWS sets for new accounts.
const newAccountLimit = 10

func checkConcurrency(ctx context.Context, e *examination) {
	if e.functionErr != nil {
		return
	}
	f, err := e.Function.GetFunctionConcurrency(ctx,
		&lambda.GetFunctionConcurrencyInput{FunctionName: &e.d.FunctionName})
	if err != nil {
		e.unseen("the function's concurrency", "lambda:GetFunctionConcurrency", err)
	} else if r := f.ReservedConcurrentExecutions; r != nil && *r == 0 {
		e.fault("aws lambda delete-function-concurrency --function-name "+e.d.FunctionName,
			"reserved concurrency is 0: Lambda never runs the function")
		return
	}
	account, err := e.Function.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		e.unseen("the account's concurrency", "lambda:GetAccountSettings", err)
		return
	}
	limit, unreserved := int32(0), deployment.DefaultAccountLimit
	if l := account.AccountLimit; l != nil {
		limit, unreserved = l.ConcurrentExecutions, int(aws.ToInt32(l.UnreservedConcurrentExecutions))
	}
	switch {
	case f != nil && f.ReservedConcurrentExecutions != nil:
		e.ok("%d reserved of the account's %d", *f.ReservedConcurrentExecutions, limit)
	case limit <= newAccountLimit:
		e.warn("request a higher limit in Service Quotas: Lambda, Concurrent executions",
			"the account may run only %d function instances at a time, of all functions together: pictures wait for each other", limit)
	case e.d.WorkQueue != "":
		e.ok("the queue passes events on to %s at a time", e.d.Parameters["MaximumConcurrency"])
	case unreserved-deployment.Unreservable >= 10:
		advice := e.redeploy() + " --concurrency 10"
		if n := e.d.Parameters["ReservedConcurrency"]; n != "" && n != "0" { // CloudFormation does not repair it
			advice = fmt.Sprintf("aws lambda put-function-concurrency --function-name %s --reserved-concurrent-executions %s",
				e.d.FunctionName, n)
		}
		e.warn(advice, "up to %d instances may run at a time, and whoever may upload decides%s",
			unreserved, e.costOfAnHour(unreserved))
	default:
		e.ok("up to the account's %d, shared with its other functions", limit)
	}
}

// costOfAnHour adds to a text what uploads can cost at most with so many instances, where prices are
// known.
func (e *examination) costOfAnHour(unreserved int) string {
	exposure := deployment.Exposure(e.Region, e.d.Parameters, unreserved, e.recipe())
	exposure.Instances = unreserved
	most, err := price.Limit(exposure)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(": an hour of uploads can cost $%.0f", most.Total)
}
