package stack

import (
	"errors"
	"iter"
	"math"
	"testing"
)

// told yields lines as a log would, and an error at its end if there is one.
func told(end error, texts ...string) iter.Seq2[Line, error] {
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

func TestDurationsSumUpALog(t *testing.T) {
	d, err := sumUp(told(nil, "START RequestId: r Version: $LATEST", doneLine, coldReport, skippedLine, warmReport, doneLine, warmReport, "noise"))
	if err != nil {
		t.Fatal(err)
	}
	want := Durations{Invocations: 3, Cold: 1, BilledMS: 281 + 119 + 119, Pictures: 2, Variants: 4, BytesIn: 8e6, BytesOut: 6e5}
	if d != want {
		t.Errorf("got %+v, want %+v", d, want)
	}
	if ms, err := d.PerPicture(); err != nil || math.Abs(ms-259.5) > 1e-9 {
		t.Errorf("%v ms a picture (%v), want 259.5", ms, err)
	}
}

func TestDurationsOfALogWithoutPictures(t *testing.T) {
	d, err := sumUp(told(nil, skippedLine, warmReport))
	if err != nil {
		t.Fatal(err)
	}
	if ms, err := d.PerPicture(); err == nil {
		t.Errorf("%v ms a picture, of none", ms)
	}
}

func TestDurationsTellWhyALogCannotBeRead(t *testing.T) {
	if _, err := sumUp(told(ErrNoLog, doneLine)); !errors.Is(err, ErrNoLog) {
		t.Errorf("got %v, want ErrNoLog", err)
	}
}
