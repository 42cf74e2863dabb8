package cli_test

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/hostiletest"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
)

// TestWorkerMemory uploads pictures at once with large variants to a worker that has memory for one of
// them. All must be made within it; eight at a time would take more than twice as much.
func TestWorkerMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const memory = 128 << 20
	dir := t.TempDir()
	data := sample.Photo(3000, 2000)
	where := startStore(t, "photos-input", "photos-output")
	store, err := s3.Open(where)
	if err != nil {
		t.Fatal(err)
	}
	const uploads = 8
	for i := range uploads {
		key := fmt.Sprintf("%d.jpg", i)
		if _, err := store.Put(t.Context(), "photos-input", key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	recipe := filepath.Join(dir, "imgmill.yaml")
	text := fmt.Sprintf("source: {bucket: photos-input, endpoint: '%s'}\ntarget: {bucket: photos-output}\n"+
		"variants: {large: {width: 2400, format: png}}\n", where.Endpoint)
	if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := run(t, "worker", "--poll", "1h", "--config", recipe, "--checkpoint", "none",
		"--concurrency", "8", "--memory", fmt.Sprint(memory))
	next := 0
	for range uploads {
		var m []string
		if m, next = w.find(t, next, regexp.MustCompile(`msg=change .* verdict=(\w+)`)); m[1] != "done" {
			t.Errorf("%s", m[0])
		}
	}
	peak, ok := w.peak()
	if !ok {
		t.Skip("the system does not report the peak of the memory")
	}
	t.Logf("%d pictures of %d bytes: at most %d MB", uploads, len(data), peak>>20)
	if peak > memory {
		t.Errorf("the worker took %d MB, want at most %d", peak>>20, memory>>20)
	}
	w.interrupt(t)
}

// groupMemory is that of the control groups below, in bytes, and as --memory says it.
const (
	groupMemory     = 256_000_000
	groupMemoryFlag = "256MB"
)

// TestWorkerGroup gives a worker in a control group with 256 MB, which kills what takes more, the largest
// pictures and the hostile ones, eight at a time. All are done, or bad with a reason. It runs if IMGMILL_GROUP is
// set, and needs root; with IMGMILL_CORPUS, it takes the files there too.
func TestWorkerGroup(t *testing.T) {
	if os.Getenv("IMGMILL_GROUP") == "" {
		t.Skip("IMGMILL_GROUP is not set")
	}
	group := hostiletest.NewGroup(t, groupMemory)
	where := startStore(t, "photos-input", "photos-output")
	store, err := s3.Open(where)
	if err != nil {
		t.Fatal(err)
	}
	uploads := 0
	put := func(key string, data []byte) {
		t.Helper()
		if _, err := store.Put(t.Context(), "photos-input", key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		uploads++
	}
	largest := map[string]string{} // verdicts by key
	for name, p := range map[string]struct {
		data    []byte
		verdict string
	}{
		"24 megapixels.jpg":        {sample.Photo(6000, 4000), "done"},
		"200 megapixels.png":       {hostiletest.Blank(14142, 14142, 8, 0, false), "done"},
		"98 MB held.png":           {hostiletest.Blank(7000, 7000, 8, 6, true), "done"},
		"128 MB held.png":          {hostiletest.Blank(8000, 8000, 8, 6, true), "bad"},
		"400 megapixels.png":       {hostiletest.Blank(20000, 20000, 1, 0, false), "bad"},
		"a variant of 270 MB.png":  {hostiletest.Blank(1500, 60_000, 8, 2, false), "bad"},
		"a variant with 99 MB.png": {hostiletest.Blank(1500, 11_000, 8, 2, false), "done"},
	} {
		for i := range 4 {
			key := fmt.Sprintf("%d/%s", i, name)
			put(key, p.data)
			largest[key] = p.verdict
		}
	}
	for i, p := range hostiletest.Pictures() {
		put(fmt.Sprintf("%d/hostile %03d%s", i%4, i, p.Extension()), p.Data)
		put(fmt.Sprintf("%d/cut %03d%s", i%4, i, p.Extension()), p.Data[:len(p.Data)/2])
	}
	if corpus := os.Getenv("IMGMILL_CORPUS"); corpus != "" {
		err := filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil && len(data) > 0 {
				put(fmt.Sprintf("%d/corpus %04d%s", uploads%4, uploads, filepath.Ext(path)), data)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	recipe := filepath.Join(t.TempDir(), "imgmill.yaml")
	text := fmt.Sprintf("source: {bucket: photos-input, endpoint: '%s', suffixes: []}\ntarget: {bucket: photos-output}\n"+
		"variants: {thumb: {width: 200, height: 200, fit: cover, format: jpeg}, large: {width: 1500, format: webp}}\n", where.Endpoint)
	if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := start(t, group.Command("imgmill", "worker", "--poll", "1h", "--config", recipe, "--checkpoint", "none",
		"--concurrency", "8", "--memory", groupMemoryFlag))
	verdicts, next := map[string]int{}, 0
	for range uploads {
		var m []string
		m, next = w.find(t, next, regexp.MustCompile(`msg=change bucket=photos-input key=("[^"]*"|\S+) verdict=(\w+)(.*)`))
		verdicts[m[2]]++
		key := strings.Trim(m[1], `"`)
		if want := largest[key]; want != "" && m[2] != want || m[2] == "retry" || m[2] == "bad" && !strings.Contains(m[3], "reason=") {
			t.Errorf("want %s: %.300s", want, m[0])
		}
	}
	t.Logf("%d uploads in a control group of %d bytes: %v, at most %d bytes", uploads, groupMemory, verdicts, group.Peak(t))
	w.interrupt(t)
}

// TestOverload gives a worker in a control group with 256 MB twice as many pictures as it can make, for as long as
// IMGMILL_OVERLOAD says. Its memory stays as it was, and in the end every upload has its variants. The events
// are in the NATS server that IMGMILL_NATS names. It needs root.
func TestOverload(t *testing.T) {
	server := os.Getenv("IMGMILL_NATS")
	if server == "" {
		t.Skip("IMGMILL_NATS names no server")
	}
	span := 20 * time.Second
	if text := os.Getenv("IMGMILL_OVERLOAD"); text != "" {
		var err error
		if span, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	group := hostiletest.NewGroup(t, groupMemory)
	where := startStore(t, "photos-input", "photos-output")
	l := &load{T: t}
	var err error
	if l.store, err = s3.Open(where); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("%s/overload-%d", server, time.Now().UnixNano())
	if l.queue, err = jetstream.Dial(t.Context(), url, "", slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	held := hostiletest.Blank(6500, 6500, 8, 6, true)
	l.pictures = [][]byte{
		sample.Photo(1500, 1000), sample.Photo(3000, 2000), sample.Photo(1000, 1500), sample.Photo(2400, 1600), held,
	}
	recipe := filepath.Join(t.TempDir(), "imgmill.yaml")
	text := fmt.Sprintf("source: {bucket: photos-input, endpoint: '%s'}\ntarget: {bucket: photos-output}\n"+
		"variants: {small: {width: 200}, large: {width: 1200, format: webp, effort: high}}\n", where.Endpoint)
	if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := start(t, group.Command("imgmill", "worker", "--queue", url, "--config", recipe, "--concurrency", "4",
		"--memory", groupMemoryFlag))

	begun := time.Now()
	for time.Since(begun) < max(span/10, 10*time.Second) { // as much as it makes
		if l.waiting() < 8 {
			l.upload()
			continue
		}
		time.Sleep(20 * time.Millisecond)
	}
	rate := l.made() / time.Since(begun).Seconds()
	t.Logf("it makes %.1f pictures a second", rate)

	// Twice of that, by what it has made since, because other programs run as well.
	begun = time.Now()
	uploadsBefore, madeBefore := l.uploads.Load(), l.made()
	pace := func() time.Duration { return time.Duration(float64(time.Second) / (2 * rate)) }
	ticks, samples := time.NewTicker(pace()), time.NewTicker(min(span/10, 10*time.Second))
	defer ticks.Stop()
	defer samples.Stop()
	var used []int64
	var uploaders sync.WaitGroup
	work := make(chan bool, 1000)
	for range 8 {
		uploaders.Go(func() {
			for range work {
				l.upload()
			}
		})
	}
	for end := time.After(span); end != nil; {
		select {
		case <-ticks.C:
			work <- true
		case <-samples.C:
			if n := l.made() - madeBefore; n > 0 {
				rate = n / time.Since(begun).Seconds()
				ticks.Reset(pace())
			}
			used = append(used, group.Used(t))
			t.Logf("%4.0f s: %3d MB now, %3d MB at most, %4.1f pictures a second, %4d events wait",
				time.Since(begun).Seconds(), used[len(used)-1]/1e6, group.Peak(t)/1e6, rate, l.waiting())
		case err := <-w.ended:
			t.Fatalf("the worker ended: %v", err)
		case <-end:
			end = nil
		}
	}
	close(work)
	uploaders.Wait()
	sent, made := float64(l.uploads.Load()-uploadsBefore), l.made()-madeBefore
	t.Logf("it was sent %.0f pictures in %v, and has made %.0f; %d events wait", sent, span, made, l.waiting())
	if sent < 1.6*made {
		t.Error("that was not twice what the worker makes")
	}
	half := len(used) / 2
	if first, second := mean(used[:half]), mean(used[half:]); second > first*6/5 {
		t.Errorf("the memory grows: %d MB on average in the first half, %d MB in the second", first/1e6, second/1e6)
	}
	for l.waiting() > 0 {
		time.Sleep(200 * time.Millisecond)
	}
	w.interrupt(t)
	t.Logf("%d pictures, all made after %v; at most %d MB", l.uploads.Load(), time.Since(begun).Round(time.Second), group.Peak(t)/1e6)
	out, err := exec.Command("imgmill", "audit", "--config", recipe, "--checkpoint", "none").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("audit: %v", err)
	}
}

// load uploads pictures, each under a key of its own, and publishes their events.
type load struct {
	*testing.T
	store    bucket.Store
	queue    queue.Queue
	pictures [][]byte
	uploads  atomic.Int64
}

func (l *load) upload() {
	i := l.uploads.Add(1)
	c := event.Change{Bucket: "photos-input", Key: fmt.Sprintf("%d/%d.jpg", i%10, i), Size: -1}
	var err error
	c.ETag, err = l.store.Put(l.Context(), c.Bucket, c.Key, l.pictures[i%int64(len(l.pictures))], bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		l.Error(err)
		return
	}
	body, err := event.Notification(c)
	if err == nil {
		err = l.queue.Publish(l.Context(), "", body)
	}
	if err != nil {
		l.Error(err)
	}
}

// waiting returns how many events are not settled.
func (l *load) waiting() int {
	n, err := l.queue.Waiting(l.Context())
	if err != nil {
		l.Error(err)
	}
	return int(n)
}

// made returns how many pictures were made.
func (l *load) made() float64 { return float64(l.uploads.Load()) - float64(l.waiting()) }

func mean(all []int64) (sum int64) {
	for _, n := range all {
		sum += n
	}
	return sum / int64(max(len(all), 1))
}
