package deployment

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// KMSKey returns the ARN of the customer-managed key that a bucket encrypts with, or nothing if it
// uses a key of S3, which needs no permission.
func KMSKey(ctx context.Context, c *client.Cloud, name, account string) (string, error) {
	out, err := c.Store.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &name})
	if client.IsCode(err, "ServerSideEncryptionConfigurationNotFoundError") {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		d := rule.ApplyServerSideEncryptionByDefault
		if d == nil || aws.ToString(d.KMSMasterKeyID) == "" {
			continue
		}
		key := aws.ToString(d.KMSMasterKeyID)
		switch resource := client.ARNResource(key); {
		case resource == "":
			return fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", c.Partition(), c.Region, account, key),
				nil
		case len(resource) > 4 && resource[:4] == "key/":
			return key, nil
		}
		return "", fmt.Errorf("the bucket names its key by the alias %s, which does not identify one", key)
	}
	return "", nil
}
