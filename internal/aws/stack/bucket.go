package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
)

// bucket is the state of a bucket.
type bucket struct {
	name   string
	exists bool
	tag    string // the value of deployment.TagName, or empty
	tags   []types.Tag
}

// takenError reports a bucket name in use by a bucket that the caller may not access.
type takenError struct{ name, account string }

func (e *takenError) Error() string {
	return fmt.Sprintf("bucket %s belongs to another account, or you may not access it: bucket names are shared by all accounts, so choose one that nobody else uses, such as %s-%s",
		e.name, e.name, e.account)
}

// findBucket reads the state of a bucket. It is an error if the bucket belongs to somebody else or
// is in another region.
func findBucket(ctx context.Context, c *client.Cloud, name, account string) (bucket, error) {
	b := bucket{name: name}
	_, err := c.Store.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name,
		ExpectedBucketOwner: aws.String(account)})
	var response *awshttp.ResponseError
	switch {
	case err == nil:
	case !errors.As(err, &response):
		return b, fmt.Errorf("look up bucket %s: %w", name, err)
	default:
		switch response.HTTPStatusCode() {
		case http.StatusNotFound:
			return b, nil
		case http.StatusForbidden:
			return b, &takenError{name, account}
		case http.StatusMovedPermanently, http.StatusBadRequest:
			if r := response.Response.Header.Get("X-Amz-Bucket-Region"); r != c.Region {
				return b, fmt.Errorf("bucket %s is in region %s, not in %s: a bucket can only trigger functions in its own region",
					name, r, c.Region)
			}
		}
		return b, fmt.Errorf("look up bucket %s: %w", name, err)
	}
	b.exists = true
	b.tags, err = bucketTags(ctx, c, name)
	b.tag = ownTag(b.tags)
	return b, err
}

func bucketTags(ctx context.Context, c *client.Cloud, name string) ([]types.Tag, error) {
	out, err := c.Store.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	switch {
	case client.IsCode(err, "NoSuchTagSet"):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the tags of bucket %s: %w", name, err)
	}
	return out.TagSet, nil
}

// ownTag returns the value of our tag, or nothing.
func ownTag(tags []types.Tag) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == deployment.TagName {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

// ensureCodeBucket creates the bucket for the function's zips, or completes one that an interrupted
// run left.
func ensureCodeBucket(ctx context.Context, c *client.Cloud, p *Plan, progress Progress) error {
	n := p.Names
	b, err := findBucket(ctx, c, n.CodeBucket, p.Account)
	if err != nil {
		return err
	}
	if b.exists && b.tag != n.Name {
		return fmt.Errorf("bucket %s already exists and was not created by imgmill for %s: choose another name for the deployment",
			b.name, n.Name)
	}
	tags, changed := p.retag(b.tags)
	if !b.exists {
		cfg := &types.CreateBucketConfiguration{Tags: tags}
		if c.Region != "us-east-1" { // S3 refuses this region as a constraint
			cfg.LocationConstraint = types.BucketLocationConstraint(c.Region)
		}
		// An interrupt must not come before the tag, which not every store accepts with the first
		// call.
		uninterrupted := context.WithoutCancel(ctx)
		_, err := c.Store.CreateBucket(uninterrupted,
			&s3.CreateBucketInput{Bucket: &b.name, CreateBucketConfiguration: cfg})
		if client.IsCode(err, "BucketAlreadyExists") {
			return fmt.Errorf("bucket %s belongs to another account: choose another name for the deployment", b.name)
		}
		if err != nil {
			return fmt.Errorf("create bucket %s: %w", b.name, err)
		}
		if err := tagBucket(uninterrupted, c, b.name, tags); err != nil {
			return err
		}
		progress(Event{Part: "bucket " + b.name, Status: "created"})
	} else if changed {
		if err := tagBucket(ctx, c, b.name, tags); err != nil {
			return err
		}
	}
	return configureCodeBucket(ctx, c, b.name)
}

func tagBucket(ctx context.Context, c *client.Cloud, name string, tags []types.Tag) error {
	_, err := c.Store.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name,
		Tagging: &types.Tagging{TagSet: tags}})
	if err != nil {
		return fmt.Errorf("tag bucket %s: %w", name, err)
	}
	return nil
}

// configureCodeBucket writes the settings of the code bucket.
func configureCodeBucket(ctx context.Context, c *client.Cloud, name string) error {
	steps := []struct {
		setting string
		put     func() error
	}{
		{"public access block", func() error {
			_, err := c.Store.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &name,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
					IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
				}})
			return err
		}},
		{"encryption", func() error {
			_, err := c.Store.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &name,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
					ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
				}}}})
			return err
		}},
		{"lifecycle", func() error {
			_, err := c.Store.PutBucketLifecycleConfiguration(ctx,
				&s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
					LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
						ID:                             aws.String("abort-stale-multipart-uploads"),
						Status:                         types.ExpirationStatusEnabled,
						Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
						AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
					}}}})
			return err
		}},
		{"policy", func() error {
			_, err := c.Store.PutBucketPolicy(ctx,
				&s3.PutBucketPolicyInput{Bucket: &name,
					Policy: aws.String(tlsOnlyPolicy(c.Partition(), name))})
			return err
		}},
	}
	for _, s := range steps {
		if err := s.put(); err != nil {
			return fmt.Errorf("set the %s of bucket %s: %w", s.setting, name, err)
		}
	}
	return nil
}

