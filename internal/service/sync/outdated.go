package sync

import (
	"context"
	"slices"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Outdated is how many uploads a changed recipe concerns.
type Outdated struct {
	Uploads int64 // of which the recipe asks for an object that the former one did not ask for
	Looked  int64 // uploads that the recipe makes something of, among those that were looked at
	All     bool  // all were looked at
}

// CountOutdated counts the uploads that a changed recipe concerns. Only the sources are listed: what the
// two recipes ask for is compared, not what is there. Once ctx ends, the result is what was counted
// until then. The former recipe is nil if there was none.
func CountOutdated(ctx context.Context, store bucket.Store, r, former *recipe.Recipe) (o Outdated, err error) {
	planner := r.Planner()
	had := func(string) recipe.Plan { return recipe.Plan{} }
	if former != nil {
		had = former.Planner().Plan
	}
	for info, err := range store.List(ctx, r.Source.Bucket, r.Source.Prefix) {
		switch {
		case ctx.Err() != nil:
			return o, nil
		case err != nil:
			return o, err
		}
		p := planner.Plan(info.Key)
		if p.Excluded != "" || len(p.Outputs) == 0 || info.Size == 0 {
			continue
		}
		o.Looked++
		if asksForMore(p, had(info.Key)) {
			o.Uploads++
		}
	}
	o.All = true
	return o, nil
}

// asksForMore reports whether a plan has an object that a former plan for the same key did not have.
func asksForMore(p, former recipe.Plan) bool {
	if former.Excluded != "" {
		return true
	}
	for _, o := range p.Outputs {
		if !slices.ContainsFunc(former.Outputs, func(f recipe.Output) bool {
			return f.Variant.Name == o.Variant.Name && f.Fingerprint == o.Fingerprint
		}) {
			return true
		}
	}
	return p.Manifest != former.Manifest && p.Manifest.Key != ""
}
