package event

import (
	"strings"
	"time"
)

// Change is one object created or removed: what every event shape becomes.
type Change struct {
	Bucket    string
	Key       string // as the user wrote it: decoded exactly once
	VersionID string // empty in a bucket without versions
	ETag      string // bare; empty where the event does not say
	Size      int64  // bytes; -1 where the event does not say
	Sequencer string // orders changes of one key; empty where the event does not say
	Removed   bool
	Time      time.Time
}

// CompareSequencers orders two changes of the same key: negative if a came first. The shorter is padded on the right with
// zeros, then they compare as text (Amazon S3 User Guide, "Event message structure"). Case of hexadecimal digits is
// ignored. Sequencers of different keys do not compare.
func CompareSequencers(a, b string) int {
	n := max(len(a), len(b))
	pad := func(s string) string { return strings.ToUpper(s) + strings.Repeat("0", n-len(s)) }
	return strings.Compare(pad(a), pad(b))
}
