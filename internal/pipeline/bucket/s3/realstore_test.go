package s3_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"io"
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
	adapted := probe.Adapt(store, lacks)
	buckettest.Run(t, func(t *testing.T) (bucket.Store, string) { return adapted, makeBucket(t) }, lacks...)
	t.Run("Multipart", func(t *testing.T) { testMultipart(t, client, adapted, makeBucket(t)) })
	t.Run("ContentEncoding", func(t *testing.T) { testContentEncoding(t, client, adapted, makeBucket(t)) })
}

// testMultipart reads and copies an upload in parts, whose ETag is not the MD5 of its bytes, on the
// condition of that ETag.
func testMultipart(t *testing.T, client *awss3.Client, store bucket.Store, name string) {
	const key = "parts.jpg"
	parts := [][]byte{bytes.Repeat([]byte("a"), 5<<20), []byte("b")}
	up, err := client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &name, Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	done := &types.CompletedMultipartUpload{}
	for i, data := range parts {
		number := aws.Int32(int32(i + 1))
		part, err := client.UploadPart(t.Context(), &awss3.UploadPartInput{
			Bucket: &name, Key: aws.String(key), UploadId: up.UploadId, PartNumber: number, Body: bytes.NewReader(data),
		})
		if err != nil {
			t.Fatal(err)
		}
		done.Parts = append(done.Parts, types.CompletedPart{ETag: part.ETag, PartNumber: number})
	}
	if _, err := client.CompleteMultipartUpload(t.Context(), &awss3.CompleteMultipartUploadInput{
		Bucket: &name, Key: aws.String(key), UploadId: up.UploadId, MultipartUpload: done,
	}); err != nil {
		t.Fatal(err)
	}
	info, err := store.Head(t.Context(), name, key)
	if err != nil {
		t.Fatal(err)
	}
	from := bucket.Source{Bucket: name, Key: key, IfMatch: info.ETag}
	if err := store.Copy(t.Context(), from, name, "copy.jpg", bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatalf("copy with the ETag %s: %v", info.ETag, err)
	}
	for key, etag := range map[string]string{key: info.ETag, "copy.jpg": ""} {
		wantBytes(t, store, name, key, etag, bytes.Join(parts, nil))
	}
}

// testContentEncoding reads objects whose uploader has named an encoding: the bytes are those that
// are stored. boto3's uploads over TLS name aws-chunked, and some stores keep it.
func testContentEncoding(t *testing.T, client *awss3.Client, store bucket.Store, name string) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte("a picture"))
	z.Close()
	for encoding, data := range map[string][]byte{"gzip": zipped.Bytes(), "unknown": []byte("a picture")} {
		out, err := client.PutObject(t.Context(), &awss3.PutObjectInput{
			Bucket: &name, Key: &encoding, Body: bytes.NewReader(data), ContentEncoding: &encoding,
		})
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, store, name, encoding, strings.Trim(*out.ETag, `"`), data)
	}
}

func wantBytes(t *testing.T, store bucket.Store, name, key, etag string, want []byte) {
	t.Helper()
	o, err := store.Get(t.Context(), name, key, bucket.Condition{IfMatch: etag})
	if err != nil {
		t.Errorf("get %s with the ETag %q: %v", key, etag, err)
		return
	}
	defer o.Body.Close()
	got, err := io.ReadAll(o.Body)
	if err != nil || !bytes.Equal(got, want) || o.Size != int64(len(want)) {
		t.Errorf("%s: %d bytes, described as %d, want %d (%v)", key, len(got), o.Size, len(want), err)
	}
}
