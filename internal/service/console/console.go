// Package console is a web page about one place: it uploads pictures, shows what becomes of each, the
// variants beside the original, and the recipe, which can be edited and tried out.
//
//	console.go   what a console needs, and its addresses
//	guard.go     who may ask: Host, Origin and token; headers of every answer
//	rows.go      the pictures and how far they are, as an observer of the mill
//	history.go   their results in a file, for the next start
//	events.go    server-sent events: what has changed since the last one
//	upload.go    presigned URLs, uploads through the console, drawn samples
//	objects.go   the bytes of pictures, never as HTML or SVG
//	detail.go    one picture: its variants, what was done, HTML for web pages
//	recipe.go    the recipe: check, save, preview
//	again.go     retries, and making what is missing or stale
//	page.go      the page, in the language of the browser
//
// A row is about a key of the source bucket, and has a version: a number that grows with every change of
// any row. Whoever connects again says which version was the last, and gets the rows that have changed
// since. The console makes no variants and decides nothing about them; the mill that it observes does.
package console

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	stdsync "sync"
	"sync/atomic"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// Config says what a console shows. Mill, Process, Remake, Recipe and Log are required once it runs.
type Config struct {
	// Mill returns the present mill.
	Mill func() *mill.Mill
	// Process and Remake are those of the present mill, as the service calls them.
	Process func(context.Context, event.Change) mill.Result
	Remake  func(context.Context, event.Change, []string) mill.Result
	// Waiting returns the number of events in the queue. It may be nil.
	Waiting func(context.Context) (int, error)
	// Presign returns a URL to which a page may PUT an object of the source bucket, whose address begins with
	// PresignOrigin. Without it, uploads go through the console.
	Presign       func(ctx context.Context, key string) (string, error)
	PresignOrigin string
	// Recipe is the file of the recipe.
	Recipe RecipeFile
	// Fixed says that the service reads the recipe only when it starts: it can be tried out here, and not saved.
	Fixed bool
	// Known is what sync knows of the objects. It may be nil.
	Known *sync.Known
	// Token is what whoever opens the page must give. It may be empty if only this machine reaches the console.
	Token string
	Log   *slog.Logger
}

// RecipeFile is a recipe that can be edited.
type RecipeFile interface {
	// Read returns the present text, which is empty if there is no file yet.
	Read() (name string, text []byte, err error)
	// Write replaces the text, which the service then begins to use. It is not called if the recipe is fixed.
	Write(text []byte) error
}

// Console is the page. It implements mill.Observer.
type Console struct {
	Config
	rows   *rows
	again  again
	lanes  chan struct{} // pictures that are rendered or held for the page
	summed atomic.Pointer[summed]
	saving stdsync.Mutex // of the recipe

	work       context.Context // of what goes on when the request for it has been answered
	background stdsync.WaitGroup
}

// New returns a console, whose Config is to be filled in. Its rows are those of the history, a file for the
// results of pictures; without a name, there is none.
func New(history string, log *slog.Logger) *Console {
	return &Console{
		Config: Config{Log: log}, rows: newRows(history, log), lanes: make(chan struct{}, 2), work: context.Background(),
	}
}

// recipe returns the present recipe.
func (c *Console) recipe() *recipe.Recipe { return c.Mill().Recipe }

// ErrToken is the error of a console that others than this machine reach, without a token.
var ErrToken = errors.New("the console can be reached from other machines at this address, so it needs a token")

// Check reports whether the console may run on a listener.
func (c *Console) Check(l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); c.Token == "" && (!ok || !a.IP.IsLoopback()) {
		return ErrToken
	}
	return nil
}

// Run serves the page until ctx ends.
func (c *Console) Run(ctx context.Context, l net.Listener) error {
	if err := c.Check(l); err != nil {
		return err
	}
	defer c.rows.close()
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer c.background.Wait()
	defer end()
	c.work = base
	s := &http.Server{
		Handler: c.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	context.AfterFunc(ctx, func() {
		end() // of streams, which would never end by themselves
		stop, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if s.Shutdown(stop) != nil {
			_ = s.Close() // what does not end by itself
		}
	})
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Handler returns the handler of all requests. Paths are not cleaned, because keys are parts of them.
func (c *Console) Handler() http.Handler {
	routes := map[string]http.HandlerFunc{
		"GET /":                  c.servePage,
		"GET /api/events":        c.serveEvents,
		"GET /api/picture":       c.servePicture,
		"GET /api/before":        c.serveBefore,
		"GET /api/recipe":        c.serveRecipe,
		"POST /api/recipe/check": c.checkRecipe,
		"POST /api/recipe":       c.saveRecipe,
		"POST /api/preview":      c.servePreview,
		"POST /api/uploads":      c.serveUploads,
		"POST /api/sample":       c.serveSample,
		"POST /api/retry":        c.serveRetry,
		"POST /api/sync":         c.serveSync,
	}
	return c.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, method := r.URL.Path, r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		key := func(prefix string) string { return strings.TrimPrefix(path, prefix) }
		switch serve := routes[method+" "+path]; {
		case serve != nil:
			serve(w, r)
		case method == http.MethodGet && strings.HasPrefix(path, sourcePath):
			c.serveObject(w, r, c.recipe().Source.Bucket, key(sourcePath))
		case method == http.MethodGet && strings.HasPrefix(path, targetPath):
			c.serveObject(w, r, c.recipe().Target.Bucket, key(targetPath))
		case method == http.MethodPut && strings.HasPrefix(path, uploadPath):
			c.serveUpload(w, r, key(uploadPath))
		case method == http.MethodGet && strings.HasPrefix(path, staticPath):
			c.serveStatic(w, r, key(staticPath))
		default:
			fail(w, http.StatusNotFound, "there is nothing at this address")
		}
	}))
}

// Paths of objects and files.
const (
	sourcePath = "/source/"
	targetPath = "/target/"
	uploadPath = "/upload/"
	staticPath = "/static/"
)
