package logs

import (
	"errors"
	"iter"
	"math"
	"testing"
)

// lines yields lines as a log would, and at the end an error if it is not nil.
func lines(end error, texts ...string) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for _, text := range texts {
			if !yield(ParseLine(text), nil) {
				return
			}
		}
		if end != nil {
			yield(Line{}, end)
		}
	}
}

const (
	coldReport = "REPORT RequestId: 3604209a-e9a3-11e6-939a-754dd98c7be3\tDuration: 200.30 ms\tBilled Duration: 281 ms\t" +
		"Memory Size: 1769 MB\tMax Memory Used: 90 MB\tInit Duration: 80.12 ms\t\n"
	warmReport = "REPORT RequestId: 3604209a-e9a3-11e6-939a-754dd98c7be4\tDuration: 118.10 ms\tBilled Duration: 119 ms\t" +
		"Memory Size: 1769 MB\tMax Memory Used: 91 MB\t\n"
	doneLine = `{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"change","request_id":"r","bucket":"b","key":"k","verdict":"done",` +
		`"ms":180.5,"bytes_in":4000000,"variants":2,"bytes_out":300000}`
	skippedLine = `{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"change","request_id":"r","bucket":"b","key":"k","verdict":"skipped",` +
		`"ms":1,"bytes_in":0,"reason":"not a picture"}`
)

func TestSummary(t *testing.T) {
	s, err := sum(lines(nil, "START RequestId: r Version: $LATEST", doneLine, coldReport,
		skippedLine, warmReport, doneLine, warmReport, "noise"))
	if err != nil {
		t.Fatal(err)
	}
	want := Summary{Invocations: 3, Cold: 1, BilledMS: 281 + 119 + 119, Pictures: 2, Variants: 4,
		BytesIn: 8e6, BytesOut: 6e5}
	if s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if ms, err := s.PerPicture(); err != nil || math.Abs(ms-259.5) > 1e-9 {
		t.Errorf("%v ms a picture (%v), want 259.5", ms, err)
	}
}

func TestSummaryWithoutPictures(t *testing.T) {
	s, err := sum(lines(nil, skippedLine, warmReport))
	if err != nil {
		t.Fatal(err)
	}
	if ms, err := s.PerPicture(); err == nil {
		t.Errorf("%v ms a picture, without a picture", ms)
	}
}

func TestSummaryReturnsTheReadersError(t *testing.T) {
	if _, err := sum(lines(ErrNoGroup, doneLine)); !errors.Is(err, ErrNoGroup) {
		t.Errorf("got %v, want ErrNoGroup", err)
	}
}
