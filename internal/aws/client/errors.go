package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// NoAccessError reports that AWS cannot be called at all, and what to do about it.
type NoAccessError struct {
	Reason, Advice string
	Err            error
}

func (e *NoAccessError) Error() string { return e.Reason + "; " + e.Advice }

func (e *NoAccessError) Unwrap() error { return e.Err }

// explainNoAccess makes every operation that lacks a connection or credentials fail with a
// NoAccessError.
func explainNoAccess(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NoAccess", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		// The SDK tries EC2's metadata service last, so nothing else had credentials.
		if inner, ok := errors.AsType[*smithy.OperationError](err); ok &&
			inner.ServiceID == imds.ServiceID {
			err = &NoAccessError{"no AWS credentials",
				"run aws login, or aws sso login, or set AWS_PROFILE", err}
		} else if reason := ConnectionError(err); reason != nil {
			err = &NoAccessError{"no connection to AWS: " + reason.Error(),
				"check the network, the region and AWS_ENDPOINT_URL", err}
		}
		return out, metadata, err
	}), middleware.Before)
}

// ConnectionError returns the part of err that reports a failed connection, or nil if a connection
// was made.
func ConnectionError(err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return op
	}
	return nil
}

// Reason returns the message of the service that failed, without the SDK's description of the call.
func Reason(err error) string {
	if no, ok := errors.AsType[*NoAccessError](err); ok {
		return no.Reason
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if api.ErrorMessage() == "" {
			return api.ErrorCode()
		}
		return api.ErrorMessage()
	}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		if broken, ok := errors.AsType[*smithy.DeserializationError](err); ok && answer.HTTPStatusCode()/100 == 2 {
			return fmt.Sprintf("the response cannot be read: %s", broken.Err)
		}
		return fmt.Sprintf("the response is HTTP %d", answer.HTTPStatusCode())
	}
	return err.Error()
}

// IsCode reports whether a service responded with one of these error codes.
func IsCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if api.ErrorCode() == c {
			return true
		}
	}
	return false
}

// NoQueue are the codes of SQS for a queue that does not exist, in its protocols of today and of before.
var NoQueue = []string{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}

// IsDenied reports whether a service denied the call for lack of a permission.
func IsDenied(err error) bool {
	if IsCode(err, "AccessDenied", "AccessDeniedException", "AccessDeniedFault",
		"UnauthorizedOperation", "NotAuthorized", "AuthorizationError") {
		return true
	}
	answer, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() == http.StatusForbidden
}
