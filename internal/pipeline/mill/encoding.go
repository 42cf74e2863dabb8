package mill

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// decoded returns a reader of the picture that the object holds. An object with Content-Encoding:
// gzip, as "gsutil cp -z" and the sync commands of some build tools store whatever they upload, is
// decompressed, to at most the recipe's limit of bytes, as far as there is memory. The header alone proves
// nothing, so bytes that are not gzip are read as they are.
func (src *source) decoded(store bucket.Store, l recipe.Limits, memory *share) (io.Reader, error) {
	if !isGzip(src.info.ContentEncoding) {
		return parts{src.body, store, src}, nil
	}
	buffered := bufio.NewReader(src.body)
	magic, err := buffered.Peek(2)
	switch {
	case errors.Is(err, io.EOF):
		return buffered, nil // too short for a picture, and for gzip
	case err != nil:
		return nil, err
	case string(magic) != "\x1f\x8b": // RFC 1952, section 2.3.1
		return buffered, nil
	}
	zr, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, gzipError(err)
	}
	return &gunzip{zr: zr, limit: l.Bytes, reserved: src.info.Size, memory: memory}, nil
}

// isGzip reports whether a Content-Encoding is gzip, or its old name (RFC 9110, section 8.4.1.3).
func isGzip(encoding string) bool {
	return strings.EqualFold(encoding, "gzip") || strings.EqualFold(encoding, "x-gzip")
}

// gunzip decompresses an object, up to a limit. Some decoders hold the whole file, whose length only its
// end shows, so memory for it is reserved as it grows, by doubling.
type gunzip struct {
	zr       *gzip.Reader
	n, limit int64 // bytes; a limit of 0 is none
	reserved int64
	memory   *share
}

func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.zr.Read(p)
	g.n += int64(n)
	if g.limit > 0 && g.n > g.limit {
		return 0, fmt.Errorf("%w: the object decompresses to more than %d bytes, which is the limit", codec.ErrLimit, g.limit)
	}
	if g.n > g.reserved {
		g.reserved = 2 * g.n
		if err := g.memory.reserve(g.reserved); err != nil {
			return 0, err
		}
	}
	if err != nil && err != io.EOF {
		err = gzipError(err)
	}
	return n, err
}

// gzipError distinguishes compressed data that is damaged from a download that failed.
func gzipError(err error) error {
	if errors.Is(err, bucket.ErrTransient) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: Content-Encoding gzip: %w", codec.ErrCorrupt, err)
}

// unreadable returns the reason why an object with another Content-Encoding than gzip is not
// recognized, in place of an error that takes it for something else than a picture.
func (src *source) unreadable(err error) error {
	encoding := src.info.ContentEncoding
	if !errors.Is(err, codec.ErrNotImage) || encoding == "" || isGzip(encoding) || strings.EqualFold(encoding, "identity") {
		return err
	}
	return fmt.Errorf("%w: Content-Encoding %q; store pictures without one, as it makes them no smaller, or with gzip",
		codec.ErrUnsupported, encoding)
}
