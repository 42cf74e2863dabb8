package mem_test

import (
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/mem"
	"github.com/imgmill/imgmill/internal/pipeline/queue/queuetest"
)

func TestConformance(t *testing.T) {
	queuetest.Run(t, func(*testing.T) queue.Queue { return mem.New(time.Second) }, queuetest.FakeTime())
}
