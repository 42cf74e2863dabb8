package s3

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"
)

// body is the body of an object. Its errors are those of package bucket.
type body struct {
	call   call
	cancel context.CancelFunc // of the request
	rc     io.ReadCloser
	left   int64     // bytes that have not been read
	sum    *checksum // of the object, or nil

	silent   *time.Timer // cancels the request
	patience time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	// Only the wait for the network counts, not the time that the reader takes between two calls.
	b.silent.Reset(b.patience)
	n, err := b.rc.Read(p)
	if !b.silent.Stop() && err != nil {
		err = fmt.Errorf("nothing came for %v", b.patience)
	}
	b.left -= int64(n)
	if b.sum != nil {
		b.sum.Write(p[:n])
		if err == io.EOF && b.left == 0 {
			err = cmp.Or(b.sum.verify(), err)
		}
	}
	if err != nil && err != io.EOF {
		err = b.call.fail(fmt.Errorf("the download failed: %w", err))
	}
	return n, err
}

// Up to this size and time, reading the rest of a body costs less than a new connection: about 20
// ms at 100 Mbit/s.
const (
	maxRest     = 256 << 10
	maxRestTime = 100 * time.Millisecond
)

// Close closes the connection if the body has not been read to its end. If little is left, it reads
// the rest instead, so that the connection can be reused.
func (b *body) Close() error {
	defer b.cancel()
	b.silent.Stop()
	if b.left > 0 && b.left <= maxRest {
		stalled := time.AfterFunc(maxRestTime, b.cancel)
		_, _ = io.Copy(io.Discard, b.rc) // if it fails, the connection is not reused
		stalled.Stop()
	}
	return b.rc.Close()
}
