package stack

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

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// roleName is the role that the function really runs in, or else that of the stack.
func (p *patient) roleName() string {
	role := p.d.RoleARN
	if p.function != nil && p.function.Role != nil {
		role = *p.function.Role
	}
	return role[strings.LastIndexByte(role, '/')+1:]
}

// need is a call that the function makes, and the call's part in its work.
type need struct {
	action, resource, purpose string
}

// needs are what the role in internal/aws/template/template.yaml is for.
func (p *patient) needs() []need {
	source, target := p.bucketARN(p.d.SourceBucket), p.bucketARN(p.d.TargetBucket)
	log := fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s:log-stream:any", p.partition(), p.Region, p.account, p.d.LogGroup)
	failures, work := p.queueARN(p.names.FailureQueue()), p.d.WorkQueueARN
	list := []need{
		{"s3:GetObject", source + "/any", "read pictures"},
		{"s3:ListBucket", source, "tell a picture that is gone from one that it may not read"},
		{"s3:PutObject", target + "/any", "write variants"},
		{"s3:GetObject", target + "/any", "see which variants are older"},
		{"s3:ListBucket", target, "tell a variant that is not there from one that it may not read"},
		{"logs:CreateLogStream", log, "log"},
		{"logs:PutLogEvents", log, "log"},
		{"sqs:SendMessage", failures, "keep failures"},
	}
	if p.code != nil && p.code.Recipe != nil && p.code.Recipe.OnRemove == recipe.Remove {
		list = append(list, need{"s3:DeleteObject", target + "/any", "remove variants with their pictures"})
	}
	if work != "" {
		for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
			list = append(list, need{action, work, "take work from the queue"})
		}
	}
	return list
}

// rolePolicies are the documents of a role; limits is its permissions boundary, nil if it has none.
type rolePolicies struct {
	trust  policy
	grants []policy
	limits []policy
}

func (r rolePolicies) allows(a access) bool {
	return allows(r.grants, a) && (r.limits == nil || allows(r.limits, a))
}

func checkRole(ctx context.Context, p *patient) {
	name := p.roleName()
	r, action, err := p.policies(ctx, name)
	if isCode(err, "NoSuchEntity") {
		p.fault(p.remake(), "the role %s is gone, or a policy of it: the function has no permissions", name)
		return
	}
	if err != nil {
		p.unseen("the role "+name, action, err)
		return
	}
	if p.function != nil && aws.ToString(p.function.Role) != p.d.RoleARN {
		p.warn(fmt.Sprintf("aws lambda update-function-configuration --function-name %s --role %s", p.d.FunctionName, p.d.RoleARN),
			"the function runs in %s and not in the stack's role", aws.ToString(p.function.Role))
	}
	if !p.trusts(r.trust, "lambda.amazonaws.com") {
		p.fault(p.remake(), "the role %s cannot be taken by Lambda (its trust policy)", name)
	}
	var lacking []string
	for _, n := range p.needs() {
		if !r.allows(access{action: n.action, resource: n.resource, context: p.inCall()}) {
			lacking = append(lacking, fmt.Sprintf("%s on %s, to %s", n.action, strings.TrimSuffix(n.resource, ":log-stream:any"), n.purpose))
		}
	}
	if len(lacking) == 0 {
		p.ok("%s may do all that the function does", name)
		return
	}
	do := p.remake()
	if len(lacking) == 1 && strings.HasPrefix(lacking[0], "s3:DeleteObject") {
		do = p.again() // the recipe is of another opinion than the stack
	}
	p.fault(do, "the role %s lacks %s", name, strings.Join(lacking, "; "))
}

// inCall are the condition keys of a call that the function makes.
func (p *patient) inCall() map[string]string {
	domain := "amazonaws.com"
	if p.partition() == "aws-cn" {
		domain += ".cn"
	}
	return map[string]string{
		"aws:SecureTransport": "true", "aws:PrincipalAccount": p.account, "aws:RequestedRegion": p.Region,
		"kms:ViaService": "s3." + p.Region + "." + domain,
	}
}

// trusts reports whether a service may assume a role, whose trust policy names no resource.
func (p *patient) trusts(trust policy, service string) bool {
	context := map[string]string{"aws:SourceAccount": p.account, "aws:SourceArn": p.d.FunctionARN}
	return slices.ContainsFunc(trust.Statement, func(s statement) bool {
		s.Resource = words{"*"}
		return s.Effect == "Allow" && s.about(access{action: "sts:AssumeRole", service: service, context: context})
	})
}

