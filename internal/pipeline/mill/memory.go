package mill

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Memory is what the pictures may hold together that are processed at the same time. A picture holds
// as much as its file and its header predict: what package codec calls its memory, with the reduced
// pictures. One for which there is not enough left is put back and waits, without a connection and
// without any memory, in the order in which they came. A picture that needs more than all of it, which
// limits.memory should prevent, waits until it is alone.
type Memory struct {
	size int64
	free *semaphore.Weighted
	held atomic.Int64
}

// NewMemory returns so many bytes.
func NewMemory(size int64) *Memory { return &Memory{size: size, free: semaphore.NewWeighted(size)} }

// Held returns how many bytes are not free now.
func (m *Memory) Held() int64 { return m.held.Load() }

// await waits for n bytes. No memory at all (nil) bounds nothing.
func (m *Memory) await(ctx context.Context, n int64) (*share, error) {
	if m == nil {
		return &share{}, nil
	}
	n = min(n, m.size)
	if err := m.free.Acquire(ctx, n); err != nil {
		return nil, fmt.Errorf("wait for memory: %w", err)
	}
	m.held.Add(n)
	return &share{m, n}, nil
}

// share is what one picture holds.
type share struct {
	of   *Memory
	held int64
}

// reserve raises the share to n bytes. If they are not free now, the error is a busyError.
func (s *share) reserve(n int64) error {
	if s.of == nil {
		return nil
	}
	n = min(n, s.of.size)
	if n > s.held {
		if !s.of.free.TryAcquire(n - s.held) {
			return &busyError{n}
		}
		s.of.held.Add(n - s.held)
		s.held = n
	}
	return nil
}

func (s *share) release() {
	if s.of != nil {
		s.of.held.Add(-s.held)
		s.of.free.Release(s.held)
	}
}

// busyError means that a picture has to wait for memory.
type busyError struct{ need int64 }

func (e *busyError) Error() string {
	return fmt.Sprintf("there are no %d bytes of memory left for it now", e.need)
}
