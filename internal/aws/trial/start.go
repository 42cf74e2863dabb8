package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// startGrace is how long nothing may be heard of the function before it is called directly. S3 usually
// calls it within a second, and its log can be read a few seconds later.
const startGrace = 4 * time.Second

// startTimeout bounds that call; a cold start takes less than a second.
const startTimeout = 30 * time.Second

// errCannotStart reports that the function ends before it does anything.
var errCannotStart = errors.New("the function cannot start")

// tryStart calls the function with an event that means nothing, S3's test event, and waits for the
// answer. Unlike its log and the failure queue, the answer is there at once, and has the reason if the
// function cannot start. Any other error says why it could not be called.
func tryStart(ctx context.Context, c *client.Cloud, function string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	out, err := c.Function.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, LogType: types.LogTypeNone,
		Payload: []byte(`{"Service":"Amazon S3","Event":"s3:TestEvent"}`)})
	if err != nil {
		return fmt.Errorf("the function cannot be called: %s", client.Reason(err))
	}
	if aws.ToString(out.FunctionError) == "" {
		return nil
	}
	var answer struct{ ErrorMessage, ErrorType string }
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return fmt.Errorf("%w: %s", errCannotStart, out.Payload)
	}
	return cannotStart(answer.ErrorType, answer.ErrorMessage)
}

// requestID is what Lambda puts before its messages.
var requestID = regexp.MustCompile(`^RequestId: [0-9a-f-]{36} `)

// cannotStart explains an error of Lambda.
func cannotStart(kind, message string) error {
	message = strings.TrimPrefix(requestID.ReplaceAllString(strings.TrimSpace(message), ""), "Error: ")
	if strings.Contains(strings.ToLower(message), "exec format error") {
		message += "; its binary is for another processor than the function"
	}
	if message == "" {
		message = kind
	}
	return fmt.Errorf("%w: %s", errCannotStart, message)
}
