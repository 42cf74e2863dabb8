package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// A status of 200 proves nothing: it may come from a proxy, a captive portal or a server that found
// out too late that it has failed. The functions of this file decide whether an answer is that of a
// store about the object. What they doubt is ErrTransient: nothing is concluded from it, and the
// call can be repeated.

func (c call) doubt(why string) error {
	return &serviceError{call: c, kind: bucket.ErrTransient, text: why}
}

// believeObject checks the answer to a get, of the object or of a part of it.
func (c call) believeObject(out *s3.GetObjectOutput, in *s3.GetObjectInput) error {
	want := bare(in.IfMatch)
	switch {
	case bare(out.ETag) == "":
		return c.doubt("the answer has no ETag, so it is not the object" + page(out.ContentType))
	case out.ContentLength == nil || *out.ContentLength < 0:
		return c.doubt("the answer has no Content-Length, so that its end would go unnoticed")
	case want != "" && bare(out.ETag) != want && isPage(out.ContentType):
		return c.doubt("the answer is not the object" + page(out.ContentType))
	case want != "" && bare(out.ETag) != want:
		// Some servers ignore the condition.
		return fmt.Errorf("%s: %w: the ETag is %s", c, bucket.ErrPrecondition, bare(out.ETag))
	case isPage(out.ContentType) && !hasRequestID(out.ResultMetadata):
		return c.doubt("the answer does not come from a store" + page(out.ContentType))
	case in.Range == nil && out.ContentRange != nil:
		return c.doubt("the answer is a part of the object: " + *out.ContentRange)
	case in.Range != nil && out.ContentRange != nil && !sameRange(*in.Range, *out.ContentRange):
		return c.doubt("the answer is another part of the object: " + *out.ContentRange)
	}
	return nil
}

// sameRange reports whether an answer has the range that was asked for: bytes=0-9 is answered by bytes
// 0-9/100 (RFC 9110, sections 14.2 and 14.4).
func sameRange(asked, answered string) bool {
	part, _, _ := strings.Cut(answered, "/")
	return strings.ReplaceAll(asked, "=", " ") == part
}

// believeHead checks the answer to a head.
func (c call) believeHead(out *s3.HeadObjectOutput) error {
	switch {
	case bare(out.ETag) == "":
		return c.doubt("the answer has no ETag, so it does not describe the object" + page(out.ContentType))
	case out.ContentLength == nil || *out.ContentLength < 0:
		return c.doubt("the answer has no Content-Length")
	case isPage(out.ContentType) && !hasRequestID(out.ResultMetadata):
		return c.doubt("the answer does not come from a store" + page(out.ContentType))
	}
	return nil
}

// believePage checks a page of a listing, which began at token. The client decodes any XML: an
// error or a web page would be an empty bucket.
func (c call) believePage(p *s3.ListObjectsV2Output, token *string) error {
	next := aws.ToString(p.NextContinuationToken)
	switch {
	case p.Name == nil && p.KeyCount == nil && p.MaxKeys == nil && p.IsTruncated == nil:
		return c.doubt("the answer is not a listing")
	case aws.ToBool(p.IsTruncated) && next == "":
		return c.doubt("the listing goes on, but the answer does not say where")
	case aws.ToBool(p.IsTruncated) && next == aws.ToString(token):
		return c.doubt("the listing does not advance")
	}
	return nil
}

// isPage reports whether a media type is that of a web page, as which proxies describe errors.
func isPage(contentType *string) bool {
	return strings.HasPrefix(strings.ToLower(aws.ToString(contentType)), "text/html")
}

// page describes an answer that is a web page.
func page(contentType *string) string {
	if isPage(contentType) {
		return " but a web page (" + *contentType + ")"
	}
	return ""
}

// hasRequestID reports whether an answer has an x-amz-request-id, which S3 and most compatible
// servers send with every answer.
func hasRequestID(m middleware.Metadata) bool {
	resp, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response)
	return ok && resp.Header.Get("X-Amz-Request-Id") != ""
}

// noBody makes a call fail if its answer has a body although the operation has none. Servers that
// find out too late that they have failed send the error with status 200, as S3 itself does for
// copies; proxies send web pages.
func noBody(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Insert(unexpectedBody{}, "OperationDeserializer", middleware.After)
	})
}

type unexpectedBody struct{}

func (unexpectedBody) ID() string { return "imgmill:UnexpectedBody" }

// maxError is how many bytes of an error are read, more than any server sends.
const maxError = 64 << 10

// HandleDeserialize gives an answer with markup in its body the status 502, so that the client
// reads it as an error and retries.
func (unexpectedBody) HandleDeserialize(
	ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return out, metadata, err
	}
	start, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	if err != nil {
		return out, metadata, &smithyhttp.RequestSendError{Err: err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), resp.Body), resp.Body}
	if bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n"), []byte("<")) {
		resp.StatusCode = 502
	}
	return out, metadata, nil
}
