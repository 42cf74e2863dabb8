package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/deploy"
)

func TestLogLinesForAPerson(t *testing.T) {
	for _, test := range []struct{ text, want, colour string }{
		{`{"level":"INFO","msg":"change","key":"a b.jpg","verdict":"done","ms":153.2,"bytes_in":2400000,"variants":3,"bytes_out":320000}`,
			"done     a b.jpg  153 ms  2.4 MB to 3 variants, 320.0 kB", green},
		{`{"level":"WARN","msg":"change","key":"a\u001b[2J.jpg","verdict":"bad","ms":1,"bytes_in":7,"reason":"corrupt\nat 3"}`,
			"bad      a�[2J.jpg  1 ms  7 B  corrupt at 3", red},
		{`{"level":"INFO","msg":"record ignored","verdict":"skipped","reason":"s3:TestEvent"}`, "skipped  record ignored  s3:TestEvent", faint},
		{`{"level":"ERROR","msg":"cannot start","error":"no recipe"}`, "error    cannot start: no recipe", red},
		{"INIT_START Runtime Version: x", "cold     Lambda starts an instance", faint},
		{"REPORT RequestId: r\tDuration: 154.35 ms\tBilled Duration: 200 ms\tMemory Size: 1769 MB\tMax Memory Used: 88 MB\tInit Duration: 45.06 ms",
			"report   154 ms, 200 billed, 88 of 1769 MB, cold start of 45 ms before", faint},
		{"REPORT RequestId: r\tDuration: 3000 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: timeout",
			"timeout  3000 ms, 3000 billed, 128 of 128 MB", red},
		{"something else\t\x07", "         something else �", ""},
	} {
		line := deploy.ParseLine(test.text)
		for _, colour := range []bool{false, true} {
			var b bytes.Buffer
			if err := (linePrinter{&b, colour}).print(line); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			if painted := strings.Contains(got, "\x1b["+test.colour+"m"); painted != (colour && test.colour != "") {
				t.Errorf("colour %v: %q", colour, got)
			}
			got = strings.NewReplacer("\x1b["+test.colour+"m", "", "\x1b[0m", "").Replace(got)
			if _, after, _ := strings.Cut(got, ".000  "); after != test.want+"\n" {
				t.Errorf("it prints %q, want %q", after, test.want)
			}
		}
	}
}
