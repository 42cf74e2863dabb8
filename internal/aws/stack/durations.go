package stack

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Durations sums up what a function's log tells of its work. Times are in milliseconds as Lambda bills them.
type Durations struct {
	Invocations int     // that ended in the time looked at
	Cold        int     // of these, how many started an instance
	BilledMS    float64 // of all of them
	Pictures    int     // made into variants
	Variants    int     // of these pictures
	BytesIn     int64   // of these pictures
	BytesOut    int64   // of their variants
}

// mostInvocations is enough for a mean, and ends the reading of a long log.
const mostInvocations = 10_000

// Durations reads the deployment's log of the last while, at most mostInvocations of it from its start. ErrNoLog if it has
// none.
func (c *Cloud) Durations(ctx context.Context, d *Deployment, since time.Duration) (Durations, error) {
	return sumUp(c.Lines(ctx, d.LogGroup, time.Now().Add(-since)))
}

func sumUp(lines iter.Seq2[Line, error]) (Durations, error) {
	var d Durations
	for l, err := range lines {
		if err != nil {
			return Durations{}, err
		}
		switch {
		case l.Kind == LineChange && l.Verdict == "done":
			d.Pictures++
			d.Variants += l.Variants
			d.BytesIn += l.BytesIn
			d.BytesOut += l.BytesOut
		case l.Kind == LineReport:
			d.Invocations++
			d.BilledMS += l.Report.BilledMS
			if l.Report.InitMS > 0 {
				d.Cold++
			}
			if d.Invocations == mostInvocations {
				return d, nil
			}
		}
	}
	return d, nil
}

// PerPicture is what Lambda bills for one picture; what else the function was invoked for is spread over the pictures.
func (d Durations) PerPicture() (float64, error) {
	if d.Pictures == 0 || d.Invocations == 0 {
		return 0, fmt.Errorf("the log tells of no picture that was made (%d invocations)", d.Invocations)
	}
	return d.BilledMS / float64(d.Pictures), nil
}
