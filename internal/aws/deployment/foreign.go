package deployment

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Foreign is what a look at some objects of a target bucket has found.
type Foreign struct {
	Looked  int    // objects that were looked at, of those that variants may replace
	Found   int    // those among them that imgmill did not make
	Example string // the key of the first
}

const (
	// maxLooked bounds the objects that are looked at, each with a HEAD, and maxPrefixes the calls
	// that list them, up to a thousand each.
	maxLooked   = 20
	maxPrefixes = 5
)

// FindForeign looks at some of the objects whose keys outputs of the recipe may get in a bucket, and
// counts those without the marks of an output. It reads no object.
func FindForeign(ctx context.Context, c *client.Cloud, r *recipe.Recipe, bucket string) (Foreign, error) {
	var keys []string
	prefixes := r.TargetPrefixes()
	for _, prefix := range prefixes[:min(len(prefixes), maxPrefixes)] {
		page, err := c.Store.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		if err != nil {
			return Foreign{}, fmt.Errorf("list bucket %s: %w", bucket, err)
		}
		for _, o := range page.Contents {
			if key := aws.ToString(o.Key); r.MayWrite(key) {
				keys = append(keys, key)
			}
		}
	}
	f := Foreign{Looked: min(len(keys), maxLooked)}
	for i := range f.Looked { // evenly spread over what was listed
		key := keys[i*len(keys)/f.Looked]
		o, err := c.Store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		switch {
		case client.IsCode(err, "NotFound"): // it was removed in the meantime
		case err != nil:
			return Foreign{}, fmt.Errorf("look at %s in bucket %s: %w", key, bucket, err)
		case o.Metadata[outcome.MetadataSourceETag] == "":
			if f.Found++; f.Found == 1 {
				f.Example = key
			}
		}
	}
	return f, nil
}

// String says what was found, in one sentence without its end.
func (f Foreign) String() string {
	if f.Found == f.Looked {
		return "imgmill made none of the objects looked at where variants go, such as " + f.Example
	}
	return fmt.Sprintf("imgmill did not make %d of the %d objects looked at where variants go, such as %s",
		f.Found, f.Looked, f.Example)
}

// Consequence says what becomes of such objects, according to the recipe.
func (f Foreign) Consequence(r *recipe.Recipe) string {
	if r.Target.Overwrite == recipe.OverwriteAny {
		return "variants of the same key replace them (target.overwrite: any)"
	}
	return "they stay, and a picture whose variant has the key of one is bad"
}
