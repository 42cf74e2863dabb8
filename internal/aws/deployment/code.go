package deployment

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
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

// ReadCode reads the zip that the stack's parameters name or, in a deployment that another tool keeps,
// the code of the function. The error is pack.ErrBinary if Lambda could not run the zip, and
// recipe.Errors if the recipe in it is invalid; what could be read is returned with them.
func ReadCode(ctx context.Context, c *client.Cloud, d *Deployment) (*Code, error) {
	data, err := d.readZip(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.CodePlace(), err)
	}
	sum := sha256.Sum256(data)
	code := &Code{SHA256: base64.StdEncoding.EncodeToString(sum[:])}
	contents, err := pack.Read(data)
	if err != nil {
		return code, fmt.Errorf("%s: %w", d.CodePlace(), err)
	}
	code.Arch = contents.Arch
	if contents.Recipe == nil {
		return code, fmt.Errorf("%s holds no recipe", d.CodePlace())
	}
	code.Text = contents.Recipe
	code.Recipe, err = recipe.ParseAnywhere(formats.All(), "imgmill.yaml in the zip", contents.Recipe)
	if err != nil {
		return code, err
	}
	code.Recipe.Source.Bucket, code.Recipe.Target.Bucket = d.SourceBucket, d.TargetBucket
	return code, nil
}

// CodePlace names where the function's zip is.
func (d *Deployment) CodePlace() string {
	if d.Parameters["CodeKey"] == "" {
		return "the code of function " + d.FunctionName
	}
	return "s3://" + d.Parameters["CodeBucket"] + "/" + d.Parameters["CodeKey"]
}

func (d *Deployment) readZip(ctx context.Context, c *client.Cloud) ([]byte, error) {
	from, key := d.Parameters["CodeBucket"], d.Parameters["CodeKey"]
	if key == "" {
		return readFunction(ctx, c, d.FunctionName)
	}
	out, err := c.Store.GetObject(ctx, &s3.GetObjectInput{Bucket: &from, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(io.LimitReader(out.Body, maxZip))
}

// readFunction reads a function's code from the address that Lambda gives for ten minutes (AWS Lambda
// API Reference, "FunctionCodeLocation").
func readFunction(ctx context.Context, c *client.Cloud, name string) ([]byte, error) {
	out, err := c.Function.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		return nil, err
	}
	if out.Code == nil || out.Code.Location == nil {
		return nil, errors.New("its address is missing")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, *out.Code.Location, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("its address answers %s", response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxZip))
}
