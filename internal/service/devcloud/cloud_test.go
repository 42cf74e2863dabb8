package devcloud

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

func TestStartStop(t *testing.T) {
	was, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, testConfig(t.TempDir()))
	if _, err := Start(t.Context(), testConfig(t.TempDir())); err == nil || !strings.Contains(err.Error(), "running in this process") {
		t.Errorf("a second cloud: %v", err)
	}
	// A connection that sends nothing must not delay Stop.
	idle, err := net.Dial("tcp", strings.TrimPrefix(c.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	put(t, client(c), source, "a.jpg", "a")
	begin := time.Now()
	stop(t, c)
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("stopping took %v", took)
	}
	stop(t, c)
	select {
	case <-c.Done():
	default:
		t.Error("Done is not closed after Stop")
	}
	if err := c.Err(); err != nil {
		t.Errorf("Err after Stop: %v", err)
	}
	if _, err := c.Queue().Waiting(t.Context()); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("the queue after Stop: %v", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(c.Endpoint(), "http://")); err == nil {
		t.Error("the server still listens")
	}
	if is, err := os.Getwd(); err != nil || is != was {
		t.Errorf("working directory %s (%v), want %s", is, err, was)
	}
}

// TestServerFails checks that a server that ends by itself closes Done with its reason, and that
// Stop still cleans up.
func TestServerFails(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	select {
	case <-c.Done():
		t.Fatalf("done before anything failed: %v", c.Err())
	default:
	}
	if err := c.listener.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done():
	case <-time.After(waitTimeout):
		t.Fatal("the failure went unnoticed")
	}
	const want = "the S3 server has stopped: accept connections: "
	if err := c.Err(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	stop(t, c)
	start(t, testConfig(dir))
}

// TestConfigListener checks that a listener of the caller is used, and refused beyond loopback.
func TestConfigListener(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t.TempDir())
	cfg.Listener = l
	c := start(t, cfg)
	if want := "http://" + l.Addr().String(); c.Endpoint() != want {
		t.Errorf("endpoint %s, want %s", c.Endpoint(), want)
	}
	put(t, client(c), source, "a.jpg", "a")
	outside, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	if err := (Config{Listener: outside}).Validate(); err == nil || !strings.Contains(err.Error(), "want 127.0.0.1") {
		t.Errorf("a listener beyond loopback: %v", err)
	}
}

// TestStopFinishesRequests checks that an upload in progress is finished, answered and announced
// when Stop is called.
func TestStopFinishesRequests(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	src, key := source, "slow.jpg"
	content := strings.Repeat("s", 300<<10)
	length := int64(len(content))
	r, w := io.Pipe()
	// A signed URL, because the client would read the whole body before it sends the first byte.
	signed, err := s3.NewPresignClient(client(c)).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, signed.URL, r)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = length
	result := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		result <- err
	}()
	if _, err := io.WriteString(w, content[:64<<10]); err != nil {
		t.Fatal(err)
	}
	until(t, "the server to see the request", func() bool {
		c.gw.gate.mu.Lock()
		defer c.gw.gate.mu.Unlock()
		return c.gw.gate.busy == 1
	})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop(t, c)
	}()
	until(t, "Stop to close the gate", func() bool { c.gw.gate.mu.Lock(); defer c.gw.gate.mu.Unlock(); return c.gw.gate.closed })
	if _, err := io.WriteString(w, content[64<<10:]); err != nil {
		t.Error(err)
	}
	w.Close()
	if err := <-result; err != nil {
		t.Errorf("the upload: %v", err)
	}
	<-stopped
	c = start(t, testConfig(dir))
	one(t, c, "ObjectCreated:Put", key, md5Hex(content), length)
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	access, secret := c.Credentials()
	if len(access) != 20 || len(secret) != 40 {
		t.Errorf("credentials of %d and %d characters, want 20 and 40", len(access), len(secret))
	}
	put(t, client(c), source, "settled.jpg", "1")
	before := events(t, c.Queue())
	put(t, client(c), source, "waiting.jpg", "2")
	stop(t, c)

	c = start(t, testConfig(dir))
	if a, s := c.Credentials(); a != access || s != secret {
		t.Error("the credentials changed with the restart")
	}
	for key, want := range map[string]string{"settled.jpg": "1", "waiting.jpg": "2"} {
		if got := get(t, client(c), source, key); got != want {
			t.Errorf("%s holds %q, want %q", key, got, want)
		}
	}
	n := one(t, c, "ObjectCreated:Put", "waiting.jpg", md5Hex("2"), 1)
	if n.Sequencer <= before[0].Sequencer {
		t.Errorf("sequencer %s after the restart, %s before", n.Sequencer, before[0].Sequencer)
	}
}

func TestPrivateFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "deep", "er")
	start(t, testConfig(dir))
	for name, want := range map[string]os.FileMode{"": 0o700, "credentials.json": 0o600, "events": 0o600, "s3/data": 0o700} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%q has mode %04o, want %04o", name, info.Mode().Perm(), want)
		}
	}
}

