package recipe

import (
	"errors"
	"strings"
	"testing"
)

func TestWithBuckets(t *testing.T) {
	r := parse(t, buckets)
	source, target := r.Source.Bucket, r.Target.Bucket
	for _, test := range []struct{ source, target, wantSource, wantTarget string }{
		{"", "", source, target},
		{"my-input", "", "my-input", target},
		{"", "my-output", source, "my-output"},
		{"my-input", "my-output", "my-input", "my-output"},
	} {
		got, err := r.WithBuckets(test.source, test.target)
		if err != nil {
			t.Fatalf("%+v: %v", test, err)
		}
		if got.Source.Bucket != test.wantSource || got.Target.Bucket != test.wantTarget {
			t.Errorf("%+v: got %s and %s", test, got.Source.Bucket, got.Target.Bucket)
		}
	}
	if r.Source.Bucket != source || r.Target.Bucket != target {
		t.Errorf("the recipe itself has changed: %s and %s", r.Source.Bucket, r.Target.Bucket)
	}
}

func TestWithBucketsChecksAgain(t *testing.T) {
	r := parse(t, buckets) // writes {key}, which is a loop in one bucket
	for _, test := range []struct{ source, target, want string }{
		{"No_Bucket", "", "source.bucket"},
		{"", "s3://x", "target.bucket"},
		{"same", "same", "target"},
	} {
		got, err := r.WithBuckets(test.source, test.target)
		var problems Errors
		if got != nil || !errors.As(err, &problems) || !strings.HasPrefix(problems[0].Name, test.want) {
			t.Errorf("%+v: got %v, %v", test, got, err)
		}
	}
}
