package sync

import (
	"context"
	"math"
	"math/rand/v2"
	stdsync "sync"

	"golang.org/x/sync/errgroup"
)

// reservoir is a random sample of a stream of unknown length, in which every picture has the same
// chance (J. S. Vitter, "Random Sampling with a Reservoir", ACM TOMS 11(1), 1985, algorithm R).
type reservoir struct {
	mu         stdsync.Mutex
	size, seen int
	held       []task
}

func (r *reservoir) offer(t task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen++
	if len(r.held) < r.size {
		r.held = append(r.held, t)
	} else if i := rand.IntN(r.seen); i < r.size {
		r.held[i] = t
	}
}

// readSample reads the marks of the sampled pictures, all of which the listings called fresh.
func (c *comparison) readSample(ctx context.Context, lanes int) error {
	var group errgroup.Group
	group.SetLimit(lanes)
	for _, t := range c.sample.held {
		group.Go(func() error {
			f, fresh, err := c.judge(ctx, t, false)
			if err != nil {
				return err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.report.Sampled++
			if fresh < len(t.slots) {
				c.report.SampleFaults++
				return c.each(f)
			}
			return nil
		})
	}
	return group.Wait()
}

// Confidence is that of AtMost.
const Confidence = 0.95

// AtMost returns the share of pictures that are not as they should be which the sample excludes to be
// exceeded, with Confidence: the upper limit of C. J. Clopper and E. S. Pearson ("The use of
// confidence or fiducial limits", Biometrika 26, 1934), one-sided. It is 1 without a sample.
func (r Report) AtMost() float64 {
	if r.Sampled == 0 || r.SampleFaults >= r.Sampled {
		return 1
	}
	low, high := 0.0, 1.0
	for range 60 { // halving; the chance of so few faults falls as the share grows
		mid := (low + high) / 2
		if binomial(r.Sampled, r.SampleFaults, mid) > 1-Confidence {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// binomial returns the chance of at most k faults among n if the share of faults is p.
func binomial(n, k int, p float64) float64 {
	sum := 0.0
	for i := range k + 1 {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(i + 1))
		d, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(a - b - d + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}
