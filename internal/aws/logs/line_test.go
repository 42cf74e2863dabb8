package logs

import (
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

func TestParseLine(t *testing.T) {
	const id = "8f507cfc-1111-2222-3333-0123456789ab"
	for _, test := range []struct {
		text   string
		want   Line
		failed bool
	}{
		{`{"time":"2026-01-02T03:04:05.678Z","level":"INFO","msg":"change","request_id":"` + id + `","bucket":"photos-input","key":"夏/a b.jpg","verdict":"done","ms":153.2,"bytes_in":2400000,"variants":3,"bytes_out":320000}` + "\n",
			Line{Kind: KindChange, Level: "INFO", Message: "change", Request: id,
				Change: outcome.Change{Bucket: "photos-input", Key: "夏/a b.jpg",
					Verdict: outcome.Done, MS: 153.2, BytesIn: 2400000, Variants: 3,
					BytesOut: 320000}},
			false},
		{`{"level":"WARN","msg":"change","request_id":"` + id + `","bucket":"b","key":"k","verdict":"bad","ms":1,"bytes_in":7,"reason":"corrupt"}`,
			Line{Kind: KindChange, Level: "WARN", Message: "change", Request: id,
				Change: outcome.Change{Bucket: "b", Key: "k", Verdict: outcome.Bad, MS: 1,
					BytesIn: 7, Reason: "corrupt"}}, true},
		{`{"level":"ERROR","msg":"cannot start","error":"imgmill.yaml:3: no"}`,
			Line{Kind: KindMessage, Level: "ERROR", Message: "cannot start",
				Change: outcome.Change{Reason: "imgmill.yaml:3: no"}}, true},
		{"REPORT RequestId: " + id +
			"\tDuration: 154.35 ms\tBilled Duration: 200 ms\tMemory Size: 1769 MB\tMax Memory Used: 88 MB\tInit Duration: 45.06 ms\t\n",
			Line{Kind: KindReport, Request: id,
				Report: &Report{MS: 154.35, BilledMS: 200, InitMS: 45.06, Memory: 1769, Used: 88}},
			false},
		{"REPORT RequestId: " + id +
			"\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: timeout",
			Line{Kind: KindReport, Request: id,
				Report: &Report{MS: 3000, BilledMS: 3000, Memory: 128, Used: 128,
					Status: "timeout"}}, true},
		{"INIT_START Runtime Version: provided:al2023.v105\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:x",
			Line{Kind: KindColdStart}, false},
		{"START RequestId: " + id + " Version: $LATEST\n", Line{Kind: KindMark, Request: id},
			false},
		{"END RequestId: " + id, Line{Kind: KindMark, Request: id}, false},
		{"2026-01-02T03:04:05.678Z " + id + " Task timed out after 120.10 seconds\n\n",
			Line{Kind: KindFault, Request: id,
				Change: outcome.Change{Reason: "Task timed out after 120.10 seconds"}}, true},
		{"RequestId: " + id +
			" Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n",
			Line{Kind: KindFault, Request: id,
				Change: outcome.Change{Reason: "Error: Runtime exited with error: signal: killed Runtime.ExitError"}}, true},
		{"INIT_REPORT Init Duration: 10008.53 ms\tPhase: init\tStatus: timeout",
			Line{Kind: KindFault,
				Change: outcome.Change{Reason: "Init Duration: 10008.53 ms Phase: init Status: timeout"}}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"read: access denied","errorType":"joinError"}`,
			Line{Kind: KindFailed, Change: outcome.Change{Reason: "read: access denied"}}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"index out of range [3] with length 2","errorType":"boundsError","stackTrace":[{"path":"github.com/imgmill/imgmill/internal/pipeline/mill/mill.go","line":7,"label":"(*Mill).Process"},{"path":"x.go","line":8,"label":"y"}]}`,
			Line{Kind: KindFailed,
				Change: outcome.Change{Reason: "boundsError: index out of range [3] with length 2 in (*Mill).Process (github.com/imgmill/imgmill/internal/pipeline/mill/mill.go:7)"}}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"","errorType":"joinError"}`, Line{Kind: KindFailed, Change: outcome.Change{Reason: "joinError"}}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"cut sho`, Line{Kind: KindOther}, false},
		{"2026/01/02 03:04:05 something by hand", Line{Kind: KindOther}, false},
		{"REPORT RequestId: garbled", Line{Kind: KindOther, Request: "garbled"}, false},
		{`{"not":"ours"}`, Line{Kind: KindOther}, false},
		{`{"broken`, Line{Kind: KindOther}, false},
		{"", Line{Kind: KindOther}, false},
	} {
		got := ParseLine(test.text)
		report := got.Report
		if (report == nil) != (test.want.Report == nil) || report != nil &&
			*report != *test.want.Report {
			t.Errorf("%q: report %+v, want %+v", test.text, report, test.want.Report)
		}
		failed := got.Failed()
		got.Text, got.Report, test.want.Report = "", nil, nil
		if got != test.want || failed != test.failed {
			t.Errorf("%q\n is %+v (failed %v)\nwant %+v (failed %v)", test.text, got, failed,
				test.want, test.failed)
		}
	}
}

// TestCannotStart: of a binary for another processor, and of a recipe that is refused.
func TestCannotStart(t *testing.T) {
	for text, want := range map[string]bool{
		"RequestId: 8f507cfc-example-4697-b07a-ac58fc914c95 Error: x":                                                                        false,
		"RequestId: 12345678-1234-1234-1234-123456789012 Error: fork/exec /var/task/bootstrap: exec format error\nRuntime.InvalidEntrypoint": true,
		"RequestId: 12345678-1234-1234-1234-123456789012 Error: Runtime exited with error: signal: killed\nRuntime.ExitError":                false,
		`{"level":"ERROR","msg":"cannot start","error":"imgmill.yaml: line 1: no such setting"}`:                                             true,
		`{"level":"ERROR","msg":"cannot report"}`:                                                                                            false,
	} {
		if l := ParseLine(text); l.CannotStart() != want {
			t.Errorf("%s: %+v", text, l)
		}
	}
}
