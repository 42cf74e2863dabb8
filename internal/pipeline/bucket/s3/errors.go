package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// call names what was being done, for the text of its errors.
type call struct {
	ctx           context.Context
	op, name, key string
}

func (c call) String() string {
	if c.key == "" {
		return c.op + " " + c.name
	}
	return c.op + " " + c.name + "/" + c.key
}

func (c call) invalid(why string) error { return fmt.Errorf("%s: %w: %s", c, bucket.ErrInvalid, why) }

// missingBucket marks an ErrNotFound that is about the bucket rather than the key.
const missingBucket = "NoSuchBucket"

// serviceError is what the service answered, sorted into the contract's errors. The SDK's own error stays out of the chain:
// it may hold a time-out of the HTTP client, which is no deadline of the caller.
type serviceError struct {
	call call
	kind error
	code string // S3 error code, or empty
	text string
}

func (e *serviceError) Error() string { return fmt.Sprintf("%s: %v: %s", e.call, e.kind, e.text) }
func (e *serviceError) Unwrap() error { return e.kind }

func isMissingBucket(err error) bool {
	e, ok := errors.AsType[*serviceError](err)
	return ok && e.code == missingBucket
}

// fail turns an error of the SDK, or of a body that it opened, into one of package bucket's. The caller's own cancellation
// comes first: what the connection says then is only its echo.
func (c call) fail(err error) error {
	if cause := c.ctx.Err(); cause != nil {
		return fmt.Errorf("%s: %w", c, cause)
	}
	code, status, text := describe(err)
	return &serviceError{c, kindOf(err, code, status), code, text}
}

// describe reads code, HTTP status (0: no answer came) and a text for people out of an error of the SDK.
func describe(err error) (code string, status int, text string) {
	text = err.Error()
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && resp.Response != nil && resp.Response.Response != nil {
		status = resp.HTTPStatusCode()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code, text = api.ErrorCode(), api.ErrorCode()
		if msg := api.ErrorMessage(); msg != "" {
			text += ": " + msg
		}
		if status != 0 {
			text += fmt.Sprintf(" (HTTP %d", status)
			if id := requestID(err); id != "" {
				text += ", request " + id
			}
			text += ")"
		}
	}
	return code, status, text
}

func requestID(err error) string {
	if r, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err); ok {
		return r.ServiceRequestID()
	}
	return ""
}

// kindOf sorts by error code first, then by status; what never reached the service, and what nobody listed, may pass when
// it is tried again.
func kindOf(err error, code string, status int) error {
	if noCredentials(err) {
		return bucket.ErrDenied
	}
	if kind := kindOfCode(code); kind != nil {
		return kind
	}
	switch {
	case status == 0:
		return kindOfLocal(err)
	case status == 404:
		return bucket.ErrNotFound
	case status == 412:
		return bucket.ErrPrecondition
	case status == 401, status == 403, status == 405, status >= 300 && status < 400:
		// A wrong region or endpoint is a wrong setting, like a missing permission; no key is to blame.
		return bucket.ErrDenied
	case status == 400 && code == "BadRequest":
		// The answer to a HEAD has no body, so this may be an expired token as well as a bad key: never call a key bad for it.
		return bucket.ErrDenied
	case status == 408, status == 409, status == 425, status == 429:
		return bucket.ErrTransient
	case status == 501, status >= 300 && status < 500:
		return bucket.ErrInvalid
	}
	return bucket.ErrTransient
}

// kindOfCode knows the codes whose status says too little (Amazon S3 API Reference, "Error responses"); nil for others.
func kindOfCode(code string) error {
	switch code {
	case "NoSuchKey", missingBucket, "NoSuchVersion", "NotFound":
		return bucket.ErrNotFound
	case "PreconditionFailed", "ConditionalRequestConflict":
		return bucket.ErrPrecondition
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired": // 400
		return bucket.ErrDenied
	case "RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch": // 400
		return bucket.ErrTransient
	case "InternalError", "ServiceUnavailable", "OperationAborted": // also inside a 200 that answers a copy
		return bucket.ErrTransient
	case "InvalidObjectState": // 403: archived; no policy changes that
		return bucket.ErrInvalid
	case "NotImplemented": // 501: the endpoint lacks it
		return bucket.ErrInvalid
	}
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return bucket.ErrTransient
	}
	return nil
}

// kindOfLocal sorts errors that came up without an answer: calls that the SDK refused to make, and lost connections.
func kindOfLocal(err error) error {
	if _, ok := errors.AsType[*smithy.SerializationError](err); ok {
		return bucket.ErrInvalid
	}
	if _, ok := errors.AsType[smithy.InvalidParamsError](err); ok {
		return bucket.ErrInvalid
	}
	return bucket.ErrTransient
}

// noCredentials reports whether the call was never made because the credentials it would need are not to be had, by an
// answer of the service that hands them out or because there are none at all.
func noCredentials(err error) bool {
	if _, ok := errors.AsType[*credentials.StaticCredentialsEmptyError](err); ok {
		return true
	}
	outer, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return false
	}
	inner, ok := errors.AsType[*smithy.OperationError](outer.Err)
	if !ok {
		return false
	}
	// The instance's metadata service is the last place asked; that it is not there is the usual way to have no credentials.
	if strings.EqualFold(inner.Service(), "ec2imds") {
		return true
	}
	code, status, _ := describe(inner)
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	return status >= 400 && status < 500 && status != 429 && !throttled
}
