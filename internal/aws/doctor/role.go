package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/policy"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// roleName returns the name of the role that the function runs in, or of the stack's role if that
// is unknown.
func (e *examination) roleName() string {
	role := e.d.RoleARN
	if e.function != nil && e.function.Role != nil {
		role = *e.function.Role
	}
	return role[strings.LastIndexByte(role, '/')+1:]
}

// Permission is one that the function's role needs, and why.
type Permission struct {
	Action, Resource, Purpose string
}

// anyStream ends the resource of a permission on the streams of a log group.
const anyStream = ":log-stream:any"

// RolePermissions lists what the role in internal/aws/template/template.yaml is for. The recipe may
// be nil if it is unknown; the keys are then those of the stack's parameters, and the rest is what the
// default recipe needs.
func RolePermissions(c *client.Cloud, d *deployment.Deployment, account string,
	r *recipe.Recipe) []Permission {
	source, target := bucketARN(c, d.SourceBucket), bucketARN(c, d.TargetBucket)
	log := fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s%s", c.Partition(), c.Region, account,
		d.LogGroup, anyStream)
	var list []Permission
	add := func(action, bucket string, prefixes []string, purpose string) {
		for _, p := range prefixes {
			list = append(list, Permission{action, bucket + "/" + p + "any", purpose})
		}
	}
	read := granted(d.Parameters["SourceObjectArns"], source)
	written := granted(d.Parameters["TargetObjectArns"], target)
	if r == nil {
		r = recipe.Default(formats.All())
	} else {
		read, written = r.SourceAccess(), r.TargetAccess()
	}
	add("s3:GetObject", source, read, "read pictures")
	add("s3:PutObject", target, written, "write variants")
	add("s3:GetObject", target, written, "see which variants are older")
	list = append(list,
		Permission{"s3:ListBucket", source, "distinguish a picture that does not exist from one that it may not read"},
		Permission{"s3:ListBucket", target, "distinguish a variant that does not exist from one that it may not read"},
		Permission{"logs:CreateLogStream", log, "write its log"},
		Permission{"logs:PutLogEvents", log, "write its log"},
		Permission{"sqs:SendMessage", queueARN(c, account, d.Names.FailureQueue()), "keep failed events"})
	if r.OnRemove == recipe.Remove {
		add("s3:DeleteObject", target, written, "remove variants with their pictures")
	} else if r.Hashed() && r.Target.KeepReplaced != recipe.Forever {
		add("s3:DeleteObject", target, written, "remove variants that have been replaced")
	}
	if len(r.Target.Attributes.Tags) > 0 {
		add("s3:PutObjectTagging", target, written, "tag variants")
	}
	readTags := func(why string) {
		add("s3:GetObjectTagging", source, read, why)
		add("s3:GetObjectVersionTagging", source, read, why) // in a bucket with versions
	}
	if len(r.Gates.Tags) > 0 {
		readTags("read the tags that gates ask for")
	}
	if r.Gates.Rekognition != nil {
		list = append(list, Permission{"rekognition:DetectModerationLabels", "*", "ask what pictures show"})
	}
	if r.Gates.Given() {
		add("s3:DeleteObject", target, written, "remove variants of pictures that are refused")
	}
	if r.FocalTag != "" {
		readTags("read the focal points of pictures")
	}
	if len(r.Notify) > 0 {
		add("s3:DeleteObject", target, []string{recipe.UnsentPrefix}, "remove events that are sent")
	}
	for _, arn := range r.NotifyARNs() {
		action := map[string]string{"events": "events:PutEvents", "sns": "sns:Publish", "sqs": "sqs:SendMessage"}[recipe.Notify{To: arn}.Service()]
		list = append(list, Permission{action, arn, "send events"})
	}
	if r.Target.Attributes.ACL != "" {
		add("s3:PutObjectAcl", target, written, "set the ACL of variants")
	}
	if d.WorkQueueARN != "" {
		for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage",
			"sqs:GetQueueAttributes"} {
			list = append(list, Permission{action, d.WorkQueueARN, "receive events from the queue"})
		}
	}
	return list
}

// granted returns the beginnings of keys in a list of ARNs, which is a parameter of the stack.
func granted(arns, bucket string) (prefixes []string) {
	for arn := range strings.SplitSeq(arns, ",") {
		prefixes = append(prefixes, strings.TrimSuffix(strings.TrimPrefix(arn, bucket+"/"), "*"))
	}
	return prefixes
}

func bucketARN(c *client.Cloud, name string) string {
	return fmt.Sprintf("arn:%s:s3:::%s", c.Partition(), name)
}

