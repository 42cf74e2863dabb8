package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/policy"
	"github.com/imgmill/imgmill/internal/aws/trigger"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// checkRecursion looks for a loop from what the function writes back to the function.
func checkRecursion(ctx context.Context, e *examination) {
	if r := e.recipe(); e.d.SourceBucket == e.d.TargetBucket && r != nil {
		if err := r.Validate(); err != nil {
			e.fault(e.redeploy()+" with two buckets", "source and target are one bucket: %v", err)
			return
		}
	}
	cfg, err := trigger.Read(ctx, e.Cloud, e.d.TargetBucket)
	if client.IsCode(err, "NoSuchBucket") {
		e.fault("create a bucket of that name, then "+e.redeploy(),
			"the target bucket %s does not exist", e.d.TargetBucket)
		return
	}
	if err != nil {
		e.unseen("the notifications of "+e.d.TargetBucket, getNotifications, err)
		return
	}
	if e.d.SourceBucket != e.d.TargetBucket {
		for _, n := range trigger.Entries(cfg) {
			if n.ARN == e.d.FunctionARN || n.ARN == e.d.WorkQueueARN {
				e.fault(fmt.Sprintf("remove the notification %s from %s, in the console under Properties",
					n.ID, e.d.TargetBucket),
					"the target bucket triggers the function with what the function writes: %s", n)
				return
			}
		}
	}
	loop, err := e.Function.GetFunctionRecursionConfig(ctx,
		&lambda.GetFunctionRecursionConfigInput{FunctionName: &e.d.FunctionName})
	switch {
	case err != nil:
		e.unseen("the function's recursive loop detection", "lambda:GetFunctionRecursionConfig",
			err)
	case loop.RecursiveLoop == types.RecursiveLoopAllow:
		e.warn(fmt.Sprintf("aws lambda put-function-recursion-config --function-name %s --recursive-loop Terminate",
			e.d.FunctionName),
			"there is no loop, but Lambda would not stop one: its recursive loop detection is off")
	default:
		e.ok("nothing written to %s triggers the function, and Lambda would stop a loop",
			e.d.TargetBucket)
	}
}

// checkOverlays looks for the overlays of the recipe's watermarks, without which no picture is made.
func checkOverlays(ctx context.Context, e *examination) {
	r := e.recipe()
	if r == nil {
		return
	}
	found := 0
	for _, name := range r.Overlays() {
		key := recipe.OverlayKey(name)
		_, err := e.Store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &e.d.TargetBucket, Key: &key})
		switch {
		case client.IsCode(err, "NotFound") || client.IsCode(err, "NoSuchKey"):
			e.fault(fmt.Sprintf("aws s3 cp %s s3://%s/%s", name, e.d.TargetBucket, key),
				"the overlay %s of the recipe's watermarks is not in %s, so no picture that has it is made", name, e.d.TargetBucket)
		case err != nil:
			e.unseen("the overlay "+key, "s3:GetObject", err)
		default:
			found++
		}
	}
	if found > 0 && found == len(r.Overlays()) {
		e.ok("%s of watermarks found in %s", plural(found, "overlay"), e.d.TargetBucket)
	}
}

// checkTarget looks for objects of others where variants go.
func checkTarget(ctx context.Context, e *examination) {
	r := e.recipe()
	if r == nil {
		return
	}
	f, err := deployment.FindForeign(ctx, e.Cloud, r, e.d.TargetBucket)
	switch {
	case client.IsCode(err, "NoSuchBucket"): // checkRecursion reports it
	case err != nil:
		e.unseen("objects of "+e.d.TargetBucket, "s3:ListBucket and s3:GetObject on it", err)
	case f.Found > 0:
		e.warn("move them away, or use another bucket or target.key", "%v: %s", f, f.Consequence(r))
	case f.Looked == 0:
		e.ok("there is nothing yet where variants go")
	default:
		e.ok("%s looked at where variants go: imgmill made all of them", plural(f.Looked, "object"))
	}
}

// checkPublic checks that no stranger can access the three buckets.
func checkPublic(ctx context.Context, e *examination) {
	private := true
	for _, name := range []string{e.d.SourceBucket, e.d.TargetBucket,
		e.d.Parameters["CodeBucket"]} {
		if name != "" && !e.checkBucketIsPrivate(ctx, name) {
			private = false
		}
	}
	if private {
		e.ok("blocked on all buckets")
	}
}

