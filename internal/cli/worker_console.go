package cli

import (
	"log/slog"
	"net"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/service/console"
)

// workerPage is the console of a worker.
type workerPage struct {
	console  *console.Console
	listener net.Listener
	file     *recipeFile
}

// openConsole opens the address of the console. The result is nil if there is to be none.
func (f *workerFlags) openConsole(log *slog.Logger) (*workerPage, error) {
	if f.web.console == "" {
		return nil, nil
	}
	file, err := openRecipeFile(f.config)
	if err != nil {
		return nil, err
	}
	l, err := f.web.listen()
	if err != nil {
		return nil, err
	}
	c := console.New("", log)
	c.Token = f.web.consoleToken()
	return &workerPage{c, l, file}, nil
}

func (p *workerPage) close() {
	if p != nil {
		_ = p.listener.Close() // the console may have closed it
	}
}

// connectConsole lets the console know what has been opened. Uploads go through it: whether a page may write
// to the bucket is up to the bucket's CORS configuration.
func (w *workerRun) connectConsole() {
	c := w.page.console
	c.Mill = func() *mill.Mill { return w.mill }
	c.Process, c.Remake, c.Known, c.Recipe, c.Fixed = w.process, w.remake, w.known, w.page.file, true
	if w.messages != nil {
		c.Waiting = w.messages.Waiting
	}
	w.log.Info("the console is open", "address", consoleURL(w.page.listener))
}