func queueARN(c *client.Cloud, account, name string) string {
	return fmt.Sprintf("arn:%s:sqs:%s:%s:%s", c.Partition(), c.Region, account, name)
}

// role holds the policies of a role.
type role struct {
	trust  policy.Document
	grants []policy.Document
	// boundary is the permissions boundary, or nil if there is none.
	boundary []policy.Document
}

func (r role) allows(q policy.Request) bool {
	return policy.Allows(r.grants, q) && (r.boundary == nil || policy.Allows(r.boundary, q))
}

func checkRole(ctx context.Context, e *examination) {
	name := e.roleName()
	r, action, err := e.readRole(ctx, name)
	if client.IsCode(err, "NoSuchEntity") {
		e.fault(e.recreate(),
			"the role %s, or a policy of it, does not exist: the function has no permissions", name)
		return
	}
	if err != nil {
		e.unseen("the role "+name, action, err)
		return
	}
	if e.function != nil && aws.ToString(e.function.Role) != e.d.RoleARN {
		e.warn(fmt.Sprintf("aws lambda update-function-configuration --function-name %s --role %s",
			e.d.FunctionName, e.d.RoleARN),
			"the function runs in the role %s, not in the stack's", aws.ToString(e.function.Role))
	}
	if !r.trust.Trusts("lambda.amazonaws.com",
		map[string]string{"aws:SourceAccount": e.account, "aws:SourceArn": e.d.FunctionARN}) {
		e.fault(e.recreate(), "Lambda may not assume the role %s (its trust policy)", name)
	}
	var lacking []string
	var last Permission
	for _, p := range RolePermissions(e.Cloud, e.d, e.account, e.recipe()) {
		if r.allows(policy.Request{Action: p.Action, Resource: p.Resource, Context: e.callContext()}) {
			continue
		}
		resource := strings.TrimSuffix(p.Resource, anyStream)
		if p.Action == last.Action && p.Purpose == last.Purpose { // elsewhere in the same bucket
			text := &lacking[len(lacking)-1]
			*text = strings.Replace(*text, ", to ", " and "+resource+", to ", 1)
		} else {
			lacking = append(lacking, fmt.Sprintf("%s on %s, to %s", p.Action, resource, p.Purpose))
		}
		last = p
	}
	if len(lacking) == 0 {
		e.ok("%s has all permissions that the function needs", name)
		return
	}
	advice := e.recreate()
	if slices.ContainsFunc(lacking, fromRecipe) || e.otherKeys() {
		advice = e.redeploy() // the recipe differs from the stack's parameters
	}
	e.fault(advice, "the role %s lacks %s", name, strings.Join(lacking, "; "))
}

// otherKeys reports whether the stack limits the role to other keys than the recipe's.
func (e *examination) otherKeys() bool {
	if e.recipe() == nil {
		return false
	}
	sources, targets := deployment.Access(e.recipe(), e.Partition(), e.d.SourceBucket, e.d.TargetBucket)
	return sources != e.d.Parameters["SourceObjectArns"] || targets != e.d.Parameters["TargetObjectArns"]
}

// fromRecipe reports whether a permission that a role lacks follows from a setting of the recipe.
func fromRecipe(lacking string) bool {
	for _, action := range []string{"s3:DeleteObject", "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "rekognition:", "events:", "sns:", "sqs:SendMessage on "} {
		if strings.HasPrefix(lacking, action) && !strings.Contains(lacking, "keep failed events") {
			return true
		}
	}
	return false
}

// callContext returns the condition keys of a call that the function makes.
func (e *examination) callContext() map[string]string {
	domain := "amazonaws.com"
	if e.Partition() == "aws-cn" {
		domain += ".cn"
	}
	return map[string]string{
		"aws:SecureTransport": "true", "aws:PrincipalAccount": e.account,
		"aws:RequestedRegion": e.Region,
		"kms:ViaService":      "s3." + e.Region + "." + domain,
	}
}

// readRole reads all policies of a role. On an error, action is the permission that the caller
// needs.
func (e *examination) readRole(
	ctx context.Context, name string,
) (r role, action string, err error) {
	out, err := e.Identity.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return r, "iam:GetRole", err
	}
	if r.trust, err = policy.Parse(aws.ToString(out.Role.AssumeRolePolicyDocument)); err != nil {
		return r, "iam:GetRole", err
	}
	if r.grants, action, err = e.rolePolicies(ctx, name); err != nil {
		return r, action, err
	}
	if b := out.Role.PermissionsBoundary; b != nil {
		doc, action, err := e.managedPolicy(ctx, aws.ToString(b.PermissionsBoundaryArn))
		if err != nil {
			return r, action, err
		}
		r.boundary = []policy.Document{doc}
	}
	return r, "", nil
}

