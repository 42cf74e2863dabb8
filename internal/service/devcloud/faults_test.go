package devcloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/faultproxy"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	bucket3 "github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/worker"
)

// Fault injection: the pipeline reaches the store through a proxy that stalls, truncates, resets and
// lies. Whatever happens, the variants end up as those of a run without faults: nothing is lost,
// nothing is wrong, and no good picture is recorded as bad. `make faults` runs more seeds.

const faultRecipe = `source: {bucket: ` + source + `}
target: {bucket: ` + target + `, key: "{variant}/{key}"}
on_remove: remove
on_bad: {prefix: bad/}
manifest: true
variants:
  small: {width: 16}
  large: {width: 40, format: png}
`

func faultyRecipe(t *testing.T) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "faults", []byte(faultRecipe))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// through returns a store that reaches a cloud through a proxy.
func through(c *Cloud, p *faultproxy.Proxy, patience time.Duration) bucket.Store {
	access, secret := c.Credentials()
	o := s3.Options{Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = 2, 10*time.Millisecond
		o.RateLimiter = unlimited{}
	})}
	bucket3.Options{
		Endpoint: p.URL(), Region: c.Region(), AccessKey: access, Secret: secret, PathStyle: true,
	}.Apply(&o)
	return bucket3.New(s3.New(o)).WithPatience(patience)
}

// unlimited lets the client retry as often as it is configured to.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// world is what uploaders do, and the variants that must come of it.
type world struct {
	pictures map[string][]byte // the last content of each key; nil if it was removed
	want     map[string]string // ETags of the objects of the target
}

// expect runs the pictures through a mill without faults.
func (w *world) expect(t *testing.T, r *recipe.Recipe) {
	t.Helper()
	store := mem.New(source, target)
	m := mill.New(store, r)
	for key, data := range w.pictures {
		if data == nil {
			continue
		}
		if _, err := store.Put(t.Context(), source, key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		m.Process(t.Context(), event.Change{Bucket: source, Key: key, Size: -1})
	}
	w.want = etags(t, store)
}

// uploaded is the time of an upload in a record about it, which each store has of its own.
var uploaded = regexp.MustCompile(`"modified": "[^"]*"`)

// etags lists the target. In the place of a record's ETag is its content, without the time of the upload.
func etags(t *testing.T, store bucket.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for info, err := range store.List(t.Context(), target, "") {
		if err != nil {
			t.Fatal(err)
		}
		all[info.Key] = info.ETag
		if strings.HasPrefix(info.Key, "bad/") && strings.HasSuffix(info.Key, ".json") {
			o, err := store.Get(t.Context(), target, info.Key, bucket.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			record, err := io.ReadAll(o.Body)
			if err := errors.Join(err, o.Body.Close()); err != nil {
				t.Fatal(err)
			}
			all[info.Key] = uploaded.ReplaceAllString(string(record), "")
		}
	}
	return all
}

// check compares the target with what is expected.
func (w *world) check(t *testing.T, store bucket.Store) {
	t.Helper()
	got := etags(t, store)
	for key, etag := range w.want {
		if got[key] != etag {
			t.Errorf("%s has the ETag %q, want %q", key, got[key], etag)
		}
	}
	for key := range got {
		if w.want[key] == "" {
			t.Errorf("%s exists, and nothing should have made it", key)
		}
	}
}

// TestEachFault lets each kind of fault hit about every second request until the picture is done.
func TestEachFault(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	r, direct := faultyRecipe(t), openStore(t, c)
	for i, fault := range faultproxy.Faults {
		t.Run(string(fault), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			one := 2
			if fault == faultproxy.Stall || fault == faultproxy.StallBody {
				one = 6 // each takes all of the store's patience
			}
			p := faultproxy.Start(c.Endpoint(), func(*http.Request, int) faultproxy.Fault {
				if rng.IntN(one) == 0 {
					return fault
				}
				return faultproxy.None
			})
			defer p.Close()
			key := fmt.Sprintf("%d.jpg", i)
			w := &world{pictures: map[string][]byte{key: sample.Photo(96+i, 64)}}
			w.expect(t, r)
			etag := put(t, client(c), source, key, string(w.pictures[key]))
			change := event.Change{Bucket: source, Key: key, ETag: etag, Size: -1, Sequencer: "0000000000000001"}
			m := mill.New(through(c, p, 150*time.Millisecond), r)
			untilSettled(t, m, change)
			for name, want := range w.want {
				if info, err := direct.Head(t.Context(), target, name); err != nil || info.ETag != want {
					t.Errorf("%s: %s, %v, want %s", name, info.ETag, err, want)
				}
			}
			if p.Counts()[fault] == 0 {
				t.Error("no fault occurred")
			}
			if _, err := client(c).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(source), Key: &key}); err != nil {
				t.Fatal(err)
			}
			change.Removed, change.ETag = true, ""
			untilSettled(t, m, change)
		})
	}
	if left := etags(t, direct); len(left) > 0 {
		t.Errorf("after all removals, there are %v", left)
	}
}

