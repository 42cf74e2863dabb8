package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// openNotify prepares the destinations of a recipe, with the secrets of the environment and the credentials that the
// AWS command line would find.
func openNotify(ctx context.Context, list []recipe.Notify) (*notify.Notifier, error) {
	o := notify.Options{Getenv: os.Getenv}
	if slices.ContainsFunc(list, func(n recipe.Notify) bool { return n.Service() != "" }) {
		cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // returned errors say it all
		if err != nil {
			return nil, fmt.Errorf("AWS configuration: %w", err)
		}
		o.Credentials = cfg.Credentials
	}
	return notify.Open(list, o)
}

// openModeration returns who is asked if the recipe has gates.rekognition, or nil.
func openModeration(ctx context.Context, r *recipe.Recipe) (moderate.Labels, error) {
	if r.Gates.Rekognition == nil {
		return nil, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("gates.rekognition: no AWS region; set AWS_REGION, or a region in your AWS profile")
	}
	return moderate.Open(cfg.Region, os.Getenv, cfg.Credentials), nil
}

// unmoderated returns the recipe for dev, where a picture costs nothing.
func unmoderated(r *recipe.Recipe, log *slog.Logger) *recipe.Recipe {
	if r.Gates.Rekognition == nil {
		return r
	}
	log.Info("Rekognition is not asked in imgmill dev: all pictures pass that gate")
	without := *r
	without.Gates.Rekognition = nil
	return &without
}

// notifier is openNotify for a place. What is made in imgmill dev is told on this machine alone.
func (p *place) notifier(ctx context.Context) (*notify.Notifier, error) {
	if p.dir != "" {
		return openDevNotify(ctx, p.recipe, false, slog.New(slog.DiscardHandler))
	}
	return openNotify(ctx, p.recipe.Notify)
}

// openDevNotify is openNotify for dev: what is tried out is not told to others, unless everywhere is asked for.
func openDevNotify(ctx context.Context, r *recipe.Recipe, everywhere bool, log *slog.Logger) (*notify.Notifier, error) {
	list := r.Notify
	if !everywhere {
		list = nil
		for _, n := range r.Notify {
			if n.OnThisMachine() {
				list = append(list, n)
				continue
			}
			log.Info("no events are sent there, because it is not on this machine; --notify sends them", "to", n.To)
		}
	}
	return openNotify(ctx, list)
}
