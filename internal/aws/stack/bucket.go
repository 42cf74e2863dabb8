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
)

// bucket is what can be seen of a bucket.
type bucket struct {
	name   string
	exists bool
	tag    string // value of TagName; empty if it has none
}

// takenError: the name is a bucket's that the caller may not see.
type takenError struct{ name, account string }

func (e *takenError) Error() string {
	return fmt.Sprintf("bucket %s belongs to another account, or you may not see it: all accounts share the names of buckets, so choose one that nobody else has, like %s-%s", e.name, e.name, e.account)
}

// look finds out about a bucket. The error says so if the name is somebody else's, or the bucket is in another region.
func (c *Cloud) look(ctx context.Context, name, account string) (bucket, error) {
	b := bucket{name: name}
	_, err := c.Store.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name, ExpectedBucketOwner: aws.String(account)})
	var answer *awshttp.ResponseError
	switch {
	case err == nil:
	case !errors.As(err, &answer):
		return b, fmt.Errorf("look at bucket %s: %w", name, err)
	default:
		switch answer.HTTPStatusCode() {
		case http.StatusNotFound:
			return b, nil
		case http.StatusForbidden:
			return b, &takenError{name, account}
		case http.StatusMovedPermanently, http.StatusBadRequest:
			if r := answer.Response.Header.Get("X-Amz-Bucket-Region"); r != c.Region {
				return b, fmt.Errorf("bucket %s is in region %s, not in %s: a bucket tells only functions of its own region", name, r, c.Region)
			}
		}
		return b, fmt.Errorf("look at bucket %s: %w", name, err)
	}
	b.exists = true
	tags, err := c.bucketTags(ctx, name)
	b.tag = tagOf(tags)
	return b, err
}

func (c *Cloud) bucketTags(ctx context.Context, name string) ([]types.Tag, error) {
	out, err := c.Store.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	switch {
	case isCode(err, "NoSuchTagSet"):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the tags of bucket %s: %w", name, err)
	}
	return out.TagSet, nil
}

// tagOf is the value of our tag, or nothing.
func tagOf(tags []types.Tag) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == TagName {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

// kmsKey is the ARN of the key of one's own that a bucket encrypts with, or nothing. S3's own keys need no permission.
func (c *Cloud) kmsKey(ctx context.Context, name, account string) (string, error) {
	out, err := c.Store.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &name})
	if isCode(err, "ServerSideEncryptionConfigurationNotFoundError") {
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
		switch resource := resourceOf(key); {
		case resource == "":
			return fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", c.partition(), c.Region, account, key), nil
		case len(resource) > 4 && resource[:4] == "key/":
			return key, nil
		}
		return "", fmt.Errorf("its key is named by the alias %s", key)
	}
	return "", nil
}

// ensureCodeBucket makes the bucket of the function's zips, or heals one that an earlier run left half made.
func (c *Cloud) ensureCodeBucket(ctx context.Context, n Names, account string, tell Tell) error {
	b, err := c.look(ctx, n.CodeBucket, account)
	if err != nil {
		return err
	}
	if b.exists && b.tag != n.Name {
		return fmt.Errorf("bucket %s is there already and was not made by imgmill for %s: choose another name for the deployment", b.name, n.Name)
	}
	tags := []types.Tag{{Key: aws.String(TagName), Value: aws.String(n.Name)}}
	if !b.exists {
		cfg := &types.CreateBucketConfiguration{Tags: tags}
		if c.Region != "us-east-1" { // which S3 wants left out
			cfg.LocationConstraint = types.BucketLocationConstraint(c.Region)
		}
		// Not to be interrupted before it carries the tag, which not every store takes with the first call.
		whole := context.WithoutCancel(ctx)
		_, err := c.Store.CreateBucket(whole, &s3.CreateBucketInput{Bucket: &b.name, CreateBucketConfiguration: cfg})
		if isCode(err, "BucketAlreadyExists") {
			return fmt.Errorf("bucket %s belongs to another account: choose another name for the deployment", b.name)
		}
		if err != nil {
			return fmt.Errorf("make bucket %s: %w", b.name, err)
		}
		if err := c.tag(whole, b.name, tags); err != nil {
			return err
		}
		tell(Event{Part: "bucket " + b.name, Status: "made"})
	}
	return c.furnish(ctx, b.name)
}

func (c *Cloud) tag(ctx context.Context, name string, tags []types.Tag) error {
	_, err := c.Store.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name, Tagging: &types.Tagging{TagSet: tags}})
	if err != nil {
		return fmt.Errorf("tag bucket %s: %w", name, err)
	}
	return nil
}

