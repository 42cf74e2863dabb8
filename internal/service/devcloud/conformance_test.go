package devcloud

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
	bucket3 "github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// TestStoreConformance runs the conformance suite for object stores with the S3 client against the
// S3 server. Every test has a bucket of its own; the writes to watched buckets are announced.
func TestStoreConformance(t *testing.T) {
	testConformance(t, func(_ *Cloud, remote bucket.Store) bucket.Store { return remote })
}

func TestLocalConformance(t *testing.T) { testConformance(t, (*Cloud).Local) }

func testConformance(t *testing.T, wrap func(*Cloud, bucket.Store) bucket.Store) {
	cfg := testConfig(t.TempDir())
	const buckets = 64
	for i := range buckets {
		cfg.Watch = append(cfg.Watch, fmt.Sprintf("conformance-%d", i))
	}
	c := start(t, cfg)
	store := wrap(c, openStore(t, c))
	var used atomic.Int64
	buckettest.Run(t, func(t *testing.T) (bucket.Store, string) {
		n := used.Add(1) - 1
		if n >= buckets {
			t.Fatalf("the suite has more than %d tests", buckets)
		}
		return store, fmt.Sprintf("conformance-%d", n)
	}, buckettest.KeyBesideFolder)
	lacks, err := probe.Run(t.Context(), store, "conformance-0")
	if err != nil || len(lacks) > 0 {
		t.Errorf("lacks %v, %v", lacks, err)
	}
}

// TestProbeVersions probes a bucket with versioning, in which versitygw answers 412 for ever to a
// put with If-None-Match over a delete marker, and runs the tests of what that touches on the
// adapted store.
func TestProbeVersions(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	name := target
	_, err := client(c).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  &name,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, c)
	lacks, err := probe.Run(t.Context(), store, name)
	if want := (probe.Lacks{probe.PutAfterDelete}); err != nil || !slices.Equal(lacks, want) {
		t.Fatalf("lacks %v, %v; want %v", lacks, err, want)
	}
	adapted, absent := probe.Adapt(store, lacks), bucket.Condition{IfAbsent: true}
	for range 2 {
		for i, want := range []error{nil, bucket.ErrPrecondition} {
			_, err := adapted.Put(t.Context(), name, "x", []byte("one"), bucket.Attributes{}, absent)
			if !errors.Is(err, want) {
				t.Errorf("put %d: %v, want %v", i, err, want)
			}
		}
		if err := adapted.Delete(t.Context(), name, "x", bucket.Condition{}); err != nil {
			t.Error(err)
		}
	}
}

func openStore(t *testing.T, c *Cloud) bucket.Store {
	t.Helper()
	access, secret := c.Credentials()
	store, err := bucket3.Open(bucket3.Options{
		Endpoint: c.Endpoint(), Region: c.Region(), AccessKey: access, Secret: secret, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