// untilSettled processes a change until the verdict is no retry.
func untilSettled(t *testing.T, m *mill.Mill, c event.Change) {
	t.Helper()
	for range 200 {
		switch r := m.Process(t.Context(), c); r.Verdict {
		case outcome.Retry:
			continue
		case outcome.Done:
			return
		default:
			t.Fatalf("removed %t: %s %s", c.Removed, r.Verdict, r.Reason)
		}
	}
	t.Fatal("still not done after 200 attempts")
}

// TestFaults runs the worker on real events, with uploads, replacements and removals, among faults
// of all kinds.
func TestFaults(t *testing.T) {
	seeds := 1
	if s := os.Getenv("IMGMILL_FAULT_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("IMGMILL_FAULT_SEEDS: %v", err)
		}
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { playFaults(t, uint64(seed)) })
	}
}

func playFaults(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := start(t, testConfig(t.TempDir()))
	r := faultyRecipe(t)
	hits := int(rng.Uint32() % 100)
	faults := rand.New(rand.NewPCG(seed, 2)) // of the proxy's goroutines
	p := faultproxy.Start(c.Endpoint(), func(_ *http.Request, n int) faultproxy.Fault {
		if faults.IntN(12) > 0 || n > 400 {
			return faultproxy.None
		}
		hits++
		return faultproxy.Faults[hits%len(faultproxy.Faults)]
	})
	defer p.Close()
	var mu sync.Mutex
	var results []string
	m := mill.New(through(c, p, time.Second), r)
	w := &worker.Worker{
		Queue: c.Queue(), Log: slog.New(slog.DiscardHandler), Concurrency: 4, MaxAttempts: 30,
		Process: func(ctx context.Context, ch event.Change) mill.Result {
			result := m.Process(ctx, ch)
			mu.Lock()
			defer mu.Unlock()
			results = append(results, fmt.Sprintf("%s: %s %s", ch.Key, result.Verdict, result.Reason))
			return result
		},
	}
	work, stopWork := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(work) }()

	all := &world{pictures: map[string][]byte{}}
	cl := client(c)
	for i := range 24 {
		key := fmt.Sprintf("夏/%d +%%20.jpg", rng.IntN(10))
		if all.pictures[key] != nil && rng.IntN(4) == 0 {
			if _, err := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(source), Key: &key}); err != nil {
				t.Fatal(err)
			}
			all.pictures[key] = nil
			continue
		}
		all.pictures[key] = sample.Photo(96+i, 64)
		put(t, cl, source, key, string(all.pictures[key]))
	}
	damaged := sample.Photo(100, 100)
	all.pictures["damaged.jpg"] = damaged[:len(damaged)/2]
	put(t, cl, source, "damaged.jpg", string(all.pictures["damaged.jpg"]))
	all.expect(t, r)

	until2(t, 2*time.Minute, "the queue to be empty", func() bool {
		n, err := c.Queue().Waiting(t.Context())
		return err == nil && n == 0
	})
	stopWork()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	buried, err := c.Queue().Buried(t.Context(), 10)
	if err != nil || len(buried) > 0 {
		t.Errorf("buried: %v, %v", buried, err)
	}
	all.check(t, openStore(t, c))
	for _, line := range results {
		if strings.Contains(line, ": bad ") && !strings.HasPrefix(line, "damaged.jpg") {
			t.Errorf("a good picture was refused: %s", line)
		}
	}
	if t.Failed() {
		slices.Sort(results)
		t.Logf("faults %v, results:\n%s", p.Counts(), strings.Join(results, "\n"))
	}
}

// until2 is until with another limit.
func until2(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}
