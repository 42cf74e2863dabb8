package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// watcher passes requests on to a store, and counts them. It kills a process at a request that is
// chosen before: that one and those of the process's other lanes are then in progress.
type watcher struct {
	*httptest.Server

	mu      sync.Mutex
	count   map[string]int // by method and path, without listings
	left    int            // requests before the kill
	process *os.Process    // that is killed; nil for none
}

func watch(t *testing.T, endpoint string) *watcher {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{count: map[string]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // which is signed
		},
		Transport:    &http.Transport{MaxIdleConnsPerHost: 64},
		ErrorLog:     log.New(io.Discard, "", 0), // of the requests of a killed process
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.note(r)
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *watcher) note(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !r.URL.Query().Has("list-type") {
		w.count[r.Method+" "+r.URL.Path]++
	}
	if w.left--; w.left == 0 && w.process != nil {
		w.process.Kill()
	}
}

// taken returns the sum of the counts of requests that begin with this text, and the largest one. It
// forgets them.
func (w *watcher) taken(begin string) (sum, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for request, n := range w.count {
		if strings.HasPrefix(request, begin) {
			sum, most = sum+n, max(most, n)
			delete(w.count, request)
		}
	}
	return sum, most
}

// syncing runs imgmill against the store behind a watcher.
type syncing struct {
	*testing.T
	*watcher
	where s3.Options
	dir   string
}

// run runs a command. If killAfter is not 0, it kills it at that request, and reports whether the
// command was still running then.
func (s *syncing) run(killAfter int, args ...string) (output string, killed bool) {
	s.Helper()
	c := exec.Command("imgmill", append(args, "--endpoint", s.URL, "--region", s.where.Region,
		"--checkpoint", filepath.Join(s.dir, "checkpoint"))...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+s.where.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.where.Secret,
		"TMPDIR="+filepath.Join(s.dir, "tmp"))
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	s.mu.Lock() // the process is known before its first request
	err := c.Start()
	s.process, s.left = c.Process, killAfter
	s.mu.Unlock()
	if err != nil {
		s.Fatal(err)
	}
	err = c.Wait()
	if err != nil && (killAfter == 0 || c.ProcessState.Exited()) {
		s.Fatalf("%v: %v\n%s", args, err, out.String())
	}
	return out.String(), err != nil
}

// write writes a recipe in which one of two variants has this width.
func (s *syncing) write(width int) string {
	s.Helper()
	file := filepath.Join(s.dir, fmt.Sprintf("%d.yaml", width))
	text := fmt.Sprintf("source: {bucket: my-in}\ntarget: {bucket: my-out, key: '{variant}/{key}'}\n"+
		"variants: {small: {width: 16}, large: {width: %d}}\n", width)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return "--config=" + file
}

// TestSyncKilled kills sync again and again, at requests chosen at random, until one run ends by
// itself. No picture may be missing then, and none may have been read or written more often than once
// and for each time that it was in work at a kill. A later sync reads nothing but listings, and after
// a change of one variant makes that one alone.
//
// IMGMILL_SYNC_OBJECTS, which `make synckills` sets, is the number of pictures.
func TestSyncKilled(t *testing.T) {
	pictures, kills := 120, 3
	if text := os.Getenv("IMGMILL_SYNC_OBJECTS"); text != "" {
		var err error
		if pictures, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		kills = 5
	} else if testing.Short() {
		t.Skip("takes seconds")
	}
	const jobs = 4
	s := newSyncing(t, pictures)
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	recipe := s.write(32)
	start := time.Now()
	for range kills {
		const requests = 6 // for a picture: GET and HEAD of it, HEAD and PUT of two variants
		at := 1 + rng.IntN(requests*pictures/(kills+1))
		if _, killed := s.run(at, "sync", recipe, "--yes", "-j", strconv.Itoa(jobs)); !killed {
			t.Fatalf("sync ended before %d kills, seed %d", kills, seed)
		}
	}
	s.run(0, "sync", recipe, "--yes", "-j", strconv.Itoa(jobs))
	took := time.Since(start)
	reads, mostReads := s.taken("GET /my-in/")
	writes, mostWrites := 0, 0
	for _, variant := range []string{"small", "large"} {
		n, most := s.taken("PUT /my-out/" + variant + "/")
		writes, mostWrites = writes+n, max(mostWrites, most)
	}
	t.Logf("%d pictures, %d kills, seed %d: %d reads and %d writes, at most %d and %d of one, in %v",
		pictures, kills, seed, reads, writes, mostReads, mostWrites, took.Round(time.Second))
	if reads < pictures || reads > pictures+kills*jobs || writes < 2*pictures || writes > 2*(pictures+kills*jobs) {
		t.Errorf("want %d to %d reads, and twice as many writes", pictures, pictures+kills*jobs)
	}
	if out, _ := s.run(0, "audit", recipe); !strings.Contains(out, "Complete: ") {
		t.Errorf("audit: %s", out)
	}
	s.again(recipe, pictures, took)
	if left, err := os.ReadDir(filepath.Join(s.dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("killed processes have left %v, %v", left, err)
	}
}

// again runs sync when there is nothing to do, and when one variant has changed.
func (s *syncing) again(recipe string, pictures int, took time.Duration) {
	s.taken("")
	start := time.Now()
	out, _ := s.run(0, "sync", recipe, "--yes")
	idle := time.Since(start)
	heads, _ := s.taken("HEAD /my-out/small/")
	reads, _ := s.taken("GET /my-in/")
	if !strings.Contains(out, "Nothing to do.") || heads+reads > 0 {
		s.Errorf("%d HEADs and %d reads for nothing to do: %s", heads, reads, out)
	}
	s.Logf("a sync with nothing to do took %v, %.1f %% of the first",
		idle.Round(time.Millisecond), 100*idle.Seconds()/took.Seconds())
	changed := s.write(33)
	s.run(0, "sync", changed, "--yes")
	small, _ := s.taken("PUT /my-out/small/")
	large, most := s.taken("PUT /my-out/large/")
	if small != 0 || large != pictures || most != 1 {
		s.Errorf("after a change of the large variant, %d small and %d large ones were written", small, large)
	}
	if out, _ := s.run(0, "audit", changed); !strings.Contains(out, "Complete: ") {
		s.Errorf("audit: %s", out)
	}
}

// newSyncing starts dev, with a recipe that makes nothing, as a store of so many pictures.
func newSyncing(t *testing.T, n int) *syncing {
	t.Helper()
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	s := &syncing{T: t, dir: t.TempDir()}
	none := filepath.Join(s.dir, "none.yaml")
	text := "source: {bucket: my-in}\ntarget: {bucket: my-out}\nrules: [{match: '**', variants: []}]\n"
	if err := os.WriteFile(none, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	dev := run(t, "dev", "--dir", filepath.Join(s.dir, "cloud"), "--port", strconv.Itoa(port), "--config", none)
	s.where = dev.ready(t)
	s.watcher = watch(t, s.where.Endpoint)
	store := once(s.where)
	distinct := distinctPictures(t, min(n, 1000))
	var group errgroup.Group
	group.SetLimit(8)
	for i := range n {
		group.Go(func() error {
			key := fmt.Sprintf("%03d/%05d.jpg", i%97, i)
			_, err := store.Put(t.Context(), "my-in", key, distinct[i%len(distinct)], bucket.Attributes{}, bucket.Condition{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return s
}

// once returns a client that does not repeat requests, so that each has one effect.
func once(where s3.Options) *s3.Store {
	o := awss3.Options{RetryMaxAttempts: 1}
	where.Apply(&o)
	return s3.New(awss3.New(o))
}
