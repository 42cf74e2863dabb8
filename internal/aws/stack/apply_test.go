package stack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// TestLostResponsesAreRetried loses one response of each of the two calls that change a stack.
// CloudFormation refuses to repeat such a call unless its token identifies it as the first.
func TestLostResponsesAreRetried(t *testing.T) {
	const stack = "arn:aws:cloudformation:us-east-1:1:stack/imgmill-photos/1"
	tokens, calls := map[string]string{}, map[string]int{}
	formation := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		action, token := r.Form.Get("Action"), r.Form.Get("ClientToken")+r.Form.Get("ClientRequestToken")
		calls[action]++
		answer := ""
		switch action {
		case "CreateChangeSet", "ExecuteChangeSet":
			if calls[action] == 1 {
				tokens[action] = token
				panic(http.ErrAbortHandler)
			}
			if token == "" || token != tokens[action] {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `<ErrorResponse><Error><Code>AlreadyExistsException</Code><Message>it already exists</Message></Error></ErrorResponse>`)
				return
			}
			answer = "<Id>set</Id><StackId>" + stack + "</StackId>"
		case "DescribeChangeSet":
			answer = "<Status>CREATE_COMPLETE</Status>"
		case "DescribeStackEvents":
			answer = fmt.Sprintf("<StackEvents><member><EventId>%d</EventId><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackEvents>",
				calls[action])
		case "DescribeStacks":
			answer = "<Stacks><member><StackName>imgmill-photos</StackName><StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks>"
		}
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%s</%[1]sResult></%[1]sResponse>", action,
			answer)
	}))
	defer formation.Close()
	c := &client.Cloud{Formation: cloudformation.New(cloudformation.Options{BaseEndpoint: &formation.URL,
		Region:      "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})}
	changed, err := changeStack(t.Context(), c, &Plan{Settings: Settings{Names: photosNames(t)}},
		func(Event) {})
	if err != nil || !changed || calls["CreateChangeSet"] != 2 || calls["ExecuteChangeSet"] != 2 {
		t.Errorf("changed %v, %v; calls %v", changed, err, calls)
	}
}
