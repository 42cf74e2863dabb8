package event

import (
	"strings"
	"time"
)

// Change is the creation or removal of one object, or a change of its tags. Every shape of event is parsed into changes.
type Change struct {
	Bucket string
	Key    string // as the user chose it, not encoded
	// AltKey is the other reading of the key in the event, if it is unknown whether its sender
	// encodes keys: "a+b.jpg" may stand for "a b.jpg". Only the store knows which of them exists.
	AltKey    string
	VersionID string // empty in a bucket without versioning
	ETag      string // without quotes; empty if unknown
	Size      int64  // in bytes; -1 if unknown
	Sequencer string // orders the changes of one key; empty if unknown
	Removed   bool
	// Tagged is true if only the tags of the object have changed. Such a change has no sequencer.
	Tagged bool
	Time   time.Time
}

// CompareSequencers compares the sequencers of two changes of the same key. The result is negative
// if a came first, positive if b did, and 0 if they are equal. The shorter one is padded with zeros
// on the right, then they are compared as text (Amazon S3 User Guide, "Event message structure"),
// ignoring the case of hexadecimal digits. Sequencers of different keys cannot be compared.
func CompareSequencers(a, b string) int {
	n := max(len(a), len(b))
	pad := func(s string) string { return strings.ToUpper(s) + strings.Repeat("0", n-len(s)) }
	return strings.Compare(pad(a), pad(b))
}
