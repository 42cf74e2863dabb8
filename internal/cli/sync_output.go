package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// planLine is the plan in --json.
type planLine struct {
	Found   sync.Report `json:"found"`
	ToDo    sync.Tally  `json:"to_do"` // pictures to read, objects to write
	Orphans sync.Tally  `json:"orphans"`
	Seconds float64     `json:"seconds"`
	// USD is what AWS charges, and Downloads what it charges beside that unless this machine is in the
	// region. They are missing if the store is not AWS.
	USD       *float64 `json:"usd,omitempty"`
	Downloads *float64 `json:"usd_downloads,omitempty"`
}

// pictureLine is the result of one picture in --json.
type pictureLine struct {
	Key     string          `json:"key"`
	Verdict outcome.Verdict `json:"verdict"`
	Reason  string          `json:"reason,omitempty"`
	Objects int             `json:"objects"`
}

// printPlan shows what was found, what is to be done about it, and what that takes.
func (s *syncRun) printPlan(ctx context.Context, r sync.Report) error {
	o := s.out
	o.printf("")
	if err := printCauses(o.err, r, &s.bad); err != nil {
		return err
	}
	say := func(text string) { o.printf("\n%s", wrap(text, columnsOf(o.err))) }
	if r.Foreign.Objects > 0 {
		say(takenAdvice)
	}
	if r.Bad.Pictures > 0 && !s.todo.Only.Bad {
		list := "'imgmill failures" + nameOf(s.place) + "' lists them with the reasons"
		if s.place.recipe.BadRecords() == "" {
			list = "Nothing lists them, because on_bad.record is false"
		}
		say(fmt.Sprintf("Uploads that cannot be processed: %s. %s, and --only bad tries them again.", grouped(r.Bad.Pictures), list))
	}
	work := s.todo.Pictures
	line := planLine{Found: r, ToDo: work, Orphans: s.todo.Orphans}
	var takes time.Duration
	if work.Pictures > 0 {
		e, err := s.effort(ctx)
		if err != nil {
			return err
		}
		takes = s.duration(e)
		line.Seconds = takes.Seconds()
		say(fmt.Sprintf("To do: make %s of %s (%s), in about %s%s.", groupedCount(work.Objects, "object"),
			groupedCount(work.Pictures, "picture"), bytesText(work.Bytes), roughly(takes), s.dollars(r, e.function, &line)))
	}
	o.line(line)
	if n := s.todo.Orphans.Objects; n > 0 && s.deletes() {
		say(fmt.Sprintf("To delete: %s (%s).", groupedCount(n, "orphan"), bytesText(s.todo.Orphans.Bytes)))
	} else if n > 0 {
		say(groupedCount(n, "orphan") + " left over; --delete-orphans deletes them.")
	}
	if s.queue != nil && work.Pictures > 0 {
		return s.printQueue(ctx, takes)
	}
	return nil
}

// localRequestMS is the assumed time of a request to a store that is not AWS, which is usually near.
const localRequestMS = 3

// effort is what a picture takes, on average.
type effort struct {
	ms       float64         // from its beginning to its end
	lanes    int             // pictures at the same time
	function *price.Function // that makes the variants, or nil
}

// effort measures a drawn picture on this machine, and adds the requests to the store. The time is in
// proportion to the bytes of a picture.
func (s *syncRun) effort(ctx context.Context) (effort, error) {
	m, err := measureRendering(ctx, s.out.err, 1, s.place.recipe.Variants)
	if err != nil {
		return effort{}, err
	}
	work := s.todo.Pictures
	request := float64(requestMS)
	if s.place.region == "" {
		request = localRequestMS
	}
	requests := 2 + 2*float64(work.Objects)/float64(work.Pictures)
	e := effort{ms: m.ms * float64(work.Bytes) / 1e6 / float64(work.Pictures) / m.megabytes, lanes: s.jobs}
	if s.via != viaHere {
		e.function, e.lanes = s.function(e.ms, requests*request)
		e.ms = e.function.Milliseconds
	} else {
		e.ms += requests * request
	}
	return e, nil
}

