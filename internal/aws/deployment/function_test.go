package deployment

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
)

// TestFindAnyWithoutAStack has the responses of GetFunction (Lambda API Reference) where there is no stack: only one
// of them says that there is no deployment.
func TestFindAnyWithoutAStack(t *testing.T) {
	n, err := NamesFor("photos")
	if err != nil {
		t.Fatal(err)
	}
	const configuration = `"Configuration":{"FunctionName":"imgmill-photos"}`
	for _, test := range []struct {
		name         string
		status       int
		code, body   string
		want         string // of the error; empty if the function is found
		denied, none bool
	}{
		{"none", 404, "ResourceNotFoundException", `{"Message":"Function not found"}`, "not deployed", false, true},
		{"of somebody else", 200, "", `{` + configuration + `,"Tags":{"imgmill:name":"videos"}}`, "not deployed", false, true},
		{"of another tool", 200, "", `{` + configuration + `,"Tags":{"imgmill:name":"photos"}}`, "", false, false},
		{"denied", 403, "AccessDeniedException", `{"Message":"no"}`, "cannot be told: you need lambda:GetFunction", true, false},
		{"tags denied", 200, "", `{` + configuration + `,"TagsError":{"ErrorCode":"AccessDeniedException","Message":"no"}}`,
			"cannot be told: you need lambda:ListTags", true, false},
		{"throttled", 429, "TooManyRequestsException", `{"message":"Rate exceeded"}`, "cannot be told: Rate exceeded", false, false},
		{"cut off", 0, "", "", "cannot be told: ", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := clienttest.Open(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.Contains(r.URL.Path, "/functions/") && test.status == 0:
					panic(http.ErrAbortHandler)
				case strings.Contains(r.URL.Path, "/functions/"):
					w.Header().Set("X-Amzn-Errortype", test.code)
					w.WriteHeader(test.status)
					fmt.Fprint(w, test.body)
				case r.FormValue("Action") == "DescribeStacks":
					w.WriteHeader(http.StatusBadRequest)
					fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id imgmill-photos does not exist</Message></Error></ErrorResponse>`)
				default: // queues
					w.Header().Set("Content-Type", "application/x-amz-json-1.0")
					fmt.Fprint(w, `{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/1/q","Attributes":{}}`)
				}
			})
			d, err := FindAny(t.Context(), c, n)
			if test.want == "" {
				if err != nil || d.FunctionName != "imgmill-photos" || !d.Elsewhere() {
					t.Fatalf("%+v, %v", d, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrNotDeployed) != test.none {
				t.Fatalf("%v, want %q", err, test.want)
			}
			unseen, ok := errors.AsType[*UnseenError](err)
			if ok == test.none || ok && unseen.Denied != test.denied {
				t.Errorf("%#v", err)
			}
		})
	}
}
