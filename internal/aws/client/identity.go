package client

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Identity describes the caller.
type Identity struct {
	// Account is the account's number, Alias its name or empty.
	Account, Alias string
	// ARN names the user or role that makes the calls.
	ARN string
	// Root reports whether the caller is the account's root user, whom no policy restricts.
	Root bool
	// NoMFA reports that the root or IAM user has no MFA device. It is false if that is unknown;
	// Unknown then lists it.
	NoMFA bool
	// Unknown lists what could not be read, each with its reason.
	Unknown []string
}

// WhoAmI identifies the caller. It reads the account's alias and the caller's MFA devices as far as
// permissions allow.
func (c *Cloud) WhoAmI(ctx context.Context) (Identity, error) {
	out, err := c.Token.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, fmt.Errorf("identify the AWS caller: %w", err)
	}
	id := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	id.Root = strings.HasSuffix(id.ARN, ":root")

	aliases, err := c.Identity.ListAccountAliases(ctx, &iam.ListAccountAliasesInput{})
	if err != nil {
		id.unknown("the account's alias", err)
	} else if len(aliases.AccountAliases) > 0 {
		id.Alias = aliases.AccountAliases[0]
	}
	return id, c.checkMFA(ctx, &id)
}

// checkMFA looks for MFA devices. Its only error is that of ctx.
func (c *Cloud) checkMFA(ctx context.Context, id *Identity) error {
	const what = "whether MFA is enabled"
	user, isUser := strings.CutPrefix(ARNResource(id.ARN), "user/")
	switch {
	case id.Root:
		sum, err := c.Identity.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
		if err != nil {
			id.unknown(what, err)
		} else {
			id.NoMFA = sum.SummaryMap["AccountMFAEnabled"] == 0
		}
	case isUser:
		user = user[strings.LastIndexByte(user, '/')+1:]
		devices, err := c.Identity.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: &user})
		if err != nil {
			id.unknown(what, err)
		} else {
			id.NoMFA = len(devices.MFADevices) == 0
		}
	default:
		id.Unknown = append(id.Unknown, what+": for a role, that is decided where it is assumed")
	}
	return ctx.Err()
}

func (id *Identity) unknown(what string, err error) {
	id.Unknown = append(id.Unknown, what+": "+strings.TrimSuffix(Reason(err), "."))
}

// ARNResource returns the resource part of an ARN, or nothing if text is not an ARN.
func ARNResource(text string) string {
	a, err := arn.Parse(text)
	if err != nil {
		return ""
	}
	return a.Resource
}
