package logs

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Summary sums up the work that a function's log records.
type Summary struct {
	// Invocations counts those that ended in the period, Cold those of them that started an
	// instance.
	Invocations, Cold int
	// BilledMS is the billed time of all invocations, in milliseconds.
	BilledMS float64
	// Pictures counts those that were made into variants, Variants their variants.
	Pictures, Variants int
	// BytesIn sums the bytes of these pictures, BytesOut those of their variants.
	BytesIn, BytesOut int64
}

// maxInvocations is enough for a mean and ends the reading of a long log.
const maxInvocations = 10_000

// Summarize reads the last period of a log group, from its start and at most maxInvocations of it.
// The error is ErrNoGroup if the group does not exist.
func Summarize(
	ctx context.Context, c *client.Cloud, group string, period time.Duration,
) (Summary, error) {
	return sum(Read(ctx, c, group, time.Now().Add(-period)))
}

func sum(lines iter.Seq2[Line, error]) (Summary, error) {
	var s Summary
	for l, err := range lines {
		if err != nil {
			return Summary{}, err
		}
		switch {
		case l.Kind == KindChange && l.Verdict == outcome.Done:
			s.Pictures++
			s.Variants += l.Variants
			s.BytesIn += l.BytesIn
			s.BytesOut += l.BytesOut
		case l.Kind == KindReport:
			s.Invocations++
			s.BilledMS += l.Report.BilledMS
			if l.Report.InitMS > 0 {
				s.Cold++
			}
			if s.Invocations == maxInvocations {
				return s, nil
			}
		}
	}
	return s, nil
}

// PerPicture returns the milliseconds that Lambda bills for one picture. Invocations that made no
// picture are spread over those that did.
func (s Summary) PerPicture() (float64, error) {
	if s.Pictures == 0 || s.Invocations == 0 {
		return 0, fmt.Errorf("the log records no picture that was made (%d invocations)",
			s.Invocations)
	}
	return s.BilledMS / float64(s.Pictures), nil
}
