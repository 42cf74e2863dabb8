package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// checkRecursion looks for a way from what the function writes back to the function.
func checkRecursion(ctx context.Context, p *patient) {
	if p.d.SourceBucket == p.d.TargetBucket && p.code != nil && p.code.Recipe != nil {
		if err := p.code.Recipe.Validate(); err != nil {
			p.fault(p.again()+" with two buckets", "source and target are one bucket: %v", err)
			return
		}
	}
	cfg, err := p.BucketNotifications(ctx, p.d.TargetBucket)
	if isCode(err, "NoSuchBucket") {
		p.fault("make a bucket of that name, then "+p.again(), "the target bucket %s is gone", p.d.TargetBucket)
		return
	}
	if err != nil {
		p.unseen("the notifications of "+p.d.TargetBucket, seeNotifications, err)
		return
	}
	if p.d.SourceBucket != p.d.TargetBucket {
		for _, n := range Notifications(cfg) {
			if n.ARN == p.d.FunctionARN || n.ARN == p.d.WorkQueueARN {
				p.fault(fmt.Sprintf("take the notification %s off %s, in the console under Properties", n.ID, p.d.TargetBucket),
					"the target bucket tells the function of what the function writes: %s", n)
				return
			}
		}
	}
	loop, err := p.Function.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: &p.d.FunctionName})
	switch {
	case err != nil:
		p.unseen("whether Lambda would stop a circle", "lambda:GetFunctionRecursionConfig", err)
	case loop.RecursiveLoop == types.RecursiveLoopAllow:
		p.warn(fmt.Sprintf("aws lambda put-function-recursion-config --function-name %s --recursive-loop Terminate", p.d.FunctionName),
			"there is no circle, but Lambda would not stop one: its own brake is off")
	default:
		p.ok("nothing that is written to %s comes back, and Lambda would stop it", p.d.TargetBucket)
	}
}

// checkPublic looks at the three buckets for what strangers may see.
func checkPublic(ctx context.Context, p *patient) {
	safe := true
	for _, name := range []string{p.d.SourceBucket, p.d.TargetBucket, p.d.Parameters["CodeBucket"]} {
		if name != "" && !p.checkBucketIsPrivate(ctx, name) {
			safe = false
		}
	}
	if safe {
		p.ok("blocked on all buckets")
	}
}

func (p *patient) checkBucketIsPrivate(ctx context.Context, name string) bool {
	block, err := p.Store.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &name})
	switch {
	case isCode(err, "NoSuchBucket"):
		return true // other checks are about that
	case isCode(err, "NoSuchPublicAccessBlockConfiguration"):
	case err != nil:
		p.unseen("who may see "+name, "s3:GetBucketPublicAccessBlock", err)
		return false
	default:
		if b := block.PublicAccessBlockConfiguration; b != nil && aws.ToBool(b.BlockPublicAcls) && aws.ToBool(b.BlockPublicPolicy) &&
			aws.ToBool(b.IgnorePublicAcls) && aws.ToBool(b.RestrictPublicBuckets) {
			return true
		}
	}
	do := fmt.Sprintf("aws s3api put-public-access-block --bucket %s --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true", name)
	how, action, err := p.publicBy(ctx, name)
	switch {
	case err != nil:
		p.unseen("whether "+name+", whose public access block is off, is public", action, err)
	case how != "":
		p.fault(do, "anybody may see or change what is in %s, by its %s", name, how)
	default:
		p.warn(do, "the public access block of %s is off: nothing is public yet, one wrong policy would make it so", name)
	}
	return false
}

// publicBy says what makes a bucket public, if it is; on an error, action is the permission that was needed.
func (p *patient) publicBy(ctx context.Context, name string) (how, action string, err error) {
	status, err := p.Store.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &name})
	switch {
	case isCode(err, "NoSuchBucketPolicy"):
	case err != nil:
		return "", "s3:GetBucketPolicyStatus", err
	case status.PolicyStatus != nil && aws.ToBool(status.PolicyStatus.IsPublic):
		return "policy", "", nil
	}
	acl, err := p.Store.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &name})
	if err != nil {
		return "", "s3:GetBucketAcl", err
	}
	for _, g := range acl.Grants {
		if g.Grantee != nil && (strings.HasSuffix(aws.ToString(g.Grantee.URI), "/global/AllUsers") ||
			strings.HasSuffix(aws.ToString(g.Grantee.URI), "/global/AuthenticatedUsers")) {
			return "access control list", "", nil
		}
	}
	return "", "", nil
}

// checkEncryption: with a key of one's own, the role needs the key, too.
func checkEncryption(ctx context.Context, p *patient) {
	name := p.roleName()
	role, action, roleErr := p.policies(ctx, name)
	fine := true
	for _, b := range []struct{ bucket, action, purpose, parameter string }{
		{p.d.SourceBucket, "kms:Decrypt", "read pictures", "--source-kms-key"},
		{p.d.TargetBucket, "kms:GenerateDataKey", "write variants", "--target-kms-key"},
	} {
		key, err := p.kmsKey(ctx, b.bucket, p.account)
		switch {
		case isCode(err, "NoSuchBucket"):
			fine = false
		case err != nil:
			fine = false
			p.unseen("how "+b.bucket+" is encrypted", "s3:GetEncryptionConfiguration", err)
		case key == "":
		case roleErr != nil:
			fine = false
			p.unseen("whether the role may use the key of "+b.bucket, action, roleErr)
		case !role.allows(access{action: b.action, resource: key, context: p.inCall()}):
			fine = false
			p.fault(fmt.Sprintf("%s %s %s", p.again(), b.parameter, key),
				"%s is encrypted with the KMS key %s, and the role %s lacks %s on it, to %s", b.bucket, key, name, b.action, b.purpose)
		}
	}
	if fine {
		p.ok("the role may use what the buckets are encrypted with")
	}
}
