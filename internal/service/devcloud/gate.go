package devcloud

import (
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3err"
)

// drainTimeout is how long requests that are under way may take when the cloud stops.
const drainTimeout = 10 * time.Second

// errStopping is what a client reads that keeps sending requests while the cloud stops.
var errStopping = s3err.APIError{
	Code:           "ServiceUnavailable",
	Description:    "The local cloud is stopping.",
	HTTPStatusCode: http.StatusServiceUnavailable,
}

// gate counts the requests that are under way. When the gateway stops it takes their contexts away at once, so it is only
// told to when there are none.
type gate struct {
	mu     sync.Mutex
	closed bool
	busy   int
	idle   chan struct{} // closed when closed is set and busy is 0
}

func newGate() *gate { return &gate{idle: make(chan struct{})} }

// pass is middleware around every request.
func (g *gate) pass(ctx fiber.Ctx) error {
	if !g.enter() {
		ctx.Response().SetConnectionClose()
		ctx.Response().Header.SetContentType(fiber.MIMEApplicationXML)
		return ctx.Status(errStopping.StatusCode()).Send(errStopping.XMLBody("", ""))
	}
	defer g.leave()
	return ctx.Next()
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.busy++
	}
	return !g.closed
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.settle()
}

// settle tells drain that it is over. The caller holds mu.
func (g *gate) settle() {
	if g.closed && g.busy == 0 {
		close(g.idle)
	}
}

// drain refuses further requests and waits for those under way. Call it once.
func (g *gate) drain() {
	g.mu.Lock()
	g.closed = true
	g.settle()
	g.mu.Unlock()
	select {
	case <-g.idle:
	case <-time.After(drainTimeout):
	}
}
