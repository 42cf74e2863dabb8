package client_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
)

// TestReasonOfUnreadableResponse: that a call was answered is not why it failed.
func TestReasonOfUnreadableResponse(t *testing.T) {
	for status, want := range map[int]string{200: "the response cannot be read: ", 502: "the response is HTTP 502"} {
		cloud := clienttest.Open(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, `{"EphemeralStorage":{"Size":"512"}`)
		})
		_, err := cloud.Function.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f")})
		if err == nil {
			t.Fatal("no error")
		}
		if got := client.Reason(err); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
