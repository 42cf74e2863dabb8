// Package deploy is the life of imgmill on AWS: made, changed, looked into and taken away, each by one call.
//
// A deployment is one CloudFormation stack (deploy/template.yaml) and, outside of it, the bucket with the function's zips
// and the notifications of the source bucket, which are merged into those that are there. It never deletes what does
// not carry its tag, never writes another's notification, never asks a person and never prints: the commands do.
package deploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Cloud is one region of one account, through the services that a deployment needs. Throttled calls are tried again.
type Cloud struct {
	Region    string
	Formation *cloudformation.Client
	Function  *lambda.Client
	Identity  *iam.Client
	Logs      *cloudwatchlogs.Client
	Queue     *sqs.Client
	Store     *s3.Client
	Token     *sts.Client
}

// attempts is for throttling: CloudFormation and IAM allow few calls a second.
const attempts = 8

// Open takes credentials, region and endpoint from where the AWS command line would: environment, profiles, single
// sign-on. It makes no call. A region that is given goes before the one found.
func Open(ctx context.Context, region string) (*Cloud, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), attempts) }),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, fmt.Errorf("no AWS region: set AWS_REGION, give --region, or put a region into your AWS profile")
	}
	return &Cloud{
		Region:    cfg.Region,
		Formation: cloudformation.NewFromConfig(cfg),
		Function:  lambda.NewFromConfig(cfg),
		Identity:  iam.NewFromConfig(cfg),
		Logs:      cloudwatchlogs.NewFromConfig(cfg),
		Queue:     sqs.NewFromConfig(cfg),
		// A store of one's own has no host name for each bucket.
		Store: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil }),
		Token: sts.NewFromConfig(cfg),
	}, nil
}

// partition is the first part of the region's ARNs after arn: aws, or that of a separate cloud like China's.
func (c *Cloud) partition() string {
	switch {
	case strings.HasPrefix(c.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(c.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