func (e *examination) checkBucketIsPrivate(ctx context.Context, name string) bool {
	block, err := e.Store.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &name})
	switch {
	case client.IsCode(err, "NoSuchBucket"):
		return true // other checks report that
	case client.IsCode(err, "NoSuchPublicAccessBlockConfiguration"):
	case err != nil:
		e.unseen("the public access block of "+name, "s3:GetBucketPublicAccessBlock", err)
		return false
	default:
		if b := block.PublicAccessBlockConfiguration; b != nil && aws.ToBool(b.BlockPublicAcls) &&
			aws.ToBool(b.BlockPublicPolicy) &&
			aws.ToBool(b.IgnorePublicAcls) && aws.ToBool(b.RestrictPublicBuckets) {
			return true
		}
	}
	advice := fmt.Sprintf("aws s3api put-public-access-block --bucket %s --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true", name)
	by, action, err := e.publicBy(ctx, name)
	switch {
	case err != nil:
		e.unseen("the policy and access control list of "+name+", whose public access block is off",
			action, err)
	case by != "":
		e.fault(advice, "anybody may read or change objects in %s, because of its %s", name, by)
	default:
		e.warn(advice,
			"the public access block of %s is off: nothing is public yet, but one wrong policy would make it so", name)
	}
	return false
}

// publicBy names what makes a bucket public, or returns nothing if it is not. On an error, action
// is the permission that the caller needs.
func (e *examination) publicBy(ctx context.Context, name string) (by, action string, err error) {
	status, err := e.Store.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &name})
	switch {
	case client.IsCode(err, "NoSuchBucketPolicy"):
	case err != nil:
		return "", "s3:GetBucketPolicyStatus", err
	case status.PolicyStatus != nil && aws.ToBool(status.PolicyStatus.IsPublic):
		return "policy", "", nil
	}
	acl, err := e.Store.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &name})
	if err != nil {
		return "", "s3:GetBucketAcl", err
	}
	for _, g := range acl.Grants {
		if g.Grantee != nil && (strings.HasSuffix(aws.ToString(g.Grantee.URI),
			"/global/AllUsers") ||
			strings.HasSuffix(aws.ToString(g.Grantee.URI), "/global/AuthenticatedUsers")) {
			return "access control list", "", nil
		}
	}
	return "", "", nil
}

// checkEncryption checks that the role may use the KMS keys of the buckets.
func checkEncryption(ctx context.Context, e *examination) {
	name := e.roleName()
	role, action, roleErr := e.readRole(ctx, name)
	allowed := true
	type need struct{ bucket, action, purpose, flag string }
	needs := []need{
		{e.d.SourceBucket, "kms:Decrypt", "read pictures", "--source-kms-key"},
		{e.d.TargetBucket, "kms:GenerateDataKey", "write variants", "--target-kms-key"},
	}
	if r := e.recipe(); r != nil && len(r.Overlays()) > 0 {
		needs = append(needs, need{e.d.TargetBucket, "kms:Decrypt", "read the overlays of watermarks", "--target-kms-key"})
	}
	for _, b := range needs {
		key, err := deployment.KMSKey(ctx, e.Cloud, b.bucket, e.account)
		switch {
		case client.IsCode(err, "NoSuchBucket"):
			allowed = false
		case err != nil:
			allowed = false
			e.unseen("the encryption of "+b.bucket, "s3:GetEncryptionConfiguration", err)
		case key == "":
		case roleErr != nil:
			allowed = false
			e.unseen("the policies of the role, which needs the key of "+b.bucket, action, roleErr)
		case !role.allows(policy.Request{Action: b.action, Resource: key,
			Context: e.callContext()}):
			allowed = false
			e.fault(fmt.Sprintf("%s %s %s", e.redeploy(), b.flag, key),
				"%s is encrypted with the KMS key %s, but the role %s lacks %s on it, which it needs to %s",
				b.bucket, key, name, b.action, b.purpose)
		}
	}
	if allowed {
		e.ok("the role may use the keys that encrypt the buckets")
	}
}
