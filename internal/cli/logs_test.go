package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/logs"
)

func TestLinePrinter(t *testing.T) {
	for _, test := range []struct{ text, want, colour string }{
		{`{"level":"INFO","msg":"change","key":"a b.jpg","verdict":"done","ms":153.2,"bytes_in":2400000,"variants":3,"bytes_out":320000}`,
			"done     a b.jpg  153 ms  2.4 MB to 3 variants, 320.0 kB", green},
		{`{"level":"INFO","msg":"change","key":"a.dng","verdict":"done","preview":"JPEG preview","dropped":"metadata x: not\u001b text"}`,
			`done     a.dng  from a JPEG preview  without metadata x: not\x1b text`, green},
		{`{"level":"WARN","msg":"change","key":"a\u001b[2J.jpg","verdict":"bad","ms":1,"bytes_in":7,"reason":"corrupt\nat 3"}`,
			"bad      a\\x1b[2J.jpg  1 ms  7 B  corrupt at 3", red},
		{`{"level":"INFO","msg":"record ignored","verdict":"skipped","reason":"s3:TestEvent"}`, "skipped  record ignored  s3:TestEvent", faint},
		{`{"level":"ERROR","msg":"cannot start","error":"no recipe"}`, "error    cannot start: no recipe", red},
		{"INIT_START Runtime Version: x", "cold     Lambda starts an instance", faint},
		{"REPORT RequestId: r\tDuration: 154.35 ms\tBilled Duration: 200 ms\tMemory Size: 1769 MB\tMax Memory Used: 88 MB\tInit Duration: 45.06 ms",
			"report   154 ms, 200 billed, 88 of 1769 MB, after a cold start of 45 ms", faint},
		{"REPORT RequestId: r\tDuration: 3000 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: timeout",
			"timeout  3000 ms, 3000 billed, 128 of 128 MB", red},
		{`2026/01/02 03:04:05 {"errorMessage":"access\ndenied","errorType":"joinError"}`, "failed   the invocation: access denied", red},
		{"a\u202egpj.exe", "         a\\u202egpj.exe", ""},
		{"something else\t\x07", "         something else \\x07", ""},
	} {
		line := logs.ParseLine(test.text)
		for _, colour := range []bool{false, true} {
			var b bytes.Buffer
			if err := (&linePrinter{w: &b, colour: colour}).print(line); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			if coloured := strings.Contains(got, "\x1b["+test.colour+"m"); coloured != (colour &&
				test.colour != "") {
				t.Errorf("colour %v: %q", colour, got)
			}
			got = strings.NewReplacer("\x1b["+test.colour+"m", "", "\x1b[0m", "").Replace(got)
			if _, after, _ := strings.Cut(got, ".000  "); after != test.want+"\n" {
				t.Errorf("it prints %q, want %q", after, test.want)
			}
		}
	}
}

// TestRepeatedReasonIsFolded: the Go runtime repeats the function's reason, but not always right
// after it.
func TestRepeatedReasonIsFolded(t *testing.T) {
	const (
		retry  = `{"level":"WARN","msg":"change","key":"a.jpg","verdict":"retry","ms":2,"reason":"access denied"}`
		unread = `{"level":"ERROR","msg":"event not understood","error":"not JSON"}`
		failed = `2026/01/02 03:04:05 {"errorMessage":"access denied","errorType":"joinError"}`
		wrong  = `2026/01/02 03:04:05 {"errorMessage":"event not understood: not JSON","errorType":"wrapError"}`
	)
	var b bytes.Buffer
	p := &linePrinter{w: &b}
	for _, l := range []struct{ stream, text string }{
		{"1", retry}, {"1", failed}, {"1", failed}, {"1", retry}, {"2", failed}, {"1", unread},
		{"1", wrong}, {"1", "plain"}, {"1", failed},
	} {
		line := logs.ParseLine(l.text)
		line.Stream = l.stream
		if err := p.print(line); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		_, after, _ := strings.Cut(line, ".000  ")
		got = append(got, strings.TrimSpace(after))
	}
	want := []string{
		"retry    a.jpg  2 ms  access denied", "failed   the invocation, for the same reason",
		"failed   the invocation, for the same reason",
		"retry    a.jpg  2 ms  access denied", "failed   the invocation: access denied",
		"error    event not understood: not JSON", "failed   the invocation, for the same reason",
		"plain", "failed   the invocation: access denied",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it prints\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
