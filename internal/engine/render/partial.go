package render

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// PartialError means that some variants of a picture could not be made, for reasons of their own: a
// bound on bytes, a size that the format does not hold. Each reason wraps an error of package codec
// that is permanent.
type PartialError struct {
	// Reasons has an error for each variant that could not be made, in its place, and nil for the
	// others.
	Reasons []error
}

func (e *PartialError) Error() string {
	var texts []string
	for _, reason := range e.Unwrap() {
		texts = append(texts, reason.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the reasons.
func (e *PartialError) Unwrap() (reasons []error) {
	for _, reason := range e.Reasons {
		if reason != nil {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// attempt keeps an error for which the variant alone is to blame, and returns any other. Damage is
// always the picture's.
func (j *job) attempt(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("variant %s: %w", j.variant.Name, err)
	if errors.Is(err, codec.ErrCorrupt) || !codec.Permanent(err) {
		return err
	}
	j.failed, j.reduced, j.sink = err, nil, nil
	return nil
}

// living returns the jobs whose files are to be made.
func living(jobs []*job) (left []*job) {
	for _, j := range jobs {
		if j.failed == nil && j.twin == nil {
			left = append(left, j)
		}
	}
	return left
}

// results returns what the jobs have made. The error is nil or a PartialError.
func results(jobs []*job) ([]Output, error) {
	outputs, reasons := make([]Output, len(jobs)), make([]error, len(jobs))
	var err error
	for i, j := range jobs {
		outputs[i] = Output{Variant: j.variant}
		if reasons[i] = j.failed; j.twin != nil {
			outputs[i].SameAs, reasons[i] = j.twin.variant.Name, j.twin.failed
		}
		if reasons[i] != nil {
			err = &PartialError{reasons}
			continue
		}
		outputs[i].Format, outputs[i].Width, outputs[i].Height = j.format, j.frame.canvasWidth, j.frame.canvasHeight
		outputs[i].Data, outputs[i].Found, outputs[i].Dropped = j.file, j.found, j.dropped
	}
	return outputs, err
}
