package stack

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
)

// TestInaccessibleBucketIsAnError: without it, a caller who may not access the stack's own buckets
// would read that all is gone.
func TestInaccessibleBucketIsAnError(t *testing.T) {
	c := clienttest.InProcess(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	n := photosNames(t)
	stack := &deployment.Deployment{Names: n, Parameters: map[string]string{
		"CreateSourceBucket": "true", "SourceBucketName": n.InputBucket,
		"CreateTargetBucket": "false", "TargetBucketName": "theirs",
		"CodeBucket": n.CodeBucket}}
	for _, test := range []struct {
		stack        *deployment.Deployment
		bucket, role string
		fails        bool
	}{
		{stack, n.InputBucket, "source", true}, {stack, n.CodeBucket, "code", true},
		{stack, "theirs", "target", false},
		{nil, n.InputBucket, "source", false}, // may belong to anybody
	} {
		v := &Inventory{Names: n, Account: "123456789012", Stack: test.stack}
		err := v.addBucket(t.Context(), c, test.bucket, test.role)
		if (err != nil) != test.fails || err != nil &&
			!strings.Contains(err.Error(), "you may not access it") || len(v.Buckets) > 0 {
			t.Errorf("%s of %v: %v, %+v", test.bucket, test.stack != nil, err, v.Buckets)
		}
	}
}

// TestIsGoneWaits: a service may report for moments what was deleted, but any other error ends the
// wait at once.
func TestIsGoneWaits(t *testing.T) {
	missing, denied := &smithy.GenericAPIError{Code: "NoSuchEntity"}, &smithy.GenericAPIError{Code: "AccessDenied"}
	for _, test := range []struct {
		answers []error
		gone    bool
		err     error
	}{{[]error{missing}, true, nil}, {[]error{nil, nil, missing}, true, nil},
		{[]error{nil, denied}, false, denied}, {[]error{nil, nil, nil, nil}, false, nil}} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			gone, err := isGone(t.Context(), 2*time.Second,
				func() error { calls++; return test.answers[calls-1] }, "NoSuchEntity", "NotFound")
			if gone != test.gone || !errors.Is(err, test.err) || calls != len(test.answers) {
				t.Errorf("%v: gone %v, %v after %d", test.answers, gone, err, calls)
			}
		})
	}
}
