package stack

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
)

// TestABucketThatIsHiddenIsNotForgotten: somebody who may not see the stack's own buckets would be told that all is gone.
func TestABucketThatIsHiddenIsNotForgotten(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer store.Close()
	n := photos(t)
	stack := &Deployment{Names: n, Parameters: map[string]string{
		"CreateSourceBucket": "true", "SourceBucketName": n.InputBucket, "CreateTargetBucket": "false", "TargetBucketName": "theirs", "CodeBucket": n.CodeBucket}}
	for _, test := range []struct {
		stack        *Deployment
		bucket, role string
		fails        bool
	}{
		{stack, n.InputBucket, "source", true}, {stack, n.CodeBucket, "code", true}, {stack, "theirs", "target", false},
		{nil, n.InputBucket, "source", false}, // may be anybody's
	} {
		r := &Remains{Names: n, Account: "123456789012", Stack: test.stack}
		err := storeAt(store.URL).remainsOfBucket(t.Context(), r, test.bucket, test.role)
		if (err != nil) != test.fails || err != nil && !strings.Contains(err.Error(), "you may not see it") || len(r.Buckets) > 0 {
			t.Errorf("%s of %v: %v, %+v", test.bucket, test.stack != nil, err, r.Buckets)
		}
	}
}

// TestWhatWasDeletedIsSeenForMoments, and that is waited for; what cannot be asked is an error at once.
func TestWhatWasDeletedIsSeenForMoments(t *testing.T) {
	missing, denied := &smithy.GenericAPIError{Code: "NoSuchEntity"}, &smithy.GenericAPIError{Code: "AccessDenied"}
	for _, test := range []struct {
		answers []error
		gone    bool
		err     error
	}{{[]error{missing}, true, nil}, {[]error{nil, nil, missing}, true, nil}, {[]error{nil, denied}, false, denied}, {[]error{nil, nil, nil, nil}, false, nil}} {
		asked := 0
		gone, err := isGone(t.Context(), 2*time.Second, func() error { asked++; return test.answers[asked-1] }, "NoSuchEntity", "NotFound")
		if gone != test.gone || !errors.Is(err, test.err) || asked != len(test.answers) {
			t.Errorf("%v: gone %v, %v after %d", test.answers, gone, err, asked)
		}
	}
}
