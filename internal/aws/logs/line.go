// Package logs reads the log of a deployment's function from CloudWatch Logs, parses its lines, and
// sums them up.
//
// A log has lines of three writers: the function itself (JSON, package outcome owns the format),
// Lambda (AWS Lambda Developer Guide, "Working with Lambda function logs"), and the Go runtime for
// Lambda (github.com/aws/aws-lambda-go). A line of any other form is kept as text. The package
// changes nothing on AWS.
package logs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Kind classifies the lines of the log.
type Kind string

const (
	// KindChange is the function's line about the outcome of one change of an object.
	KindChange Kind = "change"
	// KindMessage is any other line of the function.
	KindMessage Kind = "word"
	// KindColdStart is Lambda's line about the start of an instance.
	KindColdStart Kind = "cold"
	// KindReport is Lambda's summary of an invocation.
	KindReport Kind = "report"
	// KindMark is Lambda's line at the start or end of an invocation.
	KindMark Kind = "mark"
	// KindFailed is the Go runtime's line about an invocation that returned an error.
	KindFailed Kind = "failed"
	// KindFault is Lambda's line about an invocation that it ended itself: timeout, out of memory,
	// crash.
	KindFault Kind = "fault"
	// KindOther is a line of unknown form.
	KindOther Kind = "other"
)

// Line is one parsed line of the log. A field that the line does not have is zero.
type Line struct {
	// ID is CloudWatch's ID of the log event.
	ID     string    `json:"id,omitempty"`
	Time   time.Time `json:"time"`
	Stream string    `json:"stream,omitempty"`
	Kind   Kind      `json:"kind"`
	// Text is the line as it is in the log.
	Text string `json:"text"`
	// Request is the ID of the invocation.
	Request string `json:"request,omitempty"`

	// Level and Message belong to lines that the function wrote itself.
	Level   string `json:"level,omitempty"`
	Message string `json:"message,omitempty"`
	// Change is what a line reports about a change. Its Reason is also set for lines about errors.
	outcome.Change

	// Report belongs to lines of KindReport.
	Report *Report `json:"report,omitempty"`
}

// Report is Lambda's summary of an invocation, with times in milliseconds and memory in MB.
type Report struct {
	MS       float64 `json:"ms"`
	BilledMS float64 `json:"billed_ms"`
	InitMS   float64 `json:"init_ms,omitempty"` // zero unless an instance was started for the invocation
	Memory   int     `json:"memory"`
	Used     int     `json:"used"`
	Status   string  `json:"status,omitempty"` // timeout or error; empty if all went well
}

// Failed reports whether the line is about something that went wrong.
func (l Line) Failed() bool {
	switch {
	case l.Kind == KindFault, l.Kind == KindFailed, l.Level == "WARN", l.Level == "ERROR":
		return true
	}
	return l.Report != nil && l.Report.Status != ""
}

// CannotStart reports whether the line says that the function ended before its first event. Lambda
// tries again with the next one.
func (l Line) CannotStart() bool {
	return l.Level == "ERROR" && l.Message == "cannot start" || // cmd/bootstrap
		l.Kind == KindFault && strings.Contains(l.Reason, "Runtime.InvalidEntrypoint")
}

// ParseLine parses one line of the function's log. A line of unknown form is KindOther.
func ParseLine(text string) Line {
	text = strings.TrimRight(text, "\r\n")
	l := Line{Kind: KindOther, Text: text}
	switch {
	case strings.HasPrefix(text, "{"):
		l.parseOwn()
	case strings.HasPrefix(text, "REPORT RequestId: "):
		l.parseReport()
	case strings.HasPrefix(text, "INIT_START "):
		l.Kind = KindColdStart
	case strings.HasPrefix(text, "START RequestId: "), strings.HasPrefix(text, "END RequestId: "):
		l.Kind = KindMark
		l.Request = firstWord(text[strings.Index(text, ": ")+2:])
	case failedRE.MatchString(text):
		l.parseFailed()
	default:
		if m := faultRE.FindStringSubmatch(text); m != nil {
			l.Kind, l.Request, l.Reason = KindFault, m[1], strings.Join(strings.Fields(m[2]), " ")
		}
	}
	return l
}

// faultRE matches Lambda's lines about an invocation that it ended: "2026-01-02T03:04:05.678Z ID
// Task timed out after 3.00 seconds", "RequestId: ID Error: Runtime exited with error: signal:
// killed", and a failed start of an instance.
var faultRE = regexp.MustCompile(`(?s)^(?:(?:\S+Z |RequestId: )([0-9a-f-]{36}) |INIT_REPORT )` +
	`(Task timed out .*|Error: .*|Process exited .*|Init Duration: .*Status: .*)$`)

// failedRE matches the Go runtime's line about an error that the function returned (aws-lambda-go,
// reportFailure).
var failedRE = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \{"errorMessage":`)

// parseFailed reads a line of the Go runtime: the error and, for a panic, its place.
func (l *Line) parseFailed() {
	var report struct {
		ErrorMessage, ErrorType string
		StackTrace              []struct {
			Path, Label string
			Line        int
		}
	}
	if err := json.Unmarshal([]byte(l.Text[strings.IndexByte(l.Text, '{'):]), &report); err != nil {
		return
	}
	l.Kind, l.Reason = KindFailed, report.ErrorMessage
	if l.Reason == "" {
		l.Reason = report.ErrorType
	}
	if len(report.StackTrace) > 0 {
		top := report.StackTrace[0]
		l.Reason = fmt.Sprintf("%s: %s in %s (%s:%d)", report.ErrorType, report.ErrorMessage,
			top.Label, top.Path, top.Line)
	}
}

// parseOwn reads a line that the function wrote itself.
func (l *Line) parseOwn() {
	own, ok := outcome.ParseLine(l.Text)
	if !ok {
		return
	}
	l.Kind = KindMessage
	if own.Verdict != "" {
		l.Kind = KindChange
	}
	l.Level, l.Message, l.Request, l.Change = own.Level, own.Message, own.Request, own.Change
}

// parseReport reads Lambda's summary, whose members are separated by tabs: "Duration: 12.34 ms".
func (l *Line) parseReport() {
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
		l.Kind, l.Report = KindReport, r
	}
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return strings.TrimSpace(word)
}
