package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/service/console"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

// uploadToRunning uploads the pictures through the console of a dev that runs already, and prints what becomes
// of them. Its recipe decides about keys and variants.
func (f *devFlags) uploadToRunning(ctx context.Context, page string, pictures []picture, unread int, t *table, stderr io.Writer) error {
	note(stderr, "imgmill dev runs here already; uploading to it. Console: %s", page)
	c, err := console.Dial(ctx, page, f.consoleToken())
	if err != nil {
		return fmt.Errorf("the imgmill dev that runs here: %w", err)
	}
	defer c.Close()
	var all []row
	for i, p := range pictures {
		data, err := p.read()
		var key string
		var r mill.Result
		if err == nil {
			key, r, err = c.Upload(ctx, p.name, data)
		}
		switch {
		case ctx.Err() != nil:
			return explainUpload(ctx, i, len(pictures))
		case err != nil:
			note(stderr, "imgmill: upload %s: %s", shown(p.name), oneLine(err.Error()))
			unread++
			continue
		}
		r.Source.Bytes = int64(len(data))
		rows := resultRows(key, r)
		if err := t.print(rows); err != nil {
			return err
		}
		all = append(all, rows...)
	}
	return uploadOutcome(all, unread)
}

// inUse adds to the error of a folder that is in use where the console of whoever uses it is.
func inUse(dir string, err error) error {
	if !errors.Is(err, devcloud.ErrInUse) {
		return err
	}
	if running, notFound := devcloud.FindRunning(dir); notFound == nil && running.Page != "" {
		return fmt.Errorf("%w; its console is at %s", err, running.Page)
	}
	return err
}