// furnish gives the code bucket its settings.
func (c *Cloud) furnish(ctx context.Context, name string) error {
	steps := []struct {
		what string
		call func() error
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
			_, err := c.Store.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
					ID: aws.String("abort-stale-multipart-uploads"), Status: types.ExpirationStatusEnabled,
					Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
					AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
				}}}})
			return err
		}},
		{"policy", func() error {
			_, err := c.Store.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: aws.String(onlyTLS(c.partition(), name))})
			return err
		}},
	}
	for _, s := range steps {
		if err := s.call(); err != nil {
			return fmt.Errorf("set the %s of bucket %s: %w", s.what, name, err)
		}
	}
	return nil
}

// onlyTLS is the policy that the template also gives to its buckets.
func onlyTLS(partition, name string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"OnlyTLS","Effect":"Deny","Principal":"*","Action":"s3:*",`+
		`"Resource":["arn:%[1]s:s3:::%[2]s","arn:%[1]s:s3:::%[2]s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, partition, name)
}

// upload puts the zip into the code bucket unless it is there: its key is made of its bytes.
func (c *Cloud) upload(ctx context.Context, n Names, key string, zip []byte, tell Tell) error {
	_, err := c.Store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &n.CodeBucket, Key: &key})
	if err == nil {
		return nil
	}
	if !isCode(err, "NotFound") {
		return fmt.Errorf("look for %s in bucket %s: %w", key, n.CodeBucket, err)
	}
	_, err = c.Store.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &n.CodeBucket, Key: &key, Body: bytes.NewReader(zip), ContentType: aws.String("application/zip"),
	})
	if err != nil {
		return fmt.Errorf("upload %s to bucket %s: %w", key, n.CodeBucket, err)
	}
	tell(Event{Part: "code " + key, Status: "uploaded"})
	return nil
}

// prune deletes the zips that the function no longer runs.
func (c *Cloud) prune(ctx context.Context, n Names, key string) error {
	pages := s3.NewListObjectsV2Paginator(c.Store, &s3.ListObjectsV2Input{Bucket: &n.CodeBucket, Prefix: aws.String("bootstrap-")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", n.CodeBucket, err)
		}
		for _, o := range page.Contents {
			if aws.ToString(o.Key) == key {
				continue
			}
			if _, err := c.Store.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &n.CodeBucket, Key: o.Key}); err != nil {
				return fmt.Errorf("delete %s from bucket %s: %w", aws.ToString(o.Key), n.CodeBucket, err)
			}
		}
	}
	return nil
}

// countPages bounds the counting of a large bucket: a thousand objects each.
const countPages = 100

// count adds up what a bucket holds, old versions and delete markers included; more says that counting was ended.
func (c *Cloud) count(ctx context.Context, name string) (objects int, size int64, more bool, err error) {
	pages := s3.NewListObjectVersionsPaginator(c.Store, &s3.ListObjectVersionsInput{Bucket: &name})
	for n := 0; pages.HasMorePages(); n++ {
		if n == countPages {
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

// empty deletes every version, every delete marker and every unfinished upload of a bucket.
func (c *Cloud) empty(ctx context.Context, name string) error {
	uploads := s3.NewListMultipartUploadsPaginator(c.Store, &s3.ListMultipartUploadsInput{Bucket: &name})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the unfinished uploads of bucket %s: %w", name, err)
		}
		for _, u := range page.Uploads {
			_, err := c.Store.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &name, Key: u.Key, UploadId: u.UploadId})
			if err != nil && !isCode(err, "NoSuchUpload") {
				return fmt.Errorf("end an unfinished upload of bucket %s: %w", name, err)
			}
		}
	}
	for first := ""; ; {
		// The first page again and again: what it named is gone by then.
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
		if id := *doomed[0].Key + "\n" + aws.ToString(doomed[0].VersionId); id == first {
			return fmt.Errorf("empty bucket %s: %s was deleted and is still there", name, *doomed[0].Key)
		} else {
			first = id
		}
		out, err := c.Store.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &name, Delete: &types.Delete{Objects: doomed, Quiet: aws.Bool(true)}})
		if err != nil {
			return fmt.Errorf("empty bucket %s: %w", name, err)
		}
		if len(out.Errors) > 0 {
			e := out.Errors[0]
			return fmt.Errorf("empty bucket %s: %d objects stay, the first is %s: %s", name, len(out.Errors), aws.ToString(e.Key), aws.ToString(e.Message))
		}
	}
}
