package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Identity says in whose name the calls are made.
type Identity struct {
	Account string
	Alias   string // of the account; empty if it has none
	ARN     string // of the caller
	Root    bool   // the account's root user, whom nothing can restrict
	// NoMFA: the root or IAM user has no second factor. False also where that cannot be seen; then Unseen says so.
	NoMFA  bool
	Unseen []string // what could not be looked at, each with the reason
}

// WhoAmI asks AWS who is calling. Alias and second factor are looked at as far as the caller may.
func (c *Cloud) WhoAmI(ctx context.Context) (Identity, error) {
	out, err := c.Token.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, fmt.Errorf("ask AWS who is calling: %w", err)
	}
	id := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	id.Root = strings.HasSuffix(id.ARN, ":root")

	aliases, err := c.Identity.ListAccountAliases(ctx, &iam.ListAccountAliasesInput{})
	if err != nil {
		id.unseen("the account's alias", err)
	} else if len(aliases.AccountAliases) > 0 {
		id.Alias = aliases.AccountAliases[0]
	}
	return id, c.secondFactor(ctx, &id)
}

// secondFactor looks for MFA devices. It fails only if the context ends.
func (c *Cloud) secondFactor(ctx context.Context, id *Identity) error {
	const what = "whether MFA is on"
	user, isUser := strings.CutPrefix(resourceOf(id.ARN), "user/")
	switch {
	case id.Root:
		sum, err := c.Identity.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
		if err != nil {
			id.unseen(what, err)
		} else {
			id.NoMFA = sum.SummaryMap["AccountMFAEnabled"] == 0
		}
	case isUser:
		user = user[strings.LastIndexByte(user, '/')+1:]
		devices, err := c.Identity.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: &user})
		if err != nil {
			id.unseen(what, err)
		} else {
			id.NoMFA = len(devices.MFADevices) == 0
		}
	default:
		id.Unseen = append(id.Unseen, what+": that is settled where the role is assumed")
	}
	return ctx.Err()
}

func (id *Identity) unseen(what string, err error) {
	id.Unseen = append(id.Unseen, what+": "+strings.TrimSuffix(brief(err), "."))
}

// resourceOf is the last part of an ARN, or nothing.
func resourceOf(text string) string {
	a, err := arn.Parse(text)
	if err != nil {
		return ""
	}
	return a.Resource
}

// brief is what a service said, without the SDK's account of the call.
func brief(err error) string {
	if no, ok := errors.AsType[*NoAccessError](err); ok {
		return no.Reason
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if api.ErrorMessage() == "" {
			return api.ErrorCode()
		}
		return api.ErrorMessage()
	}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return fmt.Sprintf("the answer is HTTP %d", answer.HTTPStatusCode())
	}
	return err.Error()
}

// isCode reports whether a service answered with one of these error codes.
func isCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if api.ErrorCode() == c {
			return true
		}
	}
	return false
}
