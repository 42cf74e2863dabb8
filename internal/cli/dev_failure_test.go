package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
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

// TestDevUploadsTheRest: a file that cannot be uploaded is named, and does not keep the others from it.
func TestDevUploadsTheRest(t *testing.T) {
	var log bytes.Buffer
	cfg := devcloud.Config{Dir: t.TempDir(), Port: devcloud.AnyPort, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))}
	d, err := startDev(t.Context(), cfg, recipe.Default(formats.All()), "", false, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	photo := func() ([]byte, error) { return sample.Photo(60, 40), nil }
	gone := func() ([]byte, error) { return nil, errChanged }
	var table bytes.Buffer
	err = d.run(t.Context(), []picture{{"no\x01key", "no\x01key", photo}, {"gone.jpg", "gone.jpg", gone}, {"a.jpg", "a.jpg", photo}}, 0, true,
		newTable(&table, recipe.Default(formats.All())), io.Discard)
	if !errors.Is(err, errPartial) || strings.Count(table.String(), "\n") != 2 || !strings.Contains(table.String(), "\na.jpg ") {
		t.Errorf("%v\n%s", err, &table)
	}
	if text := log.String(); strings.Count(text, "a file is not uploaded") != 2 || !strings.Contains(text, "cannot keep this key") ||
		!strings.Contains(text, errChanged.Error()) {
		t.Errorf("the log is\n%s", text)
	}
}

// TestExplainUpload: an interrupt is no error of a file.
func TestExplainUpload(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := explainUpload(ctx, 3, 4).Error(); got != "interrupted; 3 of 4 files done. What is uploaded is kept" {
		t.Error(got)
	}
}
