package deployment

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Code is the content of a deployment's zip in the code bucket.
type Code struct {
	// Arch is the architecture of the binary, as package pack names it.
	Arch string
	// SHA256 is the hash of the zip in base64, as Lambda reports it.
	SHA256 string
	// Recipe has the deployment's buckets. It is nil if the zip holds none or an invalid one.
	Recipe *recipe.Recipe
	// Text is the recipe as it is in the zip.
	Text []byte
}

// maxZip is more than deploy ever uploads: Lambda allows 250 MB unpacked.
const maxZip = 256 << 20

// ReadCode reads the zip that the stack's parameters name. The error is pack.ErrBinary if Lambda
// could not run the zip, and recipe.Errors if the recipe in it is invalid; what could be read is
// returned with them.
func ReadCode(ctx context.Context, c *client.Cloud, d *Deployment) (*Code, error) {
	from, key := d.Parameters["CodeBucket"], d.Parameters["CodeKey"]
	out, err := c.Store.GetObject(ctx, &s3.GetObjectInput{Bucket: &from, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("read the function's zip s3://%s/%s: %w", from, key, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxZip))
	if err != nil {
		return nil, fmt.Errorf("read the function's zip s3://%s/%s: %w", from, key, err)
	}
	sum := sha256.Sum256(data)
	code := &Code{SHA256: base64.StdEncoding.EncodeToString(sum[:])}
	contents, err := pack.Read(data)
	if err != nil {
		return code, fmt.Errorf("s3://%s/%s: %w", from, key, err)
	}
	code.Arch = contents.Arch
	if contents.Recipe == nil {
		return code, fmt.Errorf("s3://%s/%s holds no recipe", from, key)
	}
	code.Text = contents.Recipe
	code.Recipe, err = recipe.ParseAnywhere(formats.All(), "imgmill.yaml in the zip", contents.Recipe)
	if err != nil {
		return code, err
	}
	code.Recipe.Source.Bucket, code.Recipe.Target.Bucket = d.SourceBucket, d.TargetBucket
	return code, nil
}
