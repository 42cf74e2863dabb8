package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// Upload is where to PUT the bytes of one file.
type Upload struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	URL  string `json:"url"`
}

// maxUploads is how many addresses one request asks for at most.
const maxUploads = 200

// serveUploads returns where to PUT files: their names are in the request, perhaps with folders.
func (c *Console) serveUploads(w http.ResponseWriter, r *http.Request) {
	var names []string
	if !read(w, r, &names) {
		return
	}
	if len(names) > maxUploads {
		fail(w, http.StatusBadRequest, "at most %d files at a time", maxUploads)
		return
	}
	uploads := make([]Upload, len(names))
	for i, name := range names {
		key := c.keyOf(name)
		u, err := c.uploadURL(r.Context(), key)
		if err != nil {
			fail(w, http.StatusInternalServerError, "no address for %s: %v", key, err)
			return
		}
		uploads[i] = Upload{name, key, u}
	}
	answer(w, uploads)
}

// keyOf returns the key for a file. Folders of its path are kept, as far as a key can have them.
func (c *Console) keyOf(name string) string {
	clean := path.Clean("/" + strings.ReplaceAll(name, `\`, "/"))[1:]
	return c.recipe().Source.Prefix + strings.Map(func(r rune) rune {
		if r < ' ' {
			return '_'
		}
		return r
	}, clean)
}

func (c *Console) uploadURL(ctx context.Context, key string) (string, error) {
	if c.Presign != nil {
		return c.Presign(ctx, key)
	}
	return pathOf(uploadPath, key), nil
}

// pathOf returns the path of a key.
func pathOf(prefix, key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return prefix + strings.Join(parts, "/")
}

// serveUpload stores the body of a request as an object of the source bucket.
func (c *Console) serveUpload(w http.ResponseWriter, r *http.Request, key string) {
	rec := c.recipe()
	if plan := rec.Plan(key); plan.Excluded != "" && !strings.HasPrefix(key, rec.Source.Prefix) {
		fail(w, http.StatusBadRequest, "%s", plan.Excluded)
		return
	}
	select {
	case c.lanes <- struct{}{}:
		defer func() { <-c.lanes }()
	case <-r.Context().Done():
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, rec.Limits.Bytes))
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		fail(w, http.StatusRequestEntityTooLarge, "the file has more than %d bytes, which is limits.bytes of the recipe", large.Limit)
		return
	}
	if err != nil {
		return // the page is gone
	}
	etag, err := c.store(r.Context(), key, data)
	if err != nil {
		fail(w, http.StatusBadGateway, "%v", err)
		return
	}
	w.Header().Set("ETag", `"`+etag+`"`)
}

func (c *Console) store(ctx context.Context, key string, data []byte) (etag string, err error) {
	attr := bucket.Attributes{ContentType: http.DetectContentType(data)}
	return c.Mill().Store.Put(ctx, c.recipe().Source.Bucket, key, data, attr, bucket.Condition{})
}

// samples counts the drawn pictures, so that each has a key of its own.
var samples atomic.Int64

// sampleSizes are those of drawn pictures, one after the other.
var sampleSizes = [][2]int{{2400, 1600}, {1600, 2400}, {2000, 2000}, {3000, 1200}}

// serveSample uploads a drawn picture.
func (c *Console) serveSample(w http.ResponseWriter, r *http.Request) {
	var key string
	var n int64
	for n = samples.Add(1); ; n = samples.Add(1) { // the first that is not there
		key = c.recipe().Source.Prefix + "sample.jpg"
		if n > 1 {
			key = fmt.Sprintf("%ssample-%d.jpg", c.recipe().Source.Prefix, n)
		}
		if _, there := c.rows.row(key); !there {
			break
		}
	}
	size := sampleSizes[(n-1)%int64(len(sampleSizes))]
	if _, err := c.store(r.Context(), key, sample.Photo(size[0], size[1])); err != nil {
		fail(w, http.StatusBadGateway, "%v", err)
		return
	}
	answer(w, map[string]string{"key": key})
}

// change is a change of an object that no event tells of.
func (c *Console) change(key string) event.Change {
	return event.Change{Bucket: c.recipe().Source.Bucket, Key: key, Size: -1}
}
