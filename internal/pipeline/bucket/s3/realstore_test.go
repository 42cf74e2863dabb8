package s3_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// TestRealStore probes the store at the endpoint in IMGMILL_STORE, which runs as a process of its
// own, and runs the conformance suite on what the probe makes of it. IMGMILL_STORE_KEY and
// IMGMILL_STORE_SECRET are the credentials; IMGMILL_STORE_VERSIONS=1 makes buckets with versioning.
// What the probe cannot find out, such as keys that the store folds, is skipped with `go test -skip`.
func TestRealStore(t *testing.T) {
	endpoint := os.Getenv("IMGMILL_STORE")
	if endpoint == "" {
		t.Skip("IMGMILL_STORE is not set")
	}
	env := func(name, value string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		return value
	}
	o := awss3.Options{}
	s3.Options{
		Endpoint: endpoint, AccessKey: env("IMGMILL_STORE_KEY", "test"), Secret: env("IMGMILL_STORE_SECRET", "test"),
		PathStyle: true,
	}.Apply(&o)
	client := awss3.New(o)
	makeBucket := func(t *testing.T) string {
		name := "imgmill-" + strings.ToLower(rand.Text()[:16])
		if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
		if os.Getenv("IMGMILL_STORE_VERSIONS") == "" {
			return name
		}
		_, err := client.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{
			Bucket:                  aws.String(name),
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	store := s3.New(client)
	lacks, err := probe.Run(t.Context(), store, makeBucket(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the store lacks %s", lacks)
	buckettest.Run(t, func(t *testing.T) (bucket.Store, string) {
		return probe.Adapt(store, lacks), makeBucket(t)
	}, lacks...)
}
