package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// recipeInterval is how often dev looks whether its recipe was edited.
const recipeInterval = 500 * time.Millisecond

// millHolder holds the mill of the present recipe. A mill that is replaced has finished its pictures
// before the next one begins, so that nothing of an older recipe is written from then on.
type millHolder struct {
	mu   sync.RWMutex // held for reading while a picture is processed
	mill atomic.Pointer[mill.Mill]
}

func (h *millHolder) process(ctx context.Context, c event.Change) mill.Result {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.mill.Load().Process(ctx, c)
}

// get returns the present mill. Its observers may call it, while a picture of theirs keeps the next mill
// waiting.
func (h *millHolder) get() *mill.Mill { return h.mill.Load() }

func (h *millHolder) replace(m *mill.Mill) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mill.Store(m)
}

// recipeFile is the file of the recipe, which may not exist if the user did not name one.
type recipeFile struct {
	name string // for messages
	path string // absolute, because the cloud changes the working directory
	data []byte // as it was read last; nil if there was no file
}

// openRecipeFile reads the file that loadRecipe reads.
func openRecipeFile(name string) (*recipeFile, error) {
	if name == "" {
		name = recipeName
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	f := &recipeFile{name: name, path: path}
	if f.data, err = f.read(); err != nil {
		return nil, unreadRecipe(name, err)
	}
	return f, nil
}

func (f *recipeFile) read() ([]byte, error) {
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return append([]byte{}, data...), err // an empty file is not nil
}

// watch calls changed with the recipe after each edit until ctx ends. A file counts once it was read
// twice with the same content, because editors write in several steps. One that is invalid or gone is
// logged.
func (f *recipeFile) watch(ctx context.Context, log *slog.Logger, changed func(*recipe.Recipe)) {
	tick := time.NewTicker(recipeInterval)
	defer tick.Stop()
	last := f.data
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		data, err := f.read()
		if err != nil {
			continue // it is being replaced, or the next read says the same
		}
		settled := same(data, last)
		if last = data; !settled || same(data, f.data) {
			continue
		}
		f.data = data
		if data == nil {
			log.Warn("the recipe is gone; dev goes on with what it was", "file", f.name)
			continue
		}
		r, err := recipe.ParseAnywhere(formats.All(), f.name, data)
		if err != nil {
			first, rest, _ := strings.Cut(err.Error(), "\n")
			log.Warn("the recipe is invalid; dev goes on with the one before", "problem", first,
				"further", strings.Count(rest, "\n")+min(len(rest), 1))
			continue
		}
		changed(r)
	}
}

// same reports whether two reads found the same file, or none.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// reload goes on with another recipe. The sweep that follows finds what is missing or stale by it.
func (d *dev) reload(r *recipe.Recipe, log *slog.Logger) {
	old := d.mill.get()
	if r.Source.Bucket != old.Recipe.Source.Bucket || r.Target.Bucket != old.Recipe.Target.Bucket {
		log.Warn("the recipe names other buckets; restart dev to use it")
		return
	}
	r = unmoderated(r, log)
	m := mill.New(old.Store, r)
	m.Observer, m.Overlays = old.Observer, old.Overlays
	var err error
	if m.Notify, err = openDevNotify(context.Background(), r, d.everywhere, log); err != nil {
		log.Warn("the recipe cannot be used; dev goes on with the one before", "error", err)
		return
	}
	d.mill.replace(m)
	log.Info("the recipe was edited; bringing variants up to date")
	d.cloud.SweepAgain()
}
