package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// call describes a call, for the text of its errors.
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

// serviceError is an error of the service, classified as one of the contract's errors. The SDK's
// own error is not in its chain: it may contain a timeout of the HTTP client, which is not a
// deadline of the caller.
type serviceError struct {
	call call
	kind error
	text string
}

func (e *serviceError) Error() string { return fmt.Sprintf("%s: %v: %s", e.call, e.kind, e.text) }
func (e *serviceError) Unwrap() error { return e.kind }

// fail converts an error of the SDK, or of a body that it opened, to one of package bucket. The
// caller's own cancellation takes precedence: an error of the connection is then only its
// consequence.
func (c call) fail(err error) error {
	if cause := c.ctx.Err(); cause != nil {
		return fmt.Errorf("%s: %w", c, cause)
	}
	code, status, text := describe(err)
	if lost := unanswered(err); lost != "" {
		text = lost
	}
	if noInstanceRole(err) {
		text = "there are no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	}
	if status == 404 && (code == "" || code == bareNotFound) {
		if c.op == "head" {
			return &serviceError{c, bucket.ErrNotFound, text}
		}
		return c.doubt("the answer (HTTP 404) does not come from a store; is the endpoint right?")
	}
	return &serviceError{c, kindOf(err, code, status), text}
}

// bareNotFound is the code that the SDK gives an answer without a code: its status as a word.
const bareNotFound = "NotFound"

// describe returns the error code, the HTTP status (0 if there was no response) and a readable text
// of an error of the SDK.
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

// unanswered describes an error of a call to the store that got no answer, or returns "".
func unanswered(err error) string {
	sent, ok := errors.AsType[*url.Error](err)
	if !ok || credentialsCall(err) != nil {
		return ""
	}
	where := sent.URL
	if u, err := url.Parse(sent.URL); err == nil {
		where = u.Scheme + "://" + u.Host
	}
	dial, ok := errors.AsType[*net.OpError](sent.Err)
	switch {
	case ok && dial.Op == "dial":
		why := dial.Err.Error()
		if name, ok := errors.AsType[*net.DNSError](dial.Err); ok {
			why = name.Err
		} else if number, ok := errors.AsType[syscall.Errno](dial.Err); ok {
			why = number.Error()
		}
		return fmt.Sprintf("no connection to %s: %s; is the store running, and is the endpoint right?", where, why)
	case sent.Timeout():
		return "no answer from " + where + " in time"
	}
	return fmt.Sprintf("no answer from %s: %v", where, sent.Err)
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

// kindOf classifies an error by its code, then by its status. An error that is not listed, or that
// occurred before the service was reached, is transient.
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
	case status == 412:
		return bucket.ErrPrecondition
	case status == 401, status == 403, status == 404, status == 405, status >= 300 && status < 400:
		// A wrong region or endpoint is a mistake in the settings, like a missing permission; the
		// key is not to blame. Nor is it if what does not exist is something else: versitygw says 404
		// (XAdminUserNotFound) of an access key.
		return bucket.ErrDenied
	case status == 400 && code == "BadRequest":
		// The response to a HEAD has no body. The cause may be an expired token as well as an
		// invalid key, so do not blame the key.
		return bucket.ErrDenied
	case status == 408, status == 409, status == 425, status == 429:
		return bucket.ErrTransient
	case status == 501, status >= 300 && status < 500:
		return bucket.ErrInvalid
	}
	return bucket.ErrTransient
}

// kindOfCode classifies the codes whose status is ambiguous (Amazon S3 API Reference, "Error
// responses"). It returns nil for all others.
func kindOfCode(code string) error {
	switch code {
	case "NoSuchKey", "NoSuchVersion":
		return bucket.ErrNotFound
	case "NoSuchBucket":
		return bucket.ErrNoBucket
	case "PreconditionFailed", "ConditionalRequestConflict":
		return bucket.ErrPrecondition
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired": // 400
		return bucket.ErrDenied
	case "RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch": // 400
		return bucket.ErrTransient
	case "InternalError", "ServiceUnavailable", "OperationAborted": // also in the body of a response to copy with status 200
		return bucket.ErrTransient
	case "InvalidObjectState": // 403: the object is archived, which no policy changes
		return bucket.ErrInvalid
	case "ObjectParentIsFile", "ExistingObjectIsDirectory": // 409: versitygw stores keys as files
		return bucket.ErrInvalid
	case "NotImplemented": // 501: the endpoint does not support it
		return bucket.ErrInvalid
	}
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return bucket.ErrTransient
	}
	return nil
}

// kindOfLocal classifies errors without a response: calls that the SDK refused to make, and lost
// connections.
func kindOfLocal(err error) error {
	if _, ok := errors.AsType[*smithy.SerializationError](err); ok {
		return bucket.ErrInvalid
	}
	if _, ok := errors.AsType[smithy.InvalidParamsError](err); ok {
		return bucket.ErrInvalid
	}
	return bucket.ErrTransient
}

// noCredentials reports whether the call was not made for lack of credentials: there are none, or
// the service that issues them refused.
func noCredentials(err error) bool {
	if _, ok := errors.AsType[*credentials.StaticCredentialsEmptyError](err); ok {
		return true
	}
	inner := credentialsCall(err)
	if inner == nil || noInstanceRole(err) {
		return inner != nil
	}
	code, status, _ := describe(inner)
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	return status >= 400 && status < 500 && status != 429 && !throttled
}

// noInstanceRole reports whether the metadata service of an EC2 instance had no credentials. It is the
// last place that is searched. Outside EC2 it does not exist, which is the usual way to have none.
func noInstanceRole(err error) bool {
	inner := credentialsCall(err)
	return inner != nil && strings.EqualFold(inner.Service(), "ec2imds")
}

// credentialsCall returns the failed call for credentials within a failed call, or nil.
func credentialsCall(err error) *smithy.OperationError {
	outer, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return nil
	}
	inner, _ := errors.AsType[*smithy.OperationError](outer.Err)
	return inner
}
