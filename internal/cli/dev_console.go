package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/service/console"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

// firstConsolePort is where the search for a free port of dev's console begins.
const firstConsolePort = 9001

// off turns the console of dev off.
const off = "off"

// listenDev opens the address of dev's console, or none.
func (f *consoleFlags) listenDev(s3Port int) (net.Listener, error) {
	switch f.console {
	case off:
		return nil, nil
	case "":
		return listenNear(firstConsolePort, s3Port)
	}
	return f.listen()
}

// presignFor is how long a page may take to begin an upload.
const presignFor = time.Hour

// devPage is the console of dev.
type devPage struct {
	*console.Console
	listener net.Listener
	file     *recipeFile
	token    string
	end      context.CancelFunc
	done     chan struct{} // closed once it no longer serves
}

// openConsole opens the address of the console, and lets the S3 server know it. The result is nil if there is
// to be none.
func (f *devFlags) openConsole(cfg *devcloud.Config, file *recipeFile) (*devPage, error) {
	if f.once {
		return nil, nil
	}
	l, err := f.listenDev(f.port)
	if l == nil || err != nil {
		return nil, err
	}
	cfg.Page = consoleURL(l)
	if onLoopback(l) {
		cfg.CORS = append(cfg.CORS, consoleOrigins(l)...)
	}
	return &devPage{listener: l, file: file, token: f.consoleToken(), done: make(chan struct{})}, nil
}

// connect makes the console of a dev, which observes it from now on.
func (p *devPage) connect(d *dev, log *slog.Logger) *console.Console {
	c := console.New(d.cloud.HistoryFile(), log)
	c.Mill, c.Process, c.Remake = d.mill.get, d.mill.process, d.mill.remake
	c.Waiting, c.Recipe, c.Known, c.Token = d.cloud.Queue().Waiting, p.file, d.known, p.token
	if onLoopback(p.listener) { // else a browser may be on a machine that does not reach the S3 server
		c.PresignOrigin = d.cloud.Endpoint()
		c.Presign = func(ctx context.Context, key string) (string, error) {
			return d.store.PresignPut(ctx, d.mill.get().Recipe.Source.Bucket, key, presignFor)
		}
	}
	p.Console = c
	return c
}

// serve serves the console until end is called.
func (p *devPage) serve(ctx context.Context, log *slog.Logger) {
	ctx, p.end = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(p.done)
		if err := p.Run(ctx, p.listener); err != nil {
			log.Error("the console has stopped", "error", err)
		}
	}()
}

// close closes the address of a console that never ran.
func (p *devPage) close() error {
	if p == nil {
		return nil
	}
	return p.listener.Close()
}

// line tells where the console is.
func (p *devPage) line() string {
	address := consoleURL(p.listener)
	if p.token != "" {
		address += "?token=" + url.QueryEscape(p.token)
	}
	return fmt.Sprintf("Console: %s\n", address)
}

// remake makes variants by the present recipe.
func (h *millHolder) remake(ctx context.Context, c event.Change, variants []string) mill.Result {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.mill.Load().Remake(ctx, c, variants)
}

var _ console.RecipeFile = (*recipeFile)(nil)

// Read implements console.RecipeFile.
func (f *recipeFile) Read() (name string, text []byte, err error) {
	text, err = f.read()
	return f.name, text, err
}

// Write implements console.RecipeFile. The file is replaced as a whole, behind a link too, so that a full disk or a crash
// leaves the recipe that there was. The watch notices it.
func (f *recipeFile) Write(text []byte) error {
	path, err := filepath.EvalSymlinks(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		path, err = f.path, nil
	}
	if err != nil {
		return err
	}
	return replaceFile(path, text)
}
