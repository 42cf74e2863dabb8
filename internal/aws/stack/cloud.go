// Package deploy is the life of imgmill on AWS: made, changed, looked into and taken away, each by one call.
//
// A deployment is one CloudFormation stack (internal/aws/template/template.yaml) and, outside of it, the bucket with the function's zips
// and the notifications of the source bucket, which are merged into those that are there. It never deletes what does
// not carry its tag, never writes another's notification, never asks a person and never prints: the commands do.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
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

const (
	// attempts is for throttling: CloudFormation and IAM allow few calls a second.
	attempts = 8
	// reachAttempts is for a network that is not there, which does not come back within seconds.
	reachAttempts = 3
)

// retryer is the SDK's, but gives up a service soon that it gets no connection to.
type retryer struct{ *retry.Standard }

func newRetryer() aws.Retryer {
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts })}
}

// RetryDelay implements aws.Retryer.
func (r retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	if attempt >= reachAttempts && noConnection(err) != nil {
		return 0, err
	}
	return r.Standard.RetryDelay(attempt, err)
}

// plainBodies hands requests over without the WriteTo of their bodies. The SDK closes a body when the answer begins, and its
// WriteTo then says io.EOF; net/http, which looks for more behind the last byte sent, takes that for a failed write and drops the
// connection under the answer. The SDK would ask again: what the lost answer of a receive held is leased to nobody.
type plainBodies struct{ next aws.HTTPClient }

func (c plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.next.Do(r)
}

// NoAccessError says why AWS could not be asked, and what to do.
type NoAccessError struct {
	Reason, Advice string
	Err            error
}

func (e *NoAccessError) Error() string { return e.Reason + "; " + e.Advice }

func (e *NoAccessError) Unwrap() error { return e.Err }

// tellNoAccess makes every operation without a connection or credentials fail with a NoAccessError.
func tellNoAccess(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NoAccess", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		// The SDK asks EC2's metadata last: nothing else had credentials.
		if inner, ok := errors.AsType[*smithy.OperationError](err); ok && inner.ServiceID == imds.ServiceID {
			err = &NoAccessError{"no AWS credentials", "set AWS_PROFILE, run aws sso login or aws configure", err}
		} else if reason := noConnection(err); reason != nil {
			err = &NoAccessError{"no connection to AWS: " + reason.Error(), "check the network, the region and AWS_ENDPOINT_URL", err}
		}
		return out, metadata, err
	}), middleware.Before)
}

// noConnection is why a connection was not made; nil if one was.
func noConnection(err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return op
	}
	return nil
}

// Open takes credentials, region and endpoint from where the AWS command line would: environment, profiles, single
// sign-on. It makes no call. A region that is given goes before the one found.
func Open(ctx context.Context, region string) (*Cloud, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(newRetryer),
		config.WithHTTPClient(awshttp.NewBuildableClient()), // the SDK's own, which takes AWS_CA_BUNDLE
		config.WithLogger(logging.Nop{}),                    // errors say it
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
	cfg.APIOptions = append(cfg.APIOptions, tellNoAccess)
	cfg.HTTPClient = plainBodies{cfg.HTTPClient}
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
