package stack

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// LineKind says what a line of the function's log tells of.
type LineKind string

const (
	LineChange LineKind = "change" // what became of one change of an object
	LineWord   LineKind = "word"   // the function says something else
	LineCold   LineKind = "cold"   // Lambda starts an instance of the function
	LineReport LineKind = "report" // Lambda sums up an invocation
	LineMark   LineKind = "mark"   // Lambda begins or ends an invocation
	LineFailed LineKind = "failed" // the function tells Lambda that an invocation failed
	LineFault  LineKind = "fault"  // Lambda ended an invocation: time, memory, a crash
	LineOther  LineKind = "other"  // not understood
)

// Line is one line of the function's log, taken apart as far as it is understood. What it does not tell is zero.
type Line struct {
	ID      string    `json:"id,omitempty"` // CloudWatch's
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream,omitempty"`
	Kind    LineKind  `json:"kind"`
	Text    string    `json:"text"` // as it is in the log
	Request string    `json:"request,omitempty"`

	// Of the function's own lines.
	Level    string  `json:"level,omitempty"` // INFO, WARN, ERROR
	Message  string  `json:"message,omitempty"`
	Verdict  string  `json:"verdict,omitempty"` // done, skipped, retry, bad
	Bucket   string  `json:"bucket,omitempty"`
	Key      string  `json:"key,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	MS       float64 `json:"ms,omitempty"`
	BytesIn  int64   `json:"bytes_in,omitempty"`
	BytesOut int64   `json:"bytes_out,omitempty"`
	Variants int     `json:"variants,omitempty"`

	Report *Report `json:"report,omitempty"` // of a LineReport
}

// Report is Lambda's summary of an invocation; times in milliseconds, memory in MB.
type Report struct {
	MS       float64 `json:"ms"`
	BilledMS float64 `json:"billed_ms"`
	InitMS   float64 `json:"init_ms,omitempty"` // 0 unless the instance was started for it
	Memory   int     `json:"memory"`
	Used     int     `json:"used"`
	Status   string  `json:"status,omitempty"` // timeout, error; empty if all went well
}

// Failed reports whether the line tells of something that went wrong.
func (l Line) Failed() bool {
	switch {
	case l.Kind == LineFault, l.Kind == LineFailed, l.Level == "WARN", l.Level == "ERROR":
		return true
	}
	return l.Report != nil && l.Report.Status != ""
}

// ParseLine takes a line of the function's log apart: one of the function's JSON, or of Lambda's own in its text format
// (AWS Lambda Developer Guide, "Working with Lambda function logs"). What it does not know is LineOther.
func ParseLine(text string) Line {
	text = strings.TrimRight(text, "\r\n")
	l := Line{Kind: LineOther, Text: text}
	switch {
	case strings.HasPrefix(text, "{"):
		l.word()
	case strings.HasPrefix(text, "REPORT RequestId: "):
		l.report()
	case strings.HasPrefix(text, "INIT_START "):
		l.Kind = LineCold
	case strings.HasPrefix(text, "START RequestId: "), strings.HasPrefix(text, "END RequestId: "):
		l.Kind = LineMark
		l.Request = firstWord(text[strings.Index(text, ": ")+2:])
	case failedRE.MatchString(text):
		l.failed()
	default:
		if m := faultRE.FindStringSubmatch(text); m != nil {
			l.Kind, l.Request, l.Reason = LineFault, m[1], strings.Join(strings.Fields(m[2]), " ")
		}
	}
	return l
}

// faultRE knows how Lambda tells that it ended an invocation: "2026-01-02T03:04:05.678Z ID Task timed out after 3.00
// seconds", "RequestId: ID Error: Runtime exited with error: signal: killed", and a start that failed.
var faultRE = regexp.MustCompile(`(?s)^(?:(?:\S+Z |RequestId: )([0-9a-f-]{36}) |INIT_REPORT )` +
	`(Task timed out .*|Error: .*|Process exited .*|Init Duration: .*Status: .*)$`)

// failedRE knows the line of Go's runtime for Lambda about an error that it hands over (aws-lambda-go, reportFailure).
var failedRE = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \{"errorMessage":`)

// failed reads such a line: the error, and of a panic where that was.
func (l *Line) failed() {
	var w struct {
		ErrorMessage, ErrorType string
		StackTrace              []struct {
			Path, Label string
			Line        int
		}
	}
	if err := json.Unmarshal([]byte(l.Text[strings.IndexByte(l.Text, '{'):]), &w); err != nil {
		return
	}
	l.Kind, l.Reason = LineFailed, w.ErrorMessage
	if l.Reason == "" {
		l.Reason = w.ErrorType
	}
	if len(w.StackTrace) > 0 {
		at := w.StackTrace[0]
		l.Reason = fmt.Sprintf("%s: %s in %s (%s:%d)", w.ErrorType, w.ErrorMessage, at.Label, at.Path, at.Line)
	}
}

// word reads a line that the function wrote (internal/service/lambdafn, cmd/bootstrap).
func (l *Line) word() {
	var w struct {
		Level    string  `json:"level"`
		Msg      string  `json:"msg"`
		Request  string  `json:"request_id"`
		Verdict  string  `json:"verdict"`
		Bucket   string  `json:"bucket"`
		Key      string  `json:"key"`
		Reason   string  `json:"reason"`
		Error    string  `json:"error"`
		MS       float64 `json:"ms"`
		BytesIn  int64   `json:"bytes_in"`
		BytesOut int64   `json:"bytes_out"`
		Variants int     `json:"variants"`
	}
	if err := json.Unmarshal([]byte(l.Text), &w); err != nil || w.Level == "" || w.Msg == "" {
		return
	}
	l.Kind = LineWord
	if w.Verdict != "" {
		l.Kind = LineChange
	}
	if w.Reason == "" {
		w.Reason = w.Error
	}
	l.Level, l.Message, l.Request, l.Verdict, l.Bucket, l.Key, l.Reason = w.Level, w.Msg, w.Request, w.Verdict, w.Bucket, w.Key, w.Reason
	l.MS, l.BytesIn, l.BytesOut, l.Variants = w.MS, w.BytesIn, w.BytesOut, w.Variants
}

// report reads Lambda's summary, whose members are set apart by tabs: "Duration: 12.34 ms".
func (l *Line) report() {
	r := &Report{}
	found := false
	for member := range strings.SplitSeq(l.Text, "\t") {
		name, value, _ := strings.Cut(strings.TrimSpace(member), ": ")
		number, _ := strconv.ParseFloat(firstWord(value), 64)
		switch name {
		case "REPORT RequestId":
			l.Request = firstWord(value)
		case "Duration":
			r.MS, found = number, true
		case "Billed Duration":
			r.BilledMS = number
		case "Init Duration":
			r.InitMS = number
		case "Memory Size":
			r.Memory = int(number)
		case "Max Memory Used":
			r.Used = int(number)
		case "Status":
			r.Status = firstWord(value)
		}
	}
	if found {
		l.Kind, l.Report = LineReport, r
	}
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return strings.TrimSpace(word)
}
