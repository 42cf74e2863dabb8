// Package ambient opens an S3 store with the credentials and region that the AWS command line would
// find: in the environment, shared files and profiles, single sign-on, container roles and instance
// roles.
//
// It is not part of package s3 because the search links five more service clients, which a Lambda
// function never needs. It never stores credentials and never prompts for them. Specification: AWS
// SDKs and Tools Reference Guide, "Standardized credential providers".
package ambient

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// Open returns a store. The options in o take precedence over what is found.
func Open(ctx context.Context, o s3.Options) (*s3.Store, error) {
	load := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})} // returned errors say it all
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	known := o
	if known.Region == "" {
		known.Region = cfg.Region
	}
	if err := known.Validate(); err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	return s3.New(awss3.NewFromConfig(cfg, o.Apply)), nil
}