// TestPorts checks that listen uses the first free port from FirstPort on, or exactly the given
// one.
func TestPorts(t *testing.T) {
	blocked, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(FirstPort)))
	if err == nil {
		defer blocked.Close()
	}
	l, err := listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if p := portOf(l); p == FirstPort {
		t.Errorf("port %d, which is in use", p)
	}
	_, err = listen(portOf(l))
	want := "port " + strconv.Itoa(portOf(l)) + " on 127.0.0.1 is in use by another program: stop that program, or choose another port"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestFailedStarts checks that a start that fails states what failed, where and what to do, leaves
// nothing running, and can be repeated.
func TestFailedStarts(t *testing.T) {
	was, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen(AnyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	write := func(name, content string, mode os.FileMode) func(t *testing.T, cfg *Config) {
		return func(t *testing.T, cfg *Config) {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(cfg.Dir, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(cfg.Dir, name), []byte(content), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, cfg *Config)
		want    []string
	}{
		"port in use": {func(_ *testing.T, cfg *Config) { cfg.Port = portOf(l) }, []string{"is in use", "choose another port"}},
		"port out of range": {func(_ *testing.T, cfg *Config) {
			cfg.Port = 70000
			cfg.Buckets = []string{"Not_A_Bucket"}
			cfg.Lease = -1
		}, []string{"port 70000", `bucket "Not_A_Bucket"`, "lease"}},
		"folder is a file": {func(t *testing.T, cfg *Config) {
			write("file", "", 0o600)(t, cfg)
			cfg.Dir = filepath.Join(cfg.Dir, "file")
		}, []string{"is needed as a folder", "choose another folder"}},
		"folder in a file": {func(t *testing.T, cfg *Config) {
			write("file", "", 0o600)(t, cfg)
			cfg.Dir = filepath.Join(cfg.Dir, "file", "deeper")
		}, []string{"lies below one", "choose another folder"}},
		"folder not writable": {func(t *testing.T, cfg *Config) {
			cfg.Dir = unwritable(t)
		}, []string{"not writable", "choose another folder"}},
		"credentials broken":    {write("credentials.json", `{"access_key": "x"`, 0o600), []string{"credentials.json does not hold the keys of imgmill dev", "choose another folder", "delete it"}},
		"credentials empty":     {write("credentials.json", `{}`, 0o600), []string{"credentials.json does not hold the keys", "want access_key"}},
		"credentials readable":  {write("credentials.json", `{"access_key":"a","secret_key":"b"}`, 0o644), []string{"read by other users", "chmod 600"}},
		"sequencer broken":      {write("s3/sequencer", "tomorrow\n", 0o600), []string{"sequencer is damaged", "delete it"}},
		"queue is a folder":     {write("events/x", "", 0o600), []string{"events cannot be used"}},
		"queue is another file": {write("events", "Dear diary", 0o600), []string{"events does not hold a queue", "choose another folder"}},
		"bucket without access": {write("s3/data/"+source+"/stray.jpg", "", 0o600), []string{"bucket " + source, "not empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(name, "readable") && runtime.GOOS == "windows" {
				t.Skip("Windows has no such modes")
			}
			cfg := testConfig(t.TempDir())
			c.prepare(t, &cfg)
			for range 2 {
				cloud, err := Start(t.Context(), cfg)
				if err == nil {
					stop(t, cloud)
					t.Fatal("the cloud has started")
				}
				for _, w := range c.want {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("error %q, want %q in it", err, w)
					}
				}
			}
			if is, err := os.Getwd(); err != nil || is != was {
				t.Errorf("working directory %s (%v), want %s", is, err, was)
			}
		})
	}
}

// unwritable returns a path at which this user cannot create a folder.
func unwritable(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "locked")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "cloud")
	if os.Geteuid() == 0 { // root may write everywhere but to the kernel's file systems
		dir = "/sys/imgmill-test"
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		os.Remove(dir)
	}
	if !errors.Is(err, os.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		t.Skipf("found no unwritable folder: %v", err)
	}
	return dir
}

func TestDiskFull(t *testing.T) {
	err := explain("/data/.imgmill", &os.PathError{Op: "write", Path: "/data/.imgmill/credentials.json", Err: syscall.ENOSPC})
	if want := "no space left for /data/.imgmill: free some space, or choose a folder on another disk"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	_, kill := startChild(t, dir)
	_, err := Start(t.Context(), testConfig(dir))
	if err == nil || !strings.Contains(err.Error(), "in use by another imgmill: stop that one, or choose another folder") {
		t.Errorf("a second process on one folder: %v", err)
	}
	kill()
	start(t, testConfig(dir))
}

// TestQuiet checks that the server never writes to the terminal.
func TestQuiet(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	restore := func() { os.Stdout, os.Stderr = stdout, stderr }
	defer restore()
	printed := make(chan string)
	go func() {
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			t.Error(err)
		}
		printed <- b.String()
	}()

	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	put(t, cl, source, "a", "a")
	src, below := source, "a/b"
	if _, err := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &below, Body: strings.NewReader("x")}); err == nil {
		t.Error("stored a/b beside a")
	}
	no := "no-such-bucket"
	if _, err := cl.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &no}); err == nil {
		t.Error("found a bucket that nobody has created")
	}
	stop(t, c)
	restore()
	w.Close()
	if s := <-printed; s != "" {
		t.Errorf("printed %q", s)
	}
}
