package mem_test

import (
	"context"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
)

func TestStore(t *testing.T) {
	buckettest.Run(t, func(*testing.T) (bucket.Store, string) { return mem.New("photos", "other"), "photos" })
}

func TestETagIsMD5(t *testing.T) {
	etag, err := mem.New("b").Put(context.Background(), "b", "k", []byte("abc"), bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "900150983cd24fb0d6963f7d28e17f72"; etag != want { // RFC 1321, A.5
		t.Errorf("ETag %s, want %s", etag, want)
	}
}
