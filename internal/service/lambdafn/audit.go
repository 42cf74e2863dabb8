package lambdafn

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// AuditRequest is the event with which a schedule asks for an audit.
const AuditRequest = `{"imgmill":"audit"}`

// AuditMessage is the message of the log line about an audit. Its member "faults" is what an alarm counts.
const AuditMessage = "audit"

const (
	// auditSample is the number of uploads whose marks are read. A changed recipe, which listings do not
	// show, makes all of them stale.
	auditSample = 1000
	// auditLooks is the number of uploads without fresh variants that are looked at: a file that is no picture
	// has none, and nothing remembers that in a function.
	auditLooks = 1000
	auditLanes = 32
	auditShown = 3 // keys in the log line
)

// isAudit reports whether an event asks for an audit.
func isAudit(payload []byte) bool {
	var request struct {
		Imgmill string `json:"imgmill"`
	}
	return json.Unmarshal(payload, &request) == nil && request.Imgmill == "audit"
}

// audit compares the buckets by their listings and a sample of marks, and logs a line. It changes nothing, and
// an error is logged as a fault of its own: to be called again would not help.
func (h *Handler) audit(ctx context.Context, log *slog.Logger) {
	start := time.Now()
	a := audit{mill: h.Mill}
	report, err := a.run(ctx)
	faults := report.Missing.Pictures + report.Stale.Pictures + int64(report.SampleFaults)
	if err != nil {
		faults++
	}
	attrs := []slog.Attr{
		slog.Int64("faults", faults), slog.Int64("uploads", report.Sources), slog.Int64("wanted", report.Wanted),
		slog.Int64("missing", report.Missing.Pictures), slog.Int64("stale", report.Stale.Pictures),
		slog.Int64("bad", report.Bad.Pictures), slog.Int64("no_pictures", report.NoPictures.Pictures),
		slog.Int("sampled", report.Sampled), slog.Int("sample_faults", report.SampleFaults),
		slog.Int64(outcome.AttrMS, time.Since(start).Milliseconds()),
	}
	level := slog.LevelInfo
	if faults > 0 {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("examples", a.examples))
	}
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String(outcome.AttrError, outcome.Short(err.Error(), outcome.MaxReason)))
	}
	log.LogAttrs(ctx, level, AuditMessage, attrs...)
}

// audit is one audit.
type audit struct {
	mill     *mill.Mill
	examples []string // keys of uploads with a fault
}

func (a *audit) run(ctx context.Context) (sync.Report, error) {
	c := sync.Comparison{Mill: a.mill, Sample: auditSample, Looks: auditLooks, Lanes: auditLanes, Each: func(f sync.Finding) error {
		if len(f.Missing)+len(f.Stale) > 0 && len(a.examples) < auditShown {
			a.examples = append(a.examples, outcome.Short(f.Key, outcome.MaxReason))
		}
		return nil
	}}
	c.Restart = func() error {
		a.examples = nil
		return nil
	}
	report, err := c.Run(ctx)
	if err != nil {
		return report, fmt.Errorf("the audit has not ended: %w", err)
	}
	return report, nil
}
