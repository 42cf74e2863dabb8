package cli

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

// TestDevEndsWithItsServer checks that dev does not outlive its S3 server: it ends with the reason
// and exit code 1.
func TestDevEndsWithItsServer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := devcloud.Config{Dir: t.TempDir(), Listener: l, Log: slog.New(slog.DiscardHandler)}
	d, err := startDev(t.Context(), cfg, recipe.Default(formats.All()), "", false, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- d.run(t.Context(), nil, 0, false, newTable(io.Discard, recipe.Default(formats.All())), &stderr)
	}()
	select {
	case err := <-ended:
		t.Fatalf("dev ended although nothing had failed: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err = <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("dev still waits after its server has ended")
	}
	var message bytes.Buffer
	if code := exitCode(&cobra.Command{Use: "dev"}, err, &message); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if got := message.String(); !strings.HasPrefix(got, "imgmill: the S3 server has stopped: accept connections: ") || strings.Count(got, "\n") != 1 {
		t.Errorf("message %q", got)
	}
	if strings.Contains(stderr.String(), "Stopping") {
		t.Errorf("dev claims to have been interrupted: %s", &stderr)
	}
}

// TestDevRemembersWhatIsNoPicture: a text named .jpg is looked at once, and no search takes it for an upload without
// variants.
func TestDevRemembersWhatIsNoPicture(t *testing.T) {
	cfg := devcloud.Config{Dir: t.TempDir(), Port: devcloud.AnyPort, Log: slog.New(slog.DiscardHandler)}
	d, err := startDev(t.Context(), cfg, recipe.Default(formats.All()), "", false, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.put(t.Context(), "letter.jpg", []byte("Dear reader"))
	if err != nil || r.Verdict != outcome.Skipped || !strings.Contains(r.Reason, "not a picture") {
		t.Errorf("%s %s, %v", r.Verdict, r.Reason, err)
	}
	if err := d.search(t.Context(), func(_, key string) error { t.Errorf("%s is looked at again", key); return nil }); err != nil {
		t.Error(err)
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}
