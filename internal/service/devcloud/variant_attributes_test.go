package devcloud

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const attributesRecipe = `source: {bucket: photos-input}
target:
  bucket: photos-output
  key: "{variant}/{key}"
  cache_control: "max-age=60"
  tags: {team: web, stage: live}
  storage_class: STANDARD_IA
  acl: public-read
object_metadata: [author, content-disposition]
variants: {w: {width: 20, format: webp}}
`

// TestVariantAttributes looks at a variant on versitygw with a client of AWS: it has what the recipe
// gives and selects, and nothing private of its source, which is compressed. versitygw keeps tags, and
// ignores the storage class and the ACL.
func TestVariantAttributes(t *testing.T) {
	cloud := start(t, testConfig(t.TempDir()))
	cl, ctx := client(cloud), t.Context()
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	if _, err := zw.Write(sample.Photo(60, 40)); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	expires := time.Unix(2e9, 0).UTC()
	_, err := cl.PutObject(ctx, &s3.PutObjectInput{
		Bucket: new(source), Key: new("a.jpg"), Body: bytes.NewReader(packed.Bytes()), ContentEncoding: new("gzip"),
		ContentLanguage: new("de, en-GB"), ContentDisposition: new(`attachment; filename="Holiday.HEIC"`),
		CacheControl: new("max-age=1"), Expires: &expires,
		Metadata: map[string]string{"author": "Ada", "md5chksum": "abc", "s3cmd-attrs": "uname:root", "token": "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := processed(t, cloud, attributesRecipe); r.Verdict != outcome.Done {
		t.Fatalf("%s: %s", r.Verdict, r.Reason)
	}
	head, err := cl.HeadObject(ctx, &s3.HeadObjectInput{Bucket: new(target), Key: new("w/a.jpg")})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][2]string{
		"Content-Type":        {str(head.ContentType), "image/webp"},
		"Content-Encoding":    {str(head.ContentEncoding), ""},
		"Content-Language":    {str(head.ContentLanguage), "de, en-GB"},
		"Content-Disposition": {str(head.ContentDisposition), "attachment; filename=Holiday.webp"},
		"Cache-Control":       {str(head.CacheControl), "max-age=60"},
		"Expires":             {str(head.ExpiresString), ""},
		"author":              {head.Metadata["author"], "Ada"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", name, got[0], got[1])
		}
	}
	for name := range head.Metadata {
		if name != "author" && !strings.HasPrefix(name, outcome.MetadataPrefix) {
			t.Errorf("metadata %s of the source reaches the variant", name)
		}
	}
	tagging, err := cl.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: new(target), Key: new("w/a.jpg")})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range tagging.TagSet {
		tags[str(tag.Key)] = str(tag.Value)
	}
	if len(tags) != 2 || tags["team"] != "web" || tags["stage"] != "live" {
		t.Errorf("tags %v", tags)
	}
	if head.StorageClass != types.StorageClassStandard { // docs/metadata.md says that it is ignored
		t.Errorf("storage class %s", head.StorageClass)
	}
	if acl, err := cl.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: new(target), Key: new("w/a.jpg")}); err == nil {
		for _, g := range acl.Grants {
			if g.Grantee.Type == types.TypeGroup {
				t.Errorf("an ACL is kept: %s may %s", str(g.Grantee.URI), g.Permission)
			}
		}
	}
	// Without the recipe's own, what the source has for delivery is carried.
	if r := processed(t, cloud, strings.Replace(attributesRecipe, "  cache_control: \"max-age=60\"\n", "", 1)); r.Verdict != outcome.Done {
		t.Fatalf("%s: %s", r.Verdict, r.Reason)
	}
	if head, err = cl.HeadObject(ctx, &s3.HeadObjectInput{Bucket: new(target), Key: new("w/a.jpg")}); err != nil {
		t.Fatal(err)
	}
	if str(head.CacheControl) != "max-age=1" || str(head.ExpiresString) != expires.Format("Mon, 02 Jan 2006 15:04:05 GMT") {
		t.Errorf("Cache-Control %q, Expires %q", str(head.CacheControl), str(head.ExpiresString))
	}
}

// processed runs a.jpg through the pipeline with a recipe.
func processed(t *testing.T, cloud *Cloud, text string) mill.Result {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return mill.New(openStore(t, cloud), r).Process(t.Context(), event.Change{Bucket: source, Key: "a.jpg", Size: -1})
}
