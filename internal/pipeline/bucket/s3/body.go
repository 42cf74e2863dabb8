package s3

import (
	"context"
	"fmt"
	"io"
	"time"
)

// body is an object's bytes; what ends them early is an error of the contract too.
type body struct {
	call   call
	cancel context.CancelFunc // of the request
	rc     io.ReadCloser
	left   int64 // bytes that were not read
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.rc.Read(p)
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		err = b.call.fail(fmt.Errorf("the body broke off: %w", err))
	}
	return n, err
}

// What nobody wanted costs less than a new connection while it is no more than this: some 20 ms at 100 Mbit/s.
const (
	maxRest     = 256 << 10
	maxRestTime = 100 * time.Millisecond
)

// Close drops the connection if there is more to come on it, unless that is little: one that was read to the end serves again.
func (b *body) Close() error {
	defer b.cancel()
	if b.left > 0 && b.left <= maxRest {
		stalled := time.AfterFunc(maxRestTime, b.cancel)
		_, _ = io.Copy(io.Discard, b.rc) // if it fails, the connection is lost like any other
		stalled.Stop()
	}
	return b.rc.Close()
}
