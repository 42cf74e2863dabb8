package s3

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Options say where a store is and who asks. Region is required unless there is an Endpoint; everything else may be empty.
type Options struct {
	Endpoint  string // "http://127.0.0.1:9000" for a server that is not AWS; empty: AWS in Region
	Region    string // empty with an Endpoint: us-east-1
	AccessKey string // both keys or neither
	Secret    string
	Session   string // token of temporary credentials
	PathStyle bool   // bucket in the path, not in the host name; what most other servers want
}

// Environment reads options from the variables that Lambda sets for its functions (AWS Lambda Developer Guide, "Defined
// runtime environment variables") and from AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL, which the SDKs share. An endpoint
// given so is addressed in path style.
func Environment(getenv func(string) string) Options {
	o := Options{
		Endpoint: getenv("AWS_ENDPOINT_URL_S3"), Region: getenv("AWS_REGION"), AccessKey: getenv("AWS_ACCESS_KEY_ID"),
		Secret: getenv("AWS_SECRET_ACCESS_KEY"), Session: getenv("AWS_SESSION_TOKEN"),
	}
	if o.Endpoint == "" {
		o.Endpoint = getenv("AWS_ENDPOINT_URL")
	}
	if o.Region == "" {
		o.Region = getenv("AWS_DEFAULT_REGION")
	}
	o.PathStyle = o.Endpoint != ""
	return o
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, fmt.Errorf("endpoint %q: write it as a URL, like http://127.0.0.1:9000", o.Endpoint))
		}
	}
	if o.Endpoint == "" && o.Region == "" {
		errs = append(errs, errors.New("region: missing; name one, for example by AWS_REGION"))
	}
	if (o.AccessKey == "") != (o.Secret == "") {
		errs = append(errs, errors.New("credentials: access key and secret come together"))
	}
	if o.Session != "" && o.AccessKey == "" {
		errs = append(errs, errors.New("credentials: a session token needs its access key and secret"))
	}
	return errors.Join(errs...)
}

// Apply sets the options on a client's, leaving alone what they do not say.
func (o Options) Apply(c *s3.Options) {
	if o.Endpoint != "" {
		c.BaseEndpoint = aws.String(o.Endpoint)
	}
	if o.Region != "" {
		c.Region = o.Region
	}
	if c.Region == "" && o.Endpoint != "" {
		c.Region = "us-east-1"
	}
	if o.AccessKey != "" {
		c.Credentials = aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(o.AccessKey, o.Secret, o.Session))
	}
	c.UsePathStyle = o.PathStyle
	c.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
	c.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	// Objects stored without a checksum are ordinary; a line on stderr for each is noise.
	c.DisableLogOutputChecksumValidationSkipped = true
}

// Open makes a store of options alone: no file is read, no other service asked. Without keys, requests are not signed.
// The Lambda function starts this way, because the full search for credentials costs it start-up time and size.
func Open(o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	c := s3.Options{Credentials: aws.AnonymousCredentials{}}
	o.Apply(&c)
	return New(s3.New(c)), nil
}
