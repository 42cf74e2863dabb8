package console

import (
	"cmp"
	"container/list"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// MaxRows is how many pictures are kept: those that have changed last.
const MaxRows = 10_000

// Row is what is known of one picture. Its JSON is that of the page and of the history.
type Row struct {
	ID  int64  `json:"id"` // grows with each upload
	Key string `json:"key"`
	// State is a mill.Stage, an outcome.Verdict, or removed.
	State string `json:"state"`
	At    int64  `json:"at"` // of the upload or, if that is not known, the first stage; milliseconds since 1970
	// Times are the milliseconds from At to each stage, and to the end.
	Times map[string]float64 `json:"times"`
	MS    float64            `json:"ms,omitempty"` // of work on it

	Format string `json:"format,omitempty"`
	Width  int    `json:"w,omitempty"`
	Height int    `json:"h,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	ETag   string `json:"etag,omitempty"`

	Variants []mill.Variant `json:"variants,omitempty"`
	Failed   []mill.Failure `json:"failed,omitempty"`
	Dropped  []string       `json:"dropped,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Advice   string         `json:"advice,omitempty"` // the name of a text of the page

	version int64
}

// ended is the name of the end in Times.
const ended = "written"

// shown is a row as the list shows it: the rest is asked for when a picture is looked at.
type shown struct {
	ID     int64   `json:"id"`
	Key    string  `json:"key"`
	State  string  `json:"state"`
	At     int64   `json:"at"`
	MS     float64 `json:"ms,omitempty"`
	Bytes  int64   `json:"bytes,omitempty"`
	ETag   string  `json:"etag,omitempty"`
	Made   int     `json:"made,omitempty"`   // variants
	Out    int64   `json:"out,omitempty"`    // bytes of all of them
	Thumb  string  `json:"thumb,omitempty"`  // the key of the smallest
	Failed int     `json:"failed,omitempty"` // variants that cannot be made
	Reason string  `json:"reason,omitempty"`
}

func (r *Row) shown() shown {
	s := shown{
		ID: r.ID, Key: r.Key, State: r.State, At: r.At, MS: r.MS, Bytes: r.Bytes, ETag: r.ETag,
		Made: len(r.Variants), Failed: len(r.Failed), Reason: outcome.Short(r.Reason, outcome.MaxReason),
	}
	const maxThumb = 400 << 10 // bytes; more are too many for so small a picture
	least := maxThumb
	for _, v := range r.Variants {
		s.Out += int64(v.Bytes)
		if v.Bytes < least && displayable("image/"+v.Format) {
			s.Thumb, least = v.Key, v.Bytes
		}
	}
	return s
}

// rows are the pictures, in the order in which they have changed. It is safe for concurrent use.
type rows struct {
	log     *slog.Logger
	history *history // nil for none

	mu       sync.Mutex
	instance string // of the process, because versions begin anew with each
	version  int64
	lastID   int64
	byKey    map[string]*list.Element
	order    *list.List    // of *Row, by version
	changed  chan struct{} // closed with the next change
	totals   totals
	recent   []float64 // milliseconds of the last pictures, for percentiles
}

// totals are over all pictures of this process and of the history.
type totals struct {
	Done    int   `json:"done"`
	Bad     int   `json:"bad"`
	Skipped int   `json:"skipped"`
	Retry   int   `json:"retry"`
	In      int64 `json:"in"` // bytes of the pictures that are done
	Out     int64 `json:"out"`
	// P50 and P95 are percentiles of the milliseconds of work on the last pictures that are done.
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// maxRecent is how many pictures percentiles are over.
const maxRecent = 1000

func newRows(file string, log *slog.Logger) *rows {
	rs := &rows{
		log: log, instance: strconv.FormatInt(time.Now().UnixNano(), 36), byKey: map[string]*list.Element{}, order: list.New(),
		changed: make(chan struct{}),
	}
	if file == "" {
		return rs
	}
	h, kept, err := openHistory(file)
	if err != nil {
		log.Warn("the console shows no earlier pictures, and will not remember these", "error", err)
	}
	rs.history = h
	for _, r := range kept {
		rs.put(r)
		rs.count(r, 1)
	}
	return rs
}

func (rs *rows) close() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if err := rs.history.close(); err != nil {
		rs.log.Warn("the console will not remember all pictures", "error", err)
	}
	rs.history = nil
}

// Reached implements mill.Observer.
func (c *Console) Reached(ch event.Change, s mill.Stage, p mill.Picture) { c.rows.reached(ch, s, p) }

// Ended implements mill.Observer.
func (c *Console) Ended(ch event.Change, r mill.Result) {
	rec := c.recipe()
	if ch.Bucket != rec.Source.Bucket {
		return // some stores send the events of all buckets
	}
	planned := map[string]bool{}
	if len(r.Variants) > 0 {
		for _, v := range rec.Plan(cmp.Or(r.Key, ch.Key)).Variants() {
			planned[v.Name] = true
		}
	}
	c.rows.ended(ch, r, planned)
}

// reached notes a stage. The first one of an upload begins its row.
func (rs *rows) reached(c event.Change, s mill.Stage, p mill.Picture) {
	now := time.Now()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	row := rs.get(c.Key)
	if row == nil || s == mill.Read {
		row = rs.begin(c, row, now)
	}
	row.State, row.Times[string(s)] = string(s), since(row.At, now)
	row.describe(p)
	rs.put(row)
}

// ended notes a result.
func (rs *rows) ended(c event.Change, r mill.Result, planned map[string]bool) {
	now := time.Now()
	key := cmp.Or(r.Key, c.Key)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	row := rs.get(key)
	if r.Overtaken() && (row == nil || final(row.State)) || c.Removed && row == nil {
		return
	}
	if c.Removed {
		rs.count(row, -1)
		row = &Row{ID: row.ID, Key: key, State: removed, At: row.At, Times: row.Times}
		rs.put(row)
		rs.remember(row)
		return
	}
	if row == nil || final(row.State) {
		c.Key = key
		row = rs.begin(c, row, now)
	}
	made := slices.Clone(r.Variants)
	if r.Source.ETag == row.ETag { // some were made again, and the others are still there
		for _, v := range row.Variants {
			if planned[v.Name] && !slices.ContainsFunc(made, func(m mill.Variant) bool { return m.Name == v.Name }) {
				made = append(made, v)
			}
		}
	}
	row.State, row.Reason, row.Failed, row.Dropped = string(r.Verdict), r.Reason, r.Failed, r.Dropped
	row.Variants, row.MS, row.Advice = made, float64(r.Elapsed.Microseconds())/1000, advice(r)
	row.Times[ended] = since(row.At, now)
	row.describe(r.Source)
	rs.put(row)
	rs.count(row, 1)
	rs.remember(row)
}

// remember adds a row to the history.
func (rs *rows) remember(r *Row) {
	if err := rs.history.add(r); err != nil {
		rs.log.Warn("the console will not remember all pictures", "error", err)
		rs.history = nil
	}
}

// removed is the state of a picture that is no longer in the source bucket.
const removed = "removed"

// final reports whether a row has the result of its upload.
func final(state string) bool {
	switch mill.Stage(state) {
	case "", mill.Read, mill.Decoded, mill.Resized:
		return false
	}
	return true
}

// begin returns the row of another upload, or of another try, which stays in its place. It keeps what the last one has made, which is in
// the bucket until it is replaced.
func (rs *rows) begin(c event.Change, before *Row, now time.Time) *Row {
	at := now
	if !c.Time.IsZero() && c.Time.Before(now) {
		at = c.Time
	}
	row := &Row{ID: rs.lastID + 1, Key: c.Key, At: at.UnixMilli(), Times: map[string]float64{}}
	if before != nil {
		rs.count(before, -1)
		row.Variants, row.ETag = before.Variants, before.ETag
		if c.Sequencer == "" || c.Time.UnixMilli() == before.At { // it is no other upload
			row.ID = before.ID
		}
	}
	return row
}

func since(at int64, now time.Time) float64 {
	return float64(now.Sub(time.UnixMilli(at)).Microseconds()) / 1000
}

func (r *Row) describe(p mill.Picture) {
	if p.ETag != "" && p.ETag != r.ETag {
		r.ETag = p.ETag
	}
	r.Bytes = cmp.Or(p.Bytes, r.Bytes)
	if p.Format != "" {
		r.Format, r.Width, r.Height = p.Format, p.Width, p.Height
	}
}

func (rs *rows) get(key string) *Row {
	if e := rs.byKey[key]; e != nil {
		return e.Value.(*Row)
	}
	return nil
}

// put stores a row as the one that has changed last. The row that nothing has happened to for longest makes
// room.
func (rs *rows) put(r *Row) {
	rs.version++
	r.version, rs.lastID = rs.version, max(rs.lastID, r.ID)
	if e := rs.byKey[r.Key]; e != nil {
		e.Value = r
		rs.order.MoveToBack(e)
	} else {
		rs.byKey[r.Key] = rs.order.PushBack(r)
		if rs.order.Len() > MaxRows {
			oldest := rs.order.Front()
			delete(rs.byKey, oldest.Value.(*Row).Key)
			rs.order.Remove(oldest)
		}
	}
	close(rs.changed)
	rs.changed = make(chan struct{})
}

// count adds the result of a row to the totals, or takes it away.
func (rs *rows) count(r *Row, n int) {
	t := &rs.totals
	switch outcome.Verdict(r.State) {
	case outcome.Done:
		t.Done += n
		t.In += int64(n) * r.Bytes
		for _, v := range r.Variants {
			t.Out += int64(n) * int64(v.Bytes)
		}
		if n > 0 {
			if rs.recent = append(rs.recent, r.MS); len(rs.recent) > 2*maxRecent {
				rs.recent = slices.Clone(rs.recent[len(rs.recent)-maxRecent:])
			}
		}
	case outcome.Bad:
		t.Bad += n
	case outcome.Skipped:
		t.Skipped += n
	case outcome.Retry:
		t.Retry += n
	}
}

// since returns the rows that have changed after a version, at most as many as said, from the oldest change
// on, the version after them, and a channel that is closed with the next change.
func (rs *rows) since(version int64, most int) (changed []shown, next int64, more <-chan struct{}) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	first := rs.order.Back()
	for first != nil && first.Value.(*Row).version > version {
		if before := first.Prev(); before == nil || before.Value.(*Row).version <= version {
			break
		} else {
			first = before
		}
	}
	next = version
	for e := first; e != nil && len(changed) < most; e = e.Next() {
		if r := e.Value.(*Row); r.version > version {
			changed, next = append(changed, r.shown()), r.version
		}
	}
	return changed, next, rs.changed
}