// tlsOnlyPolicy is the policy that the template also gives to its buckets.
func tlsOnlyPolicy(partition, name string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"OnlyTLS","Effect":"Deny","Principal":"*","Action":"s3:*",`+
		`"Resource":["arn:%[1]s:s3:::%[2]s","arn:%[1]s:s3:::%[2]s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, partition, name)
}

// uploadZip stores the zip in the code bucket unless it is there already. Its key is derived from
// its bytes.
func uploadZip(ctx context.Context, c *client.Cloud, n deployment.Names, key string, zip []byte,
	progress Progress) error {
	_, err := c.Store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &n.CodeBucket, Key: &key})
	if err == nil {
		return nil
	}
	if !client.IsCode(err, "NotFound") {
		return fmt.Errorf("look up %s in bucket %s: %w", key, n.CodeBucket, err)
	}
	_, err = c.Store.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &n.CodeBucket, Key: &key, Body: bytes.NewReader(zip),
		ContentType: aws.String("application/zip"),
	})
	if err != nil {
		return fmt.Errorf("upload %s to bucket %s: %w", key, n.CodeBucket, err)
	}
	progress(Event{Part: "code " + key, Status: "uploaded"})
	return nil
}

// pruneZips deletes all zips except the one that the function runs.
func pruneZips(ctx context.Context, c *client.Cloud, n deployment.Names, current string) error {
	pages := s3.NewListObjectsV2Paginator(c.Store,
		&s3.ListObjectsV2Input{Bucket: &n.CodeBucket, Prefix: aws.String("bootstrap-")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", n.CodeBucket, err)
		}
		for _, o := range page.Contents {
			if aws.ToString(o.Key) == current {
				continue
			}
			if _, err := c.Store.DeleteObject(ctx,
				&s3.DeleteObjectInput{Bucket: &n.CodeBucket, Key: o.Key}); err != nil {
				return fmt.Errorf("delete %s from bucket %s: %w", aws.ToString(o.Key), n.CodeBucket,
					err)
			}
		}
	}
	return nil
}

// maxCountPages bounds the counting of a large bucket, at a thousand objects a page.
const maxCountPages = 100

// countObjects sums up the content of a bucket, including old versions and delete markers. The
// result more reports that counting stopped before the end.
func countObjects(
	ctx context.Context, c *client.Cloud, name string,
) (objects int, size int64, more bool, err error) {
	pages := s3.NewListObjectVersionsPaginator(c.Store, &s3.ListObjectVersionsInput{Bucket: &name})
	for n := 0; pages.HasMorePages(); n++ {
		if n == maxCountPages {
			return objects, size, true, nil
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return objects, size, false, fmt.Errorf("list bucket %s: %w", name, err)
		}
		objects += len(page.Versions) + len(page.DeleteMarkers)
		for _, v := range page.Versions {
			size += aws.ToInt64(v.Size)
		}
	}
	return objects, size, false, nil
}

// emptyBucket deletes every version, every delete marker and every unfinished upload of a bucket.
func emptyBucket(ctx context.Context, c *client.Cloud, name string) error {
	uploads := s3.NewListMultipartUploadsPaginator(c.Store,
		&s3.ListMultipartUploadsInput{Bucket: &name})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the unfinished uploads of bucket %s: %w", name, err)
		}
		for _, u := range page.Uploads {
			_, err := c.Store.AbortMultipartUpload(ctx,
				&s3.AbortMultipartUploadInput{Bucket: &name, Key: u.Key, UploadId: u.UploadId})
			if err != nil && !client.IsCode(err, "NoSuchUpload") {
				return fmt.Errorf("abort an unfinished upload in bucket %s: %w", name, err)
			}
		}
	}
	for previous := ""; ; {
		// Always the first page: what the one before listed is deleted by now.
		page, err := c.Store.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &name})
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", name, err)
		}
		var doomed []types.ObjectIdentifier
		for _, v := range page.Versions {
			doomed = append(doomed, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			doomed = append(doomed, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(doomed) == 0 {
			return nil
		}
		first := *doomed[0].Key + "\n" + aws.ToString(doomed[0].VersionId)
		if first == previous {
			return fmt.Errorf("empty bucket %s: %s is still there after its deletion", name,
				*doomed[0].Key)
		}
		previous = first
		out, err := c.Store.DeleteObjects(ctx,
			&s3.DeleteObjectsInput{Bucket: &name,
				Delete: &types.Delete{Objects: doomed, Quiet: aws.Bool(true)}})
		if err != nil {
			return fmt.Errorf("empty bucket %s: %w", name, err)
		}
		if len(out.Errors) > 0 {
			e := out.Errors[0]
			return fmt.Errorf("empty bucket %s: not all objects can be deleted (%d cannot), such as %s: %s",
				name, len(out.Errors), aws.ToString(e.Key), aws.ToString(e.Message))
		}
	}
}
