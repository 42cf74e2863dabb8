package devcloud

import (
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3err"
)

// drainTimeout is how long requests in progress may take when the cloud stops.
const drainTimeout = 10 * time.Second

// errStopping answers requests that arrive while the cloud is stopping.
var errStopping = s3err.APIError{
	Code:           "ServiceUnavailable",
	Description:    "The local cloud is stopping.",
	HTTPStatusCode: http.StatusServiceUnavailable,
}

// gate counts the requests in progress. A gateway that stops cancels their contexts at once, so it
// is stopped only when there are none.
type gate struct {
	mu     sync.Mutex
	closed bool
	busy   int
	from   map[string]bool // addresses of the requests
	idle   chan struct{}   // closed when closed is set and busy is 0
}

func newGate() *gate { return &gate{idle: make(chan struct{}), from: map[string]bool{}} }

// pass is the middleware around every request.
func (g *gate) pass(ctx fiber.Ctx) error {
	from := ctx.RequestCtx().RemoteAddr().String()
	if !g.enter(from) {
		ctx.Response().SetConnectionClose()
		ctx.Response().Header.SetContentType(fiber.MIMEApplicationXML)
		return ctx.Status(errStopping.StatusCode()).Send(errStopping.XMLBody("", ""))
	}
	defer g.leave(from)
	return ctx.Next()
}

func (g *gate) enter(from string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.busy++
		g.from[from] = true // one connection has one request at a time
	}
	return !g.closed
}

// isBusy reports whether a request from an address is in progress.
func (g *gate) isBusy(from string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.from[from]
}

func (g *gate) leave(from string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	delete(g.from, from)
	g.signalIdle()
}

// signalIdle ends drain once no request is in progress. The caller holds mu.
func (g *gate) signalIdle() {
	if g.closed && g.busy == 0 {
		close(g.idle)
	}
}

// drain refuses further requests and waits for those in progress, at most drainTimeout. Call it
// once.
func (g *gate) drain() {
	g.mu.Lock()
	g.closed = true
	g.signalIdle()
	g.mu.Unlock()
	select {
	case <-g.idle:
	case <-time.After(drainTimeout):
	}
}
