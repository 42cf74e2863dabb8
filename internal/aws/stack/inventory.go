package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/trigger"
)

// Inventory is what exists of a deployment, complete or in parts.
type Inventory struct {
	deployment.Names
	Account string
	// Stack is nil if it does not exist.
	Stack *deployment.Deployment
	// LogGroup is the name of the deployment's log group. It is empty if there is none or if it is
	// part of the stack.
	LogGroup string
	// ForeignLogGroup is a log group of the same name that lacks the deployment's tag. It is kept.
	ForeignLogGroup string
	Buckets         []InventoryBucket
	// Notifying lists the buckets that have notifications of the deployment.
	Notifying []string

	roles []string // names that CloudFormation generated
}

// InventoryBucket is a bucket that the deployment uses, or one with a name that it would use.
type InventoryBucket struct {
	Name string `json:"name"`
	// Role is source, target or code.
	Role string `json:"role"`
	// Ours reports whether the bucket carries the deployment's tag. Other buckets are never
	// deleted.
	Ours bool `json:"ours"`
	// Objects counts versions and delete markers. More reports that counting stopped before the
	// end.
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
	More    bool  `json:"more,omitempty"`
	// Others counts the notifications of others on a source bucket.
	Others int `json:"others,omitempty"`
}

// Empty reports whether there is nothing to delete.
func (v *Inventory) Empty() bool {
	for _, b := range v.Buckets {
		if b.Ours {
			return false
		}
	}
	return v.OnlyPictureBuckets()
}

// OnlyPictureBuckets reports whether nothing but a source and a target bucket exists.
func (v *Inventory) OnlyPictureBuckets() bool {
	for _, b := range v.Buckets {
		if b.Ours && b.Role == "code" {
			return false
		}
	}
	return v.Stack == nil && v.LogGroup == "" && len(v.Notifying) == 0
}

// TakeInventory looks for everything that deploy creates. The stack names a source bucket that was
// attached; if the stack no longer exists, the source argument can name it.
func TakeInventory(ctx context.Context, c *client.Cloud, n deployment.Names, account,
	source string) (*Inventory, error) {
	v := &Inventory{Names: n, Account: account}
	d, err := deployment.FindAny(ctx, c, n)
	if err != nil && !errors.Is(err, deployment.ErrNotDeployed) {
		return nil, err
	}
	target := ""
	if d != nil {
		if err := checkKeeper(ctx, c, d, "nothing was changed: remove it with that one"); err != nil {
			return nil, err
		}
		if d.Protected {
			return nil, fmt.Errorf("stack %s has termination protection, so nothing was changed: run aws cloudformation update-termination-protection --stack-name %[1]s --no-enable-termination-protection --region %s, then run the same command again",
				d.Stack, c.Region)
		}
		v.Stack = d
		if v.roles, err = stackRoles(ctx, c, d); err != nil {
			return nil, err
		}
		source, target = cmp.Or(d.Parameters["SourceBucketName"],
			source), d.Parameters["TargetBucketName"]
	}
	for _, b := range []struct{ name, role string }{
		{cmp.Or(source, n.InputBucket), "source"}, {cmp.Or(target, n.OutputBucket), "target"},
		{n.CodeBucket, "code"},
	} {
		if err := v.addBucket(ctx, c, b.name, b.role); err != nil {
			return nil, err
		}
	}
	if v.Stack != nil {
		return v, nil
	}
	name, ours, err := findLogGroup(ctx, c, n)
	if ours {
		v.LogGroup = name
	} else {
		v.ForeignLogGroup = name
	}
	return v, err
}

func (v *Inventory) addBucket(ctx context.Context, c *client.Cloud, name, role string) error {
	found, err := findBucket(ctx, c, name, v.Account)
	var taken *takenError
	switch {
	case errors.As(err, &taken) && v.Stack != nil &&
		(slices.Contains(v.Stack.CreatedBuckets(), name) ||
			name == v.Stack.Parameters["CodeBucket"]):
		return fmt.Errorf("bucket %s belongs to stack %s, but you may not access it, so nothing was changed: use credentials that may list, empty and delete it",
			name, v.Stack.Stack)
	case errors.As(err, &taken), err == nil && !found.exists:
		return nil // a bucket of another account was not created by us
	case err != nil:
		return err
	}
	b := InventoryBucket{Name: name, Role: role, Ours: found.tag == v.Name}
	if b.Ours {
		if b.Objects, b.Bytes, b.More, err = countObjects(ctx, c, name); err != nil {
			return err
		}
	}
	if role == "source" {
		cfg, err := trigger.Read(ctx, c, name)
		if err != nil {
			return err
		}
		ours, others := trigger.Split(v.Names, trigger.Entries(cfg))
		if b.Others = len(others); len(ours) > 0 {
			v.Notifying = append(v.Notifying, name)
		}
	}
	v.Buckets = append(v.Buckets, b)
	return nil
}

// stackRoles returns the names of a stack's roles, which CloudFormation generated.
func stackRoles(ctx context.Context, c *client.Cloud, d *deployment.Deployment) ([]string, error) {
	var names []string
	pages := cloudformation.NewListStackResourcesPaginator(c.Formation,
		&cloudformation.ListStackResourcesInput{StackName: &d.StackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the resources of stack %s: %w", d.Stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			if aws.ToString(r.ResourceType) == "AWS::IAM::Role" &&
				aws.ToString(r.PhysicalResourceId) != "" {
				names = append(names, *r.PhysicalResourceId)
			}
		}
	}
	return names, nil
}

// findLogGroup looks for the function's log group, which may outlive the stack, and reports whether
// it carries our tag. If its tags may not be read, it counts as not ours.
func findLogGroup(
	ctx context.Context, c *client.Cloud, n deployment.Names,
) (name string, ours bool, err error) {
	name = n.LogGroup()
	out, err := c.Logs.DescribeLogGroups(ctx,
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	if err != nil {
		return "", false, fmt.Errorf("look up log group %s: %w", name, err)
	}
	for _, g := range out.LogGroups {
		if aws.ToString(g.LogGroupName) != name {
			continue
		}
		id := strings.TrimSuffix(aws.ToString(g.Arn), ":*")
		tags, err := c.Logs.ListTagsForResource(ctx,
			&cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &id})
		return name, err == nil && tags.Tags[deployment.TagName] == n.Name, ctx.Err()
	}
	return "", false, nil
}