// duration estimates the time for all pictures.
func (s *syncRun) duration(e effort) time.Duration {
	seconds := float64(s.todo.Pictures.Pictures) * e.ms / 1000 / float64(e.lanes)
	if s.rate > 0 {
		seconds = max(seconds, float64(s.todo.Pictures.Pictures)/s.rate)
	}
	return time.Duration(seconds * float64(time.Second))
}

// dollars returns what AWS charges, as a part of a sentence, and notes it in the plan.
func (s *syncRun) dollars(r sync.Report, f *price.Function, line *planLine) string {
	if s.place.region == "" {
		return ""
	}
	load := price.Backfill{
		Listed: float64(r.Listed), Marks: float64(r.Reads), Pictures: float64(s.todo.Pictures.Pictures),
		Bytes: float64(s.todo.Pictures.Bytes), Objects: float64(s.todo.Pictures.Objects), Stale: float64(s.todo.Stale),
		Region: s.place.region, Function: f,
	}
	if s.deletes() {
		load.Deleted = float64(s.todo.Orphans.Objects)
	}
	_, sum, outside, assumed := load.Once()
	line.USD, line.Downloads = &sum, &outside
	usd := func(sum float64) string {
		if sum < 0.01 {
			return "less than a cent"
		}
		return "$" + dollars(sum)
	}
	text := fmt.Sprintf(", for %s at AWS", usd(sum))
	if outside > 0 {
		text += fmt.Sprintf(" (and %s for the downloads, unless this machine is in %s)", usd(outside), s.place.region)
	}
	if assumed != "" {
		text += ". " + strings.TrimSuffix(assumed, ".")
	}
	return text
}

// roughly returns a time as a person would say it.
func roughly(d time.Duration) string {
	switch {
	case d < 1500*time.Millisecond:
		return "a second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f seconds", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// syncProgress shows how far the work is: in the last line of a terminal, elsewhere in a line now and then.
type syncProgress struct {
	w        io.Writer
	start    time.Time
	total    int64
	done     int64 // pictures
	objects  int64
	verdicts map[outcome.Verdict]int64
	// overtaken counts those of the verdict skipped that were changed or removed meanwhile.
	overtaken int64
	said      time.Time // when the last line was written, if there is no terminal
	status    *status
	failures  int
}

// sayEvery is the time between lines about the progress.
const sayEvery = 30 * time.Second

func newSyncProgress(w io.Writer, work sync.Tally) *syncProgress {
	now := time.Now()
	return &syncProgress{w: w, start: now, said: now, total: work.Pictures, status: newStatus(w), verdicts: map[outcome.Verdict]int64{}}
}

// ends returns when the work will be done, at the rate so far.
func (p *syncProgress) ends(done int64) string {
	elapsed := time.Since(p.start)
	if done == 0 || elapsed < time.Second {
		return ""
	}
	left := time.Duration(float64(elapsed) / float64(done) * float64(p.total-done))
	end := time.Now().Add(left)
	if left > 18*time.Hour {
		return end.Format(", ends 2 Jan 15:04")
	}
	return end.Format(", ends 15:04:05")
}

// failuresShown is how many uploads that were not made are named; all are counted.
const failuresShown = 20

func (p *syncProgress) add(i sync.Item, r mill.Result) {
	p.done++
	p.objects += int64(len(r.Objects))
	p.verdicts[r.Verdict]++
	if r.Overtaken() {
		p.overtaken++
	}
	if r.Verdict != outcome.Done && !r.Overtaken() {
		p.status.clear()
		if p.failures++; p.failures <= failuresShown {
			word := string(r.Verdict)
			if r.Verdict == outcome.Retry {
				word = failedWord // nobody tries again by itself
			}
			note(p.w, "%s: %s: %s", shown(i.Key), word, oneLine(r.Reason))
		} else if p.failures == failuresShown+1 {
			fmt.Fprintln(p.w, "... and more")
		}
	}
	text := fmt.Sprintf("%s of %s pictures%s", grouped(p.done), grouped(p.total), p.ends(p.done))
	if p.status.show("%s", text); !isTerminal(p.w) && time.Since(p.said) > sayEvery {
		p.said = time.Now()
		fmt.Fprintln(p.w, text)
	}
}

func (p *syncProgress) elapsed() time.Duration { return time.Since(p.start) }

// end removes the last line.
func (p *syncProgress) end() { p.status.clear() }
