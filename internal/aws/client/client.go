// Package client opens the AWS services that the other packages use, identifies the caller, and
// turns the SDK's errors into reasons that a person can act on.
//
// It changes nothing on AWS. Credentials, region and endpoint come from where the AWS command line
// takes them (AWS SDKs and Tools Reference Guide, "Configuration and credential precedence").
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/aws/smithy-go/logging"
)

// Cloud is one region of one account, reached through the services that a deployment uses. Calls
// that AWS throttles are retried.
type Cloud struct {
	Region string
	// Credentials sign calls of services that have no client here.
	Credentials aws.CredentialsProvider
	Batch       *s3control.Client // S3 Batch Operations
	Formation   *cloudformation.Client
	Function    *lambda.Client
	Identity    *iam.Client
	Logs        *cloudwatchlogs.Client
	Queue       *sqs.Client
	Store       *s3.Client
	Token       *sts.Client
}

const (
	// attempts outlasts throttling: CloudFormation and IAM allow few calls a second.
	attempts = 8
	// connectAttempts is lower, because a network that is down does not recover within seconds.
	connectAttempts = 3
)

// retryer is the SDK's standard retryer, except that it gives up early on a service that cannot be
// connected to.
type retryer struct{ *retry.Standard }

func newRetryer() aws.Retryer {
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts })}
}

// RetryDelay implements aws.Retryer.
func (r retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	if attempt >= connectAttempts && ConnectionError(err) != nil {
		return 0, err
	}
	return r.Standard.RetryDelay(attempt, err)
}

// plainBodies hides the WriteTo method of request bodies from net/http. The SDK closes a body as
// soon as the response begins, and its WriteTo then returns io.EOF. net/http, which copies until
// the end of the body after the last byte was sent, takes that for a failed write and drops the
// connection in the middle of the response. The SDK would then repeat the call, and messages in the
// lost response of an SQS receive would stay leased to nobody.
type plainBodies struct{ next aws.HTTPClient }

func (c plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.next.Do(r)
}

// Open finds credentials, region and endpoint as the AWS command line does: environment, profiles,
// single sign-on. A region given here takes precedence. Open makes no call, so it does not notice
// credentials that do not work.
func Open(ctx context.Context, region string) (*Cloud, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient()), // the SDK's own, which reads AWS_CA_BUNDLE
		config.WithLogger(logging.Nop{}),                    // returned errors carry what it would log
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region: set AWS_REGION, add --region, or set a region in your AWS profile")
	}
	cfg.Retryer = newRetryer // not an option, which would put AWS_MAX_ATTEMPTS out of force
	cfg.APIOptions = append(cfg.APIOptions, explainNoAccess)
	cfg.HTTPClient = plainBodies{cfg.HTTPClient}
	return &Cloud{
		Region:      cfg.Region,
		Credentials: cfg.Credentials,
		Batch:       s3control.NewFromConfig(cfg, asIs),
		Formation:   cloudformation.NewFromConfig(cfg),
		Function:    lambda.NewFromConfig(cfg),
		Identity:    iam.NewFromConfig(cfg),
		Logs:        cloudwatchlogs.NewFromConfig(cfg),
		Queue:       sqs.NewFromConfig(cfg),
		// An S3 server at a custom endpoint has no host name for each bucket.
		Store: s3.NewFromConfig(cfg,
			func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil }),
		Token: sts.NewFromConfig(cfg),
	}, nil
}

// asIs keeps the SDK from putting the account's number before the host of a custom endpoint.
func asIs(o *s3control.Options) {
	if o.BaseEndpoint != nil {
		o.EndpointResolverV2 = fixedEndpoint(*o.BaseEndpoint)
	}
}

// fixedEndpoint is the URL of every call.
type fixedEndpoint string

// ResolveEndpoint implements s3control.EndpointResolverV2.
func (e fixedEndpoint) ResolveEndpoint(
	context.Context, s3control.EndpointParameters,
) (smithyendpoints.Endpoint, error) {
	u, err := url.Parse(string(e))
	if err != nil {
		return smithyendpoints.Endpoint{}, err
	}
	return smithyendpoints.Endpoint{URI: *u}, nil
}

// Partition returns the partition of the region's ARNs: aws, or that of a separate AWS such as
// China's.
func (c *Cloud) Partition() string {
	switch {
	case strings.HasPrefix(c.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(c.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
