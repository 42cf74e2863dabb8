package s3

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Options are the address of a store and the credentials for it. Either Region or Endpoint is
// required; everything else may be empty.
type Options struct {
	Endpoint  string // of a server other than AWS, such as http://127.0.0.1:9000; empty: AWS in Region
	Region    string // if empty and there is an Endpoint: us-east-1
	AccessKey string // set together with Secret or not at all
	Secret    string
	Session   string // session token of temporary credentials
	PathStyle bool   // the bucket is in the path, not in the host name; most other servers need it
	Profile   string // of the shared configuration files, which package ambient alone reads
}

// Environment returns options from the environment variables that Lambda sets for its functions
// (AWS Lambda Developer Guide, "Defined runtime environment variables") and from
// AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL, which all AWS SDKs support. An endpoint from these
// variables is addressed in path style.
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

// Validate reports all problems with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, fmt.Errorf("endpoint %q: write it as a URL, like http://127.0.0.1:9000", o.Endpoint))
		}
	}
	if o.Endpoint == "" && o.Region == "" {
		errs = append(errs, errors.New("region: missing; set it, for example in AWS_REGION"))
	}
	if (o.AccessKey == "") != (o.Secret == "") {
		errs = append(errs, errors.New("credentials: set both the access key and the secret"))
	}
	if o.Session != "" && o.AccessKey == "" {
		errs = append(errs, errors.New("credentials: a session token needs an access key and a secret"))
	}
	return errors.Join(errs...)
}

// Apply sets the options of a client, except for those that are empty.
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
	// Objects without a checksum are common; a line on stderr for each would be noise.
	c.DisableLogOutputChecksumValidationSkipped = true
}

// Open returns a store for the given options alone: it reads no file and calls no other service.
// Without keys, requests are not signed. The Lambda function uses it, because the full search for
// credentials costs start-up time and size.
func Open(o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	c := s3.Options{Credentials: aws.AnonymousCredentials{}}
	o.Apply(&c)
	return New(s3.New(c)), nil
}
