package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const seeFunction = "lambda:GetFunctionConfiguration"

func checkFunction(_ context.Context, p *patient) {
	f := p.function
	switch {
	case isCode(p.functionErr, "ResourceNotFoundException"):
		p.fault(p.remake(), "the function %s is gone", p.d.FunctionName)
	case p.functionErr != nil:
		p.unseen("the function", seeFunction, p.functionErr)
	case f.State == types.StateFailed:
		p.fault(p.again(), "%s is in state Failed: %s", p.d.FunctionName, aws.ToString(f.StateReason))
	case f.LastUpdateStatus == types.LastUpdateStatusFailed:
		p.fault(p.again(), "the last update of %s failed: %s", p.d.FunctionName, aws.ToString(f.LastUpdateStatusReason))
	case f.State == types.StatePending || f.LastUpdateStatus == types.LastUpdateStatusInProgress:
		p.warn("wait, and look again", "%s is being made or changed", p.d.FunctionName)
	default:
		p.ok("%s, %d MB, %d s", p.d.FunctionName, aws.ToInt32(f.MemorySize), aws.ToInt32(f.Timeout))
	}
}

// checkCode compares the zip with the function that is to run it.
func checkCode(_ context.Context, p *patient) {
	zip := fmt.Sprintf("s3://%s/%s", p.d.Parameters["CodeBucket"], p.d.Parameters["CodeKey"])
	_, refused := errors.AsType[recipe.Errors](p.codeErr)
	switch {
	case isCode(p.codeErr, "NoSuchKey", "NoSuchBucket", "NotFound"):
		p.warn(p.again(), "%s is gone: the function runs on, but a change of the stack would fail", zip)
		return
	case errors.Is(p.codeErr, pack.ErrBinary), refused:
		p.fault(p.again(), "%v", p.codeErr)
		return
	case p.codeErr != nil:
		p.unseen("the function's zip", "s3:GetObject on "+zip, p.codeErr)
		return
	case p.functionErr != nil:
		return // another check has said so
	}
	arch := types.ArchitectureX8664 // AWS's default
	if len(p.function.Architectures) > 0 {
		arch = p.function.Architectures[0]
	}
	update := fmt.Sprintf("aws lambda update-function-code --function-name %s --s3-bucket %s --s3-key %s --architectures %s",
		p.d.FunctionName, p.d.Parameters["CodeBucket"], p.d.Parameters["CodeKey"], lambdaArch(p.code.Arch))
	switch {
	case lambdaArch(p.code.Arch) != arch && p.d.Parameters["Architecture"] == string(arch):
		p.fault(p.again()+" --arch "+goArch(arch), "the zip's binary is for %s, and the function is for %s: it cannot start", lambdaArch(p.code.Arch), arch)
	case lambdaArch(p.code.Arch) != arch:
		p.fault(update, "the function was changed by hand to %s, and the zip's binary is for %s: it cannot start", arch, lambdaArch(p.code.Arch))
	case aws.ToString(p.function.CodeSha256) != p.code.SHA256:
		p.warn(update, "the function runs other code than %s: it was changed by hand", zip)
	default:
		p.ok("for %s, the function runs %s", arch, zip)
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

func checkRuntime(_ context.Context, p *patient) {
	f := p.function
	if f == nil {
		return
	}
	configure := "aws lambda update-function-configuration --function-name " + p.d.FunctionName
	limit := time.Duration(0)
	if p.code != nil && p.code.Recipe != nil {
		limit = p.code.Recipe.Limits.Timeout
	}
	switch {
	case f.Runtime != types.RuntimeProvidedal2023:
		p.fault(configure+" --runtime provided.al2023 --handler bootstrap", "the runtime is %s, and the zip holds a binary for provided.al2023: it cannot start", f.Runtime)
	case aws.ToString(f.Handler) != "bootstrap":
		p.warn(configure+" --handler bootstrap", "the handler is %q and not bootstrap: the function was changed by hand", aws.ToString(f.Handler))
	case time.Duration(aws.ToInt32(f.Timeout))*time.Second < limit:
		p.warn(p.again()+" --timeout 120, or limits.timeout in the recipe", "Lambda ends the function after %d s, before the recipe's limit of %v for a picture: such a picture is tried again instead of told bad", aws.ToInt32(f.Timeout), limit)
	default:
		p.ok("provided.al2023, bootstrap")
	}
}

func checkEnvironment(_ context.Context, p *patient) {
	if p.function == nil {
		return
	}
	var is map[string]string
	if e := p.function.Environment; e != nil {
		if e.Error != nil {
			p.unseen("the function's environment", "kms:Decrypt", errors.New(aws.ToString(e.Error.Message)))
			return
		}
		is = e.Variables
	}
	do := fmt.Sprintf("set %%s=%%s in the function's environment, or %s", p.remake())
	wrong := false
	for _, v := range []struct{ name, want string }{
		{recipe.EnvSourceBucket, p.d.SourceBucket}, {recipe.EnvTargetBucket, p.d.TargetBucket},
	} {
		if is[v.name] != v.want {
			wrong = true
			p.fault(fmt.Sprintf(do, v.name, v.want), "%s is %q and not %q: the function works on another bucket", v.name, is[v.name], v.want)
		}
	}
	if is[recipe.EnvRecipe] != "" {
		wrong = true
		p.warn("take IMGMILL_RECIPE out of the function's environment", "IMGMILL_RECIPE goes before the recipe in the zip: a deploy does not change what the function does")
	}
	if !wrong {
		p.ok("%s to %s", p.d.SourceBucket, p.d.TargetBucket)
	}
}

// smallAccount is the limit of new accounts.
const smallAccount = 10

func checkConcurrency(ctx context.Context, p *patient) {
	if p.functionErr != nil {
		return
	}
	f, err := p.Function.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &p.d.FunctionName})
	if err != nil {
		p.unseen("the function's concurrency", "lambda:GetFunctionConcurrency", err)
	} else if r := f.ReservedConcurrentExecutions; r != nil && *r == 0 {
		p.fault("aws lambda delete-function-concurrency --function-name "+p.d.FunctionName,
			"reserved concurrency is 0: Lambda never runs the function")
		return
	}
	account, err := p.Function.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		p.unseen("the account's concurrency", "lambda:GetAccountSettings", err)
		return
	}
	limit := int32(0)
	if account.AccountLimit != nil {
		limit = account.AccountLimit.ConcurrentExecutions
	}
	switch {
	case f != nil && f.ReservedConcurrentExecutions != nil:
		p.ok("%d reserved of the account's %d", *f.ReservedConcurrentExecutions, limit)
	case limit <= smallAccount:
		p.warn("ask for more in Service Quotas: Lambda, Concurrent executions", "the account runs only %d functions at a time, all of them together: pictures wait for each other", limit)
	default:
		p.ok("up to the account's %d, shared with its other functions", limit)
	}
}
