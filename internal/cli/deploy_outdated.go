package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// outdatedTime bounds the count of uploads that a changed recipe concerns. A listing of a thousand takes
// about 0.1 s.
const outdatedTime = 10 * time.Second

// outdated is the result of countOutdated.
type outdated struct {
	sync.Outdated
	err error
}

// countOutdated counts, while the stack changes, the uploads that lack variants of the recipe in a plan.
// It has to begin before the zip with the former recipe is deleted. The count ends with ctx, or after
// outdatedTime.
func countOutdated(ctx context.Context, cloud *client.Cloud, p *stack.Plan) <-chan outdated {
	result := make(chan outdated, 1)
	now, before := p.Parameters, map[string]string{}
	if p.Current != nil {
		before = p.Current.Parameters
	}
	same := func(names ...string) bool {
		for _, name := range names {
			if now[name] != before[name] {
				return false
			}
		}
		return true
	}
	const source, target = "SourceBucketName", "TargetBucketName"
	if p.Current == nil && now["CreateSourceBucket"] == "true" || same(source, target, "CodeKey") {
		result <- outdated{Outdated: sync.Outdated{All: true}}
		return result
	}
	r := *p.Recipe
	r.Source.Bucket, r.Target.Bucket = now[source], now[target]
	sameBuckets := same(source, target)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, outdatedTime)
		defer cancel()
		var former *recipe.Recipe
		if sameBuckets {
			code, err := deployment.ReadCode(ctx, cloud, p.Current)
			if err != nil {
				result <- outdated{err: err}
				return
			}
			former = code.Recipe
		}
		o, err := sync.CountOutdated(ctx, s3.New(cloud.Store), &r, former)
		result <- outdated{o, err}
	}()
	return result
}

// text says what becomes of pictures that were uploaded before, in lines without the last end.
func (o outdated) text(name string) string {
	share := fmt.Sprintf("%s of %s", grouped(o.Uploads), grouped(o.Looked))
	switch {
	case o.err == nil && o.All && o.Uploads == 0:
		return ""
	case o.err != nil || o.Uploads == 0:
		return "\nFor pictures that were uploaded before: imgmill sync " + name
	case !o.All:
		share = "at least " + grouped(o.Uploads)
	}
	return fmt.Sprintf("\nPictures that keep their old variants, or have none: %s in the source bucket.\nTo make new ones: imgmill sync %s",
		share, name)
}
