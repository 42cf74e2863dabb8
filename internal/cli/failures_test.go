package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/cli"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

// command runs imgmill, expects an exit code, and returns both outputs.
func command(t *testing.T, exit int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if code := cli.Main(args, nil, &out, &err); code != exit {
		t.Fatalf("%q exits with %d, want %d\n%s%s", args, code, exit, &out, &err)
	}
	return out.String(), err.String()
}

// bury publishes so many events to the local cloud's queue and buries them.
func bury(t *testing.T, cloud *devcloud.Cloud, events int) {
	t.Helper()
	for i := range events {
		body, err := event.Notification(event.Change{Bucket: "photos-input",
			Key: fmt.Sprintf("夏/%d b.jpg", i+1), Time: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if err := cloud.Queue().Publish(t.Context(), "", body); err != nil {
			t.Fatal(err)
		}
		got, err := cloud.Queue().Fetch(t.Context(), 1, waitTimeout)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		if err := got[0].Bury(t.Context(), fmt.Sprintf("failed\x1b 10 times %d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailuresOfDev lists, shows and sends back what the local cloud buried; it is delivered when
// the cloud runs again.
func TestFailuresOfDev(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cloud")
	cfg := devcloud.Config{Dir: dir, Port: devcloud.AnyPort, Watch: []string{"photos-input"},
		Log: slog.New(slog.DiscardHandler)}
	cloud, err := devcloud.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	bury(t, cloud, 3)
	if _, stderr := command(t, 1, "failures", "--dir", dir); !strings.Contains(stderr,
		"imgmill dev is running on "+dir+", and only one process may open its queue: stop it") {
		t.Errorf("while it runs: %s", stderr)
	}
	if err := cloud.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	list, _ := command(t, 0, "failures", "--dir", dir)
	for _, want := range []string{"no  when", "夏/1 b.jpg  failed\\x1b 10 times 1", "\n3  "} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q:\n%s", want, list)
		}
	}
	if again, _ := command(t, 0, "failures", "list", "--dir", dir); again != list {
		t.Errorf("listed twice:\n%s%s", list, again)
	}
	shown, _ := command(t, 0, "failures", "show", "2", "--dir", dir)
	var one struct {
		Number, Tries int
		Keys          []string
		Reason        string
		Event         json.RawMessage
	}
	if err := json.Unmarshal([]byte(shown), &one); err != nil || one.Number != 2 ||
		one.Tries != 1 || one.Keys[0] != "夏/2 b.jpg" || one.Reason != "failed\x1b 10 times 2" {
		t.Errorf("shown: %v, %s", err, shown)
	}
	if _, stderr := command(t, 1, "failures", "show", "4", "--dir", dir); !strings.Contains(stderr,
		"there is no failure 4; the list has 3") {
		t.Errorf("a failure that does not exist: %s", stderr)
	}

	sent, stderr := command(t, 3, "failures", "retry", "2", "9", "--dir", dir)
	if !strings.Contains(sent, "2  夏/2 b.jpg  sent back\n") ||
		!strings.Contains(sent, "9  -  not sent: there is no failure 9") ||
		!strings.Contains(stderr, "1 failure sent back.") {
		t.Errorf("sent back:\n%s%s", sent, stderr)
	}
	lines, _ := command(t, 0, "failures", "--json", "--dir", dir)
	if strings.Count(lines, "\n") != 2 || strings.Contains(lines, "夏/2") {
		t.Errorf("the rest: %s", lines)
	}
	command(t, 0, "failures", "retry", "--all", "--json", "--dir", dir)
	if _, stderr := command(t, 0, "failures", "--dir", dir); stderr != "No failures.\n" {
		t.Errorf("at the end: %s", stderr)
	}

	if cloud, err = devcloud.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer cloud.Stop(t.Context())
	if n, err := cloud.Queue().Waiting(t.Context()); err != nil || n != 3 {
		t.Errorf("%d are pending in the next cloud, %v", n, err)
	}
}
