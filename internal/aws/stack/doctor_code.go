package stack

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Code is what a deployment's zip in the code bucket holds.
type Code struct {
	Arch   string         // of the binary, as internal/aws/pack has it
	SHA256 string         // of the zip, in base64, as Lambda tells it
	Recipe *recipe.Recipe // with the deployment's buckets
	Text   []byte         // of the recipe, as it is in the zip
}

// maxZip is over what deploy uploads; Lambda takes 250 MB unpacked.
const maxZip = 256 << 20

// Code reads the zip that the stack's parameters name. Errors of a zip that Lambda could not run are pack.ErrBinary.
func (c *Cloud) Code(ctx context.Context, d *Deployment) (*Code, error) {
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
	code.Recipe, err = recipe.Parse(formats.All(), "imgmill.yaml in the zip", contents.Recipe)
	if err != nil {
		return code, err
	}
	code.Recipe.Source.Bucket, code.Recipe.Target.Bucket = d.SourceBucket, d.TargetBucket
	return code, nil
}
