package devcloud

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// startChild runs a cloud in another process. kill ends it like kill -9, and waits for it.
func startChild(t *testing.T, dir string) (cl *s3.Client, kill func()) {
	t.Helper()
	cl, _, kill = startChildWith(t, dir, "")
	return cl, kill
}

// startChildWith does the same after a shell has run some commands, if there are any.
func startChildWith(t *testing.T, dir, commands string) (cl *s3.Client, endpoint string, kill func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	if commands != "" {
		cmd = exec.Command("sh", "-c", commands+`exec "$0"`, exe)
	}
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			if err := cmd.Process.Kill(); err != nil {
				t.Errorf("kill: %v", err)
			}
			cmd.Wait() // returns an error, because it was killed
			in.Close()
		})
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the other process has not started: %v", err)
	}
	var fields []string
	if err := json.Unmarshal(line, &fields); err != nil || len(fields) != 4 {
		t.Fatalf("the other process printed %q", line)
	}
	return newClient(fields[0], fields[1], fields[2], fields[3]), fields[0], kill
}

// TestKill kills a server over and over while clients create, replace and remove objects. It must
// never lose a write that it has acknowledged or keep half of a write, and the last event of each
// key must match the object.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := &ledger{m: map[string]map[string]bool{}}
	const rounds = 6
	for round := range rounds {
		cl, kill := startChild(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for i := range 8 {
			clients.Go(func() { hammer(ctx, cl, acked, round, i) })
		}
		time.Sleep(time.Duration(200+rand.IntN(300)) * time.Millisecond)
		until(t, "some writes on a busy machine", func() bool { return acked.keys() >= 10*(round+1) })
		kill()
		cancel()
		clients.Wait()
	}

	c := start(t, testConfig(dir))
	latest := map[string]notice{}
	announced := map[string]bool{}
	for _, n := range events(t, c.Queue()) { // ordered by sequencer
		latest[n.Key] = n
		announced[n.Key+" "+n.ETag] = true
	}
	if len(acked.m) < 50 {
		t.Fatalf("only %d keys were written; the test was too short to prove anything", len(acked.m))
	}
	count := 0
	for key, etags := range acked.m {
		for etag := range etags {
			count++
			if !announced[key+" "+etag] {
				t.Errorf("%s was acknowledged with etag %q, but has no event", key, etag)
			}
		}
	}
	cl := client(c)
	present := map[string]bool{}
	src := source
	pages := s3.NewListObjectsV2Paginator(cl, &s3.ListObjectsV2Input{Bucket: &src})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			present[*o.Key] = true
			checkWhole(t, cl, *o.Key, latest[*o.Key])
		}
	}
	for key, n := range latest {
		if !n.Removed && !present[key] {
			t.Errorf("the last event of %s is a creation, but the object does not exist", key)
		}
	}
	checkWritable(t, cl, latest)
	files, err := os.ReadDir(c.folder.journal)
	if err != nil || len(files) != 0 {
		t.Errorf("%d entries are left in the journal (%v)", len(files), err)
	}
	t.Logf("%d acknowledged writes of %d keys over %d kills", count, len(acked.m), rounds)
}

// ledger records the acknowledged writes of each key: the ETag of a creation, and "" for a removal.
type ledger struct {
	mu sync.Mutex
	m  map[string]map[string]bool
}

func (l *ledger) note(key, etag string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m[key] == nil {
		l.m[key] = map[string]bool{}
	}
	l.m[key][etag] = true
}

func (l *ledger) keys() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.m)
}

// hammer writes until the server dies: new keys, and keys that all clients replace and remove in
// every round.
func hammer(ctx context.Context, cl *s3.Client, acked *ledger, round, id int) {
	src := source
	single := func(o *s3.Options) { o.RetryMaxAttempts = 1 } // a second attempt would hide the effect of the first
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("new/夏 %d-%d-%d.jpg", round, id, n)
		if n%3 != 0 {
			key = fmt.Sprintf("shared/%d.jpg", (id+n)%5)
		}
		if n%7 == 3 {
			if _, err := cl.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &src, Key: &key}, single); err != nil {
				return
			}
			continue
		}
		body := fmt.Sprintf("%d-%d-%d %s", round, id, n, strings.Repeat("b", n%97))
		out, err := cl.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &src, Key: &key, Body: strings.NewReader(body), Metadata: map[string]string{"md5": md5Hex(body)},
		}, single)
		if err != nil {
			return
		}
		acked.note(key, bare(*out.ETag))
	}
}

// checkWhole checks that bytes, ETag and metadata come from the same write, the one in the last
// event.
func checkWhole(t *testing.T, cl *s3.Client, key string, last notice) {
	t.Helper()
	src := source
	out, err := cl.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &src, Key: &key})
	if err != nil {
		t.Errorf("get %s: %v", key, err)
		return
	}
	defer out.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(out.Body); err != nil {
		t.Errorf("get %s: %v", key, err)
	}
	sum := md5Hex(b.String())
	if bare(str(out.ETag)) != sum || out.Metadata["md5"] != sum {
		t.Errorf("%s: bytes %s, etag %s, metadata %v", key, sum, str(out.ETag), out.Metadata)
	}
	if last.Removed || last.ETag != sum {
		t.Errorf("%s holds %s, but its last event is %s %s", key, sum, last.name, last.ETag)
	}
}

// checkWritable checks that no key is stuck: an absent object can be created with the condition
// that it is absent.
func checkWritable(t *testing.T, cl *s3.Client, latest map[string]notice) {
	t.Helper()
	src, none := source, "*"
	for _, i := range []int{0, 1, 2, 3, 4} {
		key := fmt.Sprintf("shared/%d.jpg", i)
		if !latest[key].Removed {
			continue
		}
		_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &src, Key: &key, Body: strings.NewReader("again"), IfNoneMatch: &none,
		})
		if err != nil {
			t.Errorf("%s does not exist, but cannot be created: %v", key, err)
		}
	}
}
