package codec

import "context"

// Score says how much a file looks like the picture that it was made from, on the scale of SSIMULACRA 2.
type Score func(ctx context.Context, file []byte) (float64, error)

// Found is the outcome of a search for a quality.
type Found struct {
	File    []byte
	Quality int
	Score   float64 // of File
	Encodes int     // that the search took
}

const (
	// slack is how far above its target a score may lie that ends a search: about what one more of a
	// quality adds.
	slack = 0.75
	// shortfall is how far below the score of quality 100 a score is as good, where that is below the
	// target: the last point takes a fifth of the bytes.
	shortfall = 1
	// maxReach bounds the encodes of one search. From guesses on, it halves what is left.
	guesses  = 4
	maxReach = 12
	// more is how many follow quality 100, where that misses the target.
	more = 3
)

// Reach returns the file of the lowest quality, from LowestQuality on, whose score meets the target, or of
// one above that where the score is less than a point above the target. Where quality 100 does not meet it,
// that is the lowest of those tried, some more after 100, that come within a point of what 100 scores.
func Reach(ctx context.Context, t Trials, score Score, target float64) (*Found, error) {
	s := reaching{t: t, target: target, below: LowestQuality - 1, above: 101, guesses: guesses, limit: maxReach}
	for s.encodes < s.limit && s.above-s.below > 1 && !s.near() {
		q := s.guess()
		file, err := t.Encode(ctx, q)
		if err != nil {
			return nil, err
		}
		v, err := score(ctx, file)
		if err != nil {
			return nil, err
		}
		s.note(file, q, v)
	}
	s.best.Encodes = s.encodes
	return &s.best, nil
}

// reaching is a search: qualities up to below miss the target, and those from above on meet it.
type reaching struct {
	t            Trials
	target       float64
	below, above int
	best         Found   // of quality above, or else the one with the highest score
	last, before point   // the points closest to the target; their quality is 0 if there is none
	missed       []point // below the target
	encodes      int
	guesses      int // how many encodes come before halving
	limit        int // of encodes
}

// point is a score and its quality.
type point struct {
	quality int
	score   float64
}

// near reports whether the best file is good enough.
func (s *reaching) near() bool { return s.best.Quality == s.above && s.best.Score < s.target+slack }

// note takes the score of a quality.
func (s *reaching) note(file []byte, quality int, score float64) {
	s.encodes++
	if quality == 100 && score < s.target {
		s.lower(score - shortfall)
	}
	now := point{quality, score}
	switch found := (Found{File: file, Quality: quality, Score: score}); {
	case quality > s.above: // 100, after a lower one that is good enough
	case score >= s.target:
		s.above, s.best = quality, found
	default:
		s.miss(now)
		if s.above > 100 && (s.best.Quality == 0 || score >= s.best.Score) {
			s.best = found
		}
	}
	if s.last.quality == 0 || s.distance(now) <= s.distance(s.last) {
		s.last, s.before = now, s.last
	} else {
		s.before = now
	}
}

// miss takes a score below the target.
func (s *reaching) miss(p point) {
	s.below = max(s.below, p.quality)
	s.missed = append(s.missed, p)
}

// lower sets another target, which qualities that missed the old one may meet.
func (s *reaching) lower(target float64) {
	missed := s.missed
	s.target, s.below, s.missed = target, LowestQuality-1, nil
	s.guesses, s.limit = s.encodes+more-1, min(s.encodes+more, maxReach)
	if s.best.Quality > 0 && s.best.Score >= target {
		s.above = s.best.Quality
	}
	for _, p := range missed {
		if p.score < target && p.quality < s.above {
			s.miss(p)
		}
	}
}

func (s *reaching) distance(p point) float64 { return max(p.score-s.target, s.target-p.score) }

// guess returns the next quality. Scores of a picture are about linear in those that photographs usually
// have at the same qualities: at first equal, then off by as much as the one that is known, then through
// two that are.
func (s *reaching) guess() int {
	switch {
	case s.encodes >= s.guesses && s.above > 100:
		return 100
	case s.encodes >= s.guesses:
		return (s.below + s.above) / 2
	}
	aim := s.target + slack/2
	if a, b := s.last, s.before; a.quality != 0 {
		ua, slope := s.t.UsualScore(a.quality), 1.0
		if ub := s.t.UsualScore(b.quality); b.quality != 0 && (a.score-b.score)*(ua-ub) > 0 {
			slope = min(max((a.score-b.score)/(ua-ub), 0.25), 4)
		}
		aim = ua + (aim-a.score)/slope
	}
	q := 1
	for q < 100 && s.t.UsualScore(q) < aim {
		q++
	}
	return min(max(q, s.below+1), s.above-1)
}

// Curve is the scores that photographs usually have at the qualities 5, 10 and so on to 100.
type Curve [20]float64

// At returns the score at a quality.
func (c *Curve) At(quality int) float64 {
	i := min(max(quality/5-1, 0), len(c)-2)
	return c[i] + (c[i+1]-c[i])*float64(quality-5*(i+1))/5
}
