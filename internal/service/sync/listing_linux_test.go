package sync_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// synthetic is a store that lists so many sources and, for all but each tenth, two variants. It makes
// the keys up as it lists them, and stores nothing.
type synthetic struct {
	bucket.Store
	n int
}

func (s synthetic) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		for i := range s.n {
			if name == "outputs" && i%10 == 0 {
				continue
			}
			info := bucket.Info{
				Key:  fmt.Sprintf("%s%04d/%02d/IMG_%08d.jpg", prefix, 2000+i/1_000_000, i/100_000%10, i),
				ETag: fmt.Sprintf("%032x", i), Size: 4_000_000, Modified: time.Unix(int64(1_700_000_000+i), 0),
			}
			if !yield(info, ctx.Err()) || ctx.Err() != nil {
				return
			}
		}
	}
}

// TestManyKeys compares the listings of so many sources as IMGMILL_KEYS says, and fails if that takes
// 100 MB of memory.
func TestManyKeys(t *testing.T) {
	keys := 100_000
	if s := os.Getenv("IMGMILL_KEYS"); s != "" {
		var err error
		if keys, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte("source: {bucket: sources}\ntarget: {bucket: outputs}\n"+
		"variants: {small: {width: 200}, large: {width: 1600}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	c := sync.Comparison{Mill: mill.New(synthetic{n: keys}, r), Quick: true}
	found := 0
	c.Each = func(f sync.Finding) error { found += len(f.Missing); return nil }
	report, err := c.Run(t.Context())
	if err != nil || report.Missing.Objects != int64(keys/10*2) || report.Missing.Objects != int64(found) || report.Fresh != int64(keys/10*18) {
		t.Errorf("%+v, %d found, %v", report, found, err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(peak)[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d sources in %.1f s, %.1f s a million, at most %d MB of memory", keys, time.Since(start).Seconds(),
		time.Since(start).Seconds()/float64(keys)*1e6, kb>>10)
	// Beside other tests and the race detector, the peak of the process says nothing.
	if os.Getenv("IMGMILL_KEYS") != "" && kb > 100<<10 {
		t.Errorf("%d kB of memory, want at most 100 MB", kb)
	}
}
