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

// findPage returns the address of the console of a dev that runs on a folder, or nothing.
func findPage(dir string) string {
	address, err := devcloud.FindRunning(dir)
	if err != nil {
		return "" // whoever opens the folder finds out what is wrong with it
	}
	return address.Page
}

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
	if page := findPage(dir); errors.Is(err, devcloud.ErrInUse) && page != "" {
		return fmt.Errorf("%w; its console is at %s", err, page)
	}
	return err
}
