package probe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
)

// weakStores are combinations of lacks that were seen at stores.
var weakStores = map[string]probe.Lacks{
	"a complete store":             nil,
	"like MinIO":                   {probe.CopyTarget, probe.DeleteIfMatch},
	"like moto":                    {probe.CopySource, probe.CopyTarget},
	"like versitygw with versions": {probe.CopyTarget, probe.PutAfterDelete},
	"with delete markers only":     {probe.PutAfterDelete},
	"like SeaweedFS with versions": {probe.ListOrder},
	"without any condition (s3rver)": {
		probe.PutIfAbsent, probe.PutIfMatch, probe.CopySource, probe.CopyTarget, probe.DeleteIfMatch, probe.ListOrder,
	},
	"everything at once": {
		probe.PutIfMatch, probe.CopySource, probe.CopyTarget, probe.DeleteIfMatch, probe.PutAfterDelete, probe.ListOrder,
	},
}

// TestRun checks that the probe finds exactly what a store lacks, and leaves nothing behind.
func TestRun(t *testing.T) {
	for name, want := range weakStores {
		t.Run(name, func(t *testing.T) {
			inner := mem.New("b")
			got, err := probe.Run(t.Context(), buckettest.Weaken(inner, want...), "b")
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("lacks %v, %v; want %v", got, err, want)
			}
			for info, err := range inner.List(t.Context(), "b", "") {
				t.Errorf("the probe has left %q behind (%v)", info.Key, err)
			}
		})
	}
}

// TestKilledProbes checks that a run removes what a probe that was killed long ago has left behind,
// not the objects of a probe that may still be running, or of anybody else.
func TestKilledProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New("b")
		put := func(key string) {
			if _, err := store.Put(t.Context(), "b", key, nil, bucket.Attributes{}, bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		put(".imgmill-probe-OLD-a.txt")
		put("photo.jpg")
		time.Sleep(time.Hour)
		put(".imgmill-probe-NEW-a.txt")
		if _, err := probe.Run(t.Context(), store, "b"); err != nil {
			t.Fatal(err)
		}
		var left []string
		for info, err := range store.List(t.Context(), "b", "") {
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, info.Key)
		}
		if !slices.Equal(left, []string{".imgmill-probe-NEW-a.txt", "photo.jpg"}) {
			t.Errorf("left: %q", left)
		}
	})
}

// TestAdapt runs the conformance suite on weak stores that were adapted.
func TestAdapt(t *testing.T) {
	for name, lacks := range weakStores {
		t.Run(name, func(t *testing.T) {
			buckettest.Run(t, func(*testing.T) (bucket.Store, string) {
				return probe.Adapt(buckettest.Weaken(mem.New("photos", "other"), lacks...), lacks), "photos"
			}, lacks...)
		})
	}
}

// failing is a store in which some calls fail.
type failing struct {
	bucket.Store
	put, remove error
}

func (f failing) Put(
	ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	if f.put != nil && cond != (bucket.Condition{}) {
		return "", fmt.Errorf("put: %w", f.put)
	}
	return f.Store.Put(ctx, name, key, body, attr, cond)
}

func (f failing) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	if f.remove != nil && (cond != (bucket.Condition{}) || errors.Is(f.remove, bucket.ErrDenied)) {
		return fmt.Errorf("delete: %w", f.remove)
	}
	return f.Store.Delete(ctx, name, key, cond)
}

// TestRefusedConditions: a store that answers a condition with 501 lacks it.
func TestRefusedConditions(t *testing.T) {
	store := failing{mem.New("b"), bucket.ErrInvalid, bucket.ErrInvalid}
	got, err := probe.Run(t.Context(), store, "b")
	if want := (probe.Lacks{probe.PutIfAbsent, probe.PutIfMatch, probe.DeleteIfMatch}); err != nil || !slices.Equal(got, want) {
		t.Fatalf("lacks %v, %v; want %v", got, err, want)
	}
	adapted := probe.Adapt(store, got)
	if _, err := adapted.Put(t.Context(), "b", "k", nil, bucket.Attributes{}, bucket.Condition{IfAbsent: true}); err != nil {
		t.Errorf("the adapted store: %v", err)
	}
}

// TestNotProbed: nothing is written if it could not be removed, or if the store does not work.
func TestNotProbed(t *testing.T) {
	inner := mem.New("b")
	_, err := probe.Run(t.Context(), failing{Store: inner, remove: bucket.ErrDenied}, "b")
	if !errors.Is(err, probe.ErrNotProbed) {
		t.Errorf("without the permission to delete: %v", err)
	}
	for info := range inner.List(t.Context(), "b", "") {
		t.Errorf("the probe has written %q", info.Key)
	}
	if _, err := probe.Run(t.Context(), inner, "other"); !errors.Is(err, bucket.ErrNoBucket) {
		t.Errorf("without a bucket: %v", err)
	}
	_, err = probe.Run(t.Context(), failing{Store: inner, put: bucket.ErrTransient}, "b")
	if !errors.Is(err, bucket.ErrTransient) {
		t.Errorf("a store that fails: %v", err)
	}
	for info := range inner.List(t.Context(), "b", "") {
		t.Errorf("the failed probe has left %q", info.Key)
	}
}

// TestPrepare checks the one line of the log.
func TestPrepare(t *testing.T) {
	for _, test := range []struct {
		store bucket.Store
		want  string
	}{
		{mem.New("b"), `level=INFO msg="store probed" bucket=b lacks=nothing`},
		{buckettest.Weaken(mem.New("b"), probe.DeleteIfMatch), `level=INFO msg="store probed; imgmill does without what it lacks`},
		{mem.New("other"), `level=WARN msg="store not probed; its conditional writes are relied on" bucket=b error=`},
	} {
		var log bytes.Buffer
		if probe.Prepare(t.Context(), test.store, "b", slog.New(slog.NewTextHandler(&log, nil))) == nil {
			t.Error("no store")
		}
		if got := log.String(); !strings.Contains(got, test.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("logged %s, want %s", got, test.want)
		}
	}
}