// policies reads all documents of a role. On an error, action is the permission that was needed.
func (p *patient) policies(ctx context.Context, name string) (r rolePolicies, action string, err error) {
	role, err := p.Identity.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return r, "iam:GetRole", err
	}
	if r.trust, err = parsePolicy(aws.ToString(role.Role.AssumeRolePolicyDocument)); err != nil {
		return r, "iam:GetRole", err
	}
	inline := iam.NewListRolePoliciesPaginator(p.Identity, &iam.ListRolePoliciesInput{RoleName: &name})
	for inline.HasMorePages() {
		page, err := inline.NextPage(ctx)
		if err != nil {
			return r, "iam:ListRolePolicies", err
		}
		for _, n := range page.PolicyNames {
			out, err := p.Identity.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &n})
			if err != nil {
				return r, "iam:GetRolePolicy", err
			}
			doc, err := parsePolicy(aws.ToString(out.PolicyDocument))
			if err != nil {
				return r, "iam:GetRolePolicy", err
			}
			r.grants = append(r.grants, doc)
		}
	}
	attached := iam.NewListAttachedRolePoliciesPaginator(p.Identity, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	for attached.HasMorePages() {
		page, err := attached.NextPage(ctx)
		if err != nil {
			return r, "iam:ListAttachedRolePolicies", err
		}
		for _, a := range page.AttachedPolicies {
			doc, action, err := p.managedPolicy(ctx, aws.ToString(a.PolicyArn))
			if err != nil {
				return r, action, err
			}
			r.grants = append(r.grants, doc)
		}
	}
	if b := role.Role.PermissionsBoundary; b != nil {
		doc, action, err := p.managedPolicy(ctx, aws.ToString(b.PermissionsBoundaryArn))
		if err != nil {
			return r, action, err
		}
		r.limits = []policy{doc}
	}
	return r, "", nil
}

func (p *patient) managedPolicy(ctx context.Context, arn string) (policy, string, error) {
	out, err := p.Identity.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return policy{}, "iam:GetPolicy", err
	}
	version, err := p.Identity.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: out.Policy.DefaultVersionId})
	if err != nil {
		return policy{}, "iam:GetPolicyVersion", err
	}
	doc, err := parsePolicy(aws.ToString(version.PolicyVersion.Document))
	return doc, "iam:GetPolicyVersion", err
}

// checkPermission looks whether S3 may tell the function, or the queue before it.
func checkPermission(ctx context.Context, p *patient) {
	a := access{
		action: "lambda:InvokeFunction", resource: p.d.FunctionARN, service: "s3.amazonaws.com",
		context: map[string]string{
			"aws:SourceArn": p.bucketARN(p.d.SourceBucket), "aws:SourceAccount": p.account, "aws:SecureTransport": "true",
		},
	}
	var text, action string
	var err error
	if p.d.WorkQueue != "" {
		a.action, a.resource, action = "sqs:SendMessage", p.d.WorkQueueARN, "sqs:GetQueueAttributes"
		var out *sqs.GetQueueAttributesOutput
		out, err = p.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &p.d.WorkQueue, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNamePolicy}})
		if err == nil {
			text = out.Attributes["Policy"]
		}
	} else {
		action = "lambda:GetPolicy"
		var out *lambda.GetPolicyOutput
		out, err = p.Function.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &p.d.FunctionName})
		if err == nil {
			text = aws.ToString(out.Policy)
		}
	}
	if isCode(err, "ResourceNotFoundException") {
		err = nil // there is no policy
	}
	if err != nil {
		p.unseen("who may call "+a.resource, action, err)
		return
	}
	var docs []policy
	if text != "" {
		doc, err := parsePolicy(text)
		if err != nil {
			p.unseen("who may call "+a.resource, action, err)
			return
		}
		docs = []policy{doc}
	}
	do := p.remake()
	if p.d.WorkQueue == "" {
		do = fmt.Sprintf("aws lambda add-permission --function-name %s --statement-id s3 --action lambda:InvokeFunction --principal s3.amazonaws.com --source-arn %s --source-account %s",
			p.d.FunctionName, p.bucketARN(p.d.SourceBucket), p.account)
	}
	if !allows(docs, a) {
		p.fault(do, "S3 may not tell %s of pictures in %s (%s)", a.resource, p.d.SourceBucket, a.action)
		return
	}
	p.ok("S3 may tell %s of pictures in %s", a.resource, p.d.SourceBucket)
}
