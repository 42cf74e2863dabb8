package outcome

import (
	"encoding/json"
	"log/slog"
	"unicode/utf8"
)

// ChangeMessage is the message of the log line that reports the outcome of a change.
const ChangeMessage = "change"

// Names of the attributes in log lines.
const (
	AttrRequest  = "request_id" // the ID of the Lambda invocation
	AttrID       = "id"         // the ID of the message or task that held an unreadable or ignored record
	AttrAttempt  = "attempt"    // the number of the delivery, from 1
	AttrBucket   = "bucket"
	AttrKey      = "key"
	AttrVerdict  = "verdict"
	AttrReason   = "reason"
	AttrDropped  = "dropped" // metadata of the source that no output has, although the recipe keeps it
	AttrPreview  = "preview" // what is shown in place of the photograph of a camera raw file
	AttrError    = "error"
	AttrMS       = "ms" // milliseconds of processing
	AttrBytesIn  = "bytes_in"
	AttrBytesOut = "bytes_out"
	AttrVariants = "variants" // the number of variants written
)

// Change is what a log line reports about one change. Its JSON names are the names of the
// attributes above.
type Change struct {
	Bucket   string  `json:"bucket,omitempty"`
	Key      string  `json:"key,omitempty"`
	Verdict  Verdict `json:"verdict,omitempty"`
	Reason   string  `json:"reason,omitempty"` // empty if the verdict is Done
	Dropped  string  `json:"dropped,omitempty"`
	Preview  string  `json:"preview,omitempty"`
	MS       float64 `json:"ms,omitempty"` // milliseconds of processing
	BytesIn  int64   `json:"bytes_in,omitempty"`
	BytesOut int64   `json:"bytes_out,omitempty"` // the sum over all variants
	Variants int     `json:"variants,omitempty"`
}

// Limits of texts in a log line, in bytes as JSON writes them. Whoever uploads chooses the key, and the
// metadata that reasons quote, and the owner of the log pays by the byte: a control character takes
// six. Keys of printable characters are never shortened, because S3 allows 1024 bytes.
const (
	MaxKey     = 1100
	MaxReason  = 400
	MaxDropped = 1000
)

// Short returns a text that takes at most limit bytes in JSON: a longer one's start and its end, where
// reasons have the cause.
func Short(text string, limit int) string {
	const gap = "..."
	half := (limit - len(gap)) / 2
	total, start, end := 0, 0, len(text)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if total += jsonLength(r); total <= half {
			start = i
		}
	}
	if total <= limit {
		return text
	}
	for used := 0; ; {
		r, size := utf8.DecodeLastRuneInString(text[:end])
		if used += jsonLength(r); used > half {
			return text[:start] + gap + text[end:]
		}
		end -= size
	}
}

// jsonLength is how many bytes a character takes in a string of JSON, as slog and encoding/json write
// it, at most.
func jsonLength(r rune) int {
	switch r {
	case '"', '\\':
		return 2
	case '<', '>', '&', '\u2028', '\u2029', utf8.RuneError:
		return 6
	}
	if r < ' ' {
		return 6
	}
	return utf8.RuneLen(r)
}

// Attrs returns the attributes of the log line, with shortened texts. It leaves out a reason,
// dropped metadata, a preview and variants that the change does not have.
func (c Change) Attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String(AttrBucket, c.Bucket), slog.String(AttrKey, Short(c.Key, MaxKey)),
		slog.String(AttrVerdict, string(c.Verdict)),
		slog.Float64(AttrMS, c.MS), slog.Int64(AttrBytesIn, c.BytesIn),
	}
	if c.Reason != "" {
		attrs = append(attrs, slog.String(AttrReason, Short(c.Reason, MaxReason)))
	}
	if c.Dropped != "" {
		attrs = append(attrs, slog.String(AttrDropped, Short(c.Dropped, MaxDropped)))
	}
	if c.Preview != "" {
		attrs = append(attrs, slog.String(AttrPreview, c.Preview))
	}
	if c.Variants > 0 {
		attrs = append(attrs, slog.Int(AttrVariants, c.Variants),
			slog.Int64(AttrBytesOut, c.BytesOut))
	}
	return attrs
}

// Line is one line of the log of the function or of a worker. Attributes that the line lacks are
// zero.
type Line struct {
	Level   string // DEBUG, INFO, WARN or ERROR
	Message string
	Request string // the ID of the Lambda invocation
	Change
}

// ParseLine reads a line written by slog.JSONHandler with the names of this package. It reports
// false for any other text. A line with an error attribute and no reason has the error as its
// reason.
func ParseLine(text string) (Line, bool) {
	var fields struct {
		Level   string `json:"level"`
		Message string `json:"msg"`
		Request string `json:"request_id"`
		Error   string `json:"error"`
		Change
	}
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields.Level == "" ||
		fields.Message == "" {
		return Line{}, false
	}
	if fields.Reason == "" {
		fields.Reason = fields.Error
	}
	return Line{fields.Level, fields.Message, fields.Request, fields.Change}, true
}
