package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// waitTimeout limits the wait for things that normally take milliseconds, so that a busy machine
// fails no test.
const waitTimeout = 30 * time.Second

// process is a running imgmill dev.
type process struct {
	cmd     *exec.Cmd
	ended   chan error
	changed chan struct{} // receives a value when the log has grown

	mu  sync.Mutex
	log []string
}

// run starts imgmill with these arguments.
func run(t *testing.T, args ...string) *process {
	t.Helper()
	if args[0] == "dev" {
		args = append(args, "--log")
	}
	return start(t, append([]string{"imgmill"}, args...))
}

// start starts a command line that runs imgmill.
func start(t *testing.T, line []string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(line[0], line[1:]...), ended: make(chan error, 1), changed: make(chan struct{}, 1)}
	p.cmd.Dir = t.TempDir() // a folder without a recipe
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.read(stderr)
		p.ended <- p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() // unless it has ended
		err := <-p.ended
		p.ended <- err
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("the last lines of dev:\n%s", strings.Join(p.log[max(0, len(p.log)-20):], "\n"))
		}
	})
	return p
}

func (p *process) read(r io.Reader) {
	scan := bufio.NewScanner(r)
	for scan.Scan() {
		p.mu.Lock()
		p.log = append(p.log, scan.Text())
		p.mu.Unlock()
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
}

// find waits for a matching line of the log, beginning with line number from. It returns the groups
// of the match and the number of the next line.
func (p *process) find(t *testing.T, from int, re *regexp.Regexp) (groups []string, next int) {
	t.Helper()
	deadline := time.After(waitTimeout)
	for {
		p.mu.Lock()
		for ; from < len(p.log); from++ {
			if m := re.FindStringSubmatch(p.log[from]); m != nil {
				p.mu.Unlock()
				return m, from + 1
			}
		}
		p.mu.Unlock()
		select {
		case <-p.changed:
		case err := <-p.ended:
			p.ended <- err
			t.Fatalf("dev ended (%v) before it logged %v", err, re)
		case <-deadline:
			t.Fatalf("dev has not logged %v", re)
		}
	}
}

// cloudRE is the line that a person copies into a shell.
var cloudRE = regexp.MustCompile(`export AWS_ENDPOINT_URL=(\S+) AWS_REGION=(\S+) AWS_ACCESS_KEY_ID=(\S+) AWS_SECRET_ACCESS_KEY=(\S+)`)

// ready waits until dev has printed its address and credentials.
func (p *process) ready(t *testing.T) s3.Options {
	t.Helper()
	m, _ := p.find(t, 0, cloudRE)
	return s3.Options{Endpoint: m[1], Region: m[2], AccessKey: m[3], Secret: m[4], PathStyle: true}
}

// verdict waits for the line of the log about a key, and returns the verdict and the rest of the
// line.
func (p *process) verdict(t *testing.T, key string) (verdict, rest string) {
	t.Helper()
	text := key
	if strings.ContainsAny(key, ` "=`) || strconv.Quote(key) != `"`+key+`"` {
		text = strconv.Quote(key)
	}
	m, _ := p.find(t, 0, regexp.MustCompile(`msg=change bucket=photos-input key=`+regexp.QuoteMeta(text)+` verdict=(\w+) (.*)`))
	return m[1], m[2]
}

// kill ends dev like kill -9.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatalf("kill: %v", err)
	}
	err := <-p.ended
	p.ended <- err
}

// interrupt ends dev like Ctrl-C, and checks that the exit code is 0. On Windows, where a process
// cannot send that to another, it kills dev.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		p.kill(t)
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatalf("interrupt: %v", err)
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		if err != nil {
			t.Errorf("after an interrupt: %v", err)
		}
	case <-time.After(waitTimeout):
		t.Error("dev has not ended after an interrupt")
	}
}

// peak returns the largest memory use so far, in bytes. ok is false if the system does not report
// it.
func (p *process) peak() (bytes int64, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, false
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		return 0, false
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	return kib << 10, err == nil
}