// rolePolicies reads the inline and the attached policies of a role.
func (e *examination) rolePolicies(
	ctx context.Context, name string,
) (docs []policy.Document, action string, err error) {
	inline := iam.NewListRolePoliciesPaginator(e.Identity,
		&iam.ListRolePoliciesInput{RoleName: &name})
	for inline.HasMorePages() {
		page, err := inline.NextPage(ctx)
		if err != nil {
			return nil, "iam:ListRolePolicies", err
		}
		for _, n := range page.PolicyNames {
			out, err := e.Identity.GetRolePolicy(ctx,
				&iam.GetRolePolicyInput{RoleName: &name, PolicyName: &n})
			if err != nil {
				return nil, "iam:GetRolePolicy", err
			}
			doc, err := policy.Parse(aws.ToString(out.PolicyDocument))
			if err != nil {
				return nil, "iam:GetRolePolicy", err
			}
			docs = append(docs, doc)
		}
	}
	attached := iam.NewListAttachedRolePoliciesPaginator(e.Identity,
		&iam.ListAttachedRolePoliciesInput{RoleName: &name})
	for attached.HasMorePages() {
		page, err := attached.NextPage(ctx)
		if err != nil {
			return nil, "iam:ListAttachedRolePolicies", err
		}
		for _, a := range page.AttachedPolicies {
			doc, action, err := e.managedPolicy(ctx, aws.ToString(a.PolicyArn))
			if err != nil {
				return nil, action, err
			}
			docs = append(docs, doc)
		}
	}
	return docs, "", nil
}

func (e *examination) managedPolicy(
	ctx context.Context, arn string,
) (policy.Document, string, error) {
	out, err := e.Identity.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return policy.Document{}, "iam:GetPolicy", err
	}
	version, err := e.Identity.GetPolicyVersion(ctx,
		&iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: out.Policy.DefaultVersionId})
	if err != nil {
		return policy.Document{}, "iam:GetPolicyVersion", err
	}
	doc, err := policy.Parse(aws.ToString(version.PolicyVersion.Document))
	return doc, "iam:GetPolicyVersion", err
}

// checkPermission checks that S3 may call the function, or send to the queue before it.
func checkPermission(ctx context.Context, e *examination) {
	r := policy.Request{
		Action: "lambda:InvokeFunction", Resource: e.d.FunctionARN, Service: "s3.amazonaws.com",
		Context: map[string]string{
			"aws:SourceArn": bucketARN(e.Cloud, e.d.SourceBucket), "aws:SourceAccount": e.account,
			"aws:SecureTransport": "true",
		},
	}
	if e.d.WorkQueue != "" {
		r.Action, r.Resource = "sqs:SendMessage", e.d.WorkQueueARN
	}
	text, action, err := e.resourcePolicy(ctx)
	var docs []policy.Document
	if err == nil && text != "" {
		var doc policy.Document
		doc, err = policy.Parse(text)
		docs = []policy.Document{doc}
	}
	if err != nil {
		e.unseen("the policy of "+r.Resource, action, err)
		return
	}
	advice := e.recreate()
	if e.d.WorkQueue == "" {
		advice = fmt.Sprintf("aws lambda add-permission --function-name %s --statement-id s3 --action lambda:InvokeFunction --principal s3.amazonaws.com --source-arn %s --source-account %s",
			e.d.FunctionName, bucketARN(e.Cloud, e.d.SourceBucket), e.account)
	}
	if !policy.Allows(docs, r) {
		e.fault(advice, "S3 may not send notifications from %s to %s (%s)", e.d.SourceBucket,
			r.Resource, r.Action)
		return
	}
	e.ok("S3 may send notifications from %s to %s", e.d.SourceBucket, r.Resource)
}

// resourcePolicy reads the policy of the work queue, or of the function if there is no queue. It is
// empty if there is none. On an error, action is the permission that the caller needs.
func (e *examination) resourcePolicy(ctx context.Context) (text, action string, err error) {
	if e.d.WorkQueue != "" {
		out, err := e.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl:       &e.d.WorkQueue,
			AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNamePolicy}})
		if err != nil {
			return "", "sqs:GetQueueAttributes", err
		}
		return out.Attributes["Policy"], "sqs:GetQueueAttributes", nil
	}
	out, err := e.Function.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &e.d.FunctionName})
	if client.IsCode(err, "ResourceNotFoundException") {
		return "", "", nil
	}
	if err != nil {
		return "", "lambda:GetPolicy", err
	}
	return aws.ToString(out.Policy), "lambda:GetPolicy", nil
}