// total returns the totals.
func (rs *rows) total() totals {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	t := rs.totals
	recent := slices.Sorted(slices.Values(rs.recent[max(0, len(rs.recent)-maxRecent):]))
	if n := len(recent); n > 0 {
		t.P50, t.P95 = recent[(n+1)/2-1], recent[(n*95+99)/100-1] // the nearest ranks
	}
	return t
}

// row returns a copy of a row, which shares what nobody changes.
func (rs *rows) row(key string) (Row, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.get(key)
	if r == nil {
		return Row{}, false
	}
	row := *r
	row.Times = map[string]float64{}
	for name, ms := range r.Times {
		row.Times[name] = ms
	}
	return row, true
}

// advice names the text of the page that says what to do about a result.
func advice(r mill.Result) string {
	switch {
	case r.Verdict == outcome.Done:
		return ""
	case r.Verdict == outcome.Retry:
		return "retry"
	case r.Taken:
		return "taken"
	}
	for _, known := range []struct {
		err  error
		name string
	}{
		{codec.ErrNotImage, "no_picture"}, {codec.ErrCorrupt, "corrupt"}, {codec.ErrUnsupported, "unsupported"},
		{codec.ErrTooLarge, "too_large"}, {codec.ErrLimit, "limit"},
	} {
		if strings.Contains(r.Reason, known.err.Error()) {
			return known.name
		}
	}
	if r.Verdict == outcome.Skipped {
		return "skipped"
	}
	return "other"
}
