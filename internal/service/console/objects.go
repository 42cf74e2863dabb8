package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// displayable reports whether a media type is one of pictures of pixels that every browser shows. Everything
// else is only offered for saving: HTML and SVG could run scripts with the rights of this page.
func displayable(mediaType string) bool {
	switch mediaType {
	case "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp":
		return true
	}
	return false
}

// serveObject sends an object. Its type is what its first bytes show, not what it was stored with.
func (c *Console) serveObject(w http.ResponseWriter, r *http.Request, bucketName, key string) {
	o, err := c.Mill().Store.Get(r.Context(), bucketName, key, bucket.Condition{})
	if err != nil {
		failObject(w, err)
		return
	}
	defer o.Body.Close()
	h := w.Header()
	tag := `"` + o.ETag + `"`
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	head := make([]byte, min(512, o.Size))
	if _, err := io.ReadFull(o.Body, head); err != nil {
		failObject(w, err)
		return
	}
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Type", "application/octet-stream")
	if t := http.DetectContentType(head); displayable(t) && o.ContentEncoding == "" {
		h.Set("Content-Type", t)
	} else {
		h.Set("Content-Disposition", "attachment; filename*=UTF-8''"+attachmentName(key))
	}
	h.Set("Content-Length", strconv.FormatInt(o.Size, 10))
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(head); err == nil {
		_, _ = io.Copy(w, o.Body) // a length that is not reached tells the browser
	}
}

// attachmentName returns the last part of a key as an extended parameter has it (RFC 8187).
func attachmentName(key string) string {
	var b strings.Builder
	for _, c := range []byte(path.Base(key)) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatInt(int64(c)+0x100, 16)[1:]))
		}
	}
	return b.String()
}

func failObject(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrInvalid):
		fail(w, http.StatusNotFound, "there is no such object")
	case errors.Is(err, context.Canceled):
	default:
		fail(w, http.StatusBadGateway, "%v", err)
	}
}

// render makes variants of a source for the page, of those that a recipe asks for. Nothing is stored.
func (c *Console) render(
	ctx context.Context, r *recipe.Recipe, key string, choose func([]render.Variant) []render.Variant,
) (codec.Header, []render.Output, error) {
	select {
	case c.lanes <- struct{}{}:
		defer func() { <-c.lanes }()
	case <-ctx.Done():
		return codec.Header{}, nil, ctx.Err()
	}
	m := c.Mill()
	o, err := m.Store.Get(ctx, m.Recipe.Source.Bucket, key, bucket.Condition{})
	if err != nil {
		return codec.Header{}, nil, err
	}
	defer o.Body.Close()
	focal, _ := mill.FocalPoint(o.Metadata)
	return mill.Make(ctx, m.Engine, o.Body, r.Limits, choose(r.Plan(key).With(o.ETag, focal).Variants()))
}

// serveBefore sends the source as a variant shows it, without its losses: reduced and cropped in the same
// way, as a PNG. It is what the variant is compared with, and the browser need not know the source's format.
func (c *Console) serveBefore(w http.ResponseWriter, r *http.Request) {
	key, name, rec := r.FormValue("key"), r.FormValue("variant"), c.recipe()
	_, outputs, err := c.render(r.Context(), rec, key, func(all []render.Variant) []render.Variant {
		i := slices.IndexFunc(all, func(v render.Variant) bool { return v.Name == name })
		if i < 0 {
			return nil
		}
		v := all[i]
		v.Set, v.Format, v.Encoding, v.MaxBytes, v.Frames, v.HDR = "", rec.Formats.Named("png"), nil, 0, 0, ""
		v.Watermark, v.Embedded = render.Watermark{}, render.NeverEmbedded
		return []render.Variant{v}
	})
	switch {
	case err != nil:
		failRender(w, err)
		return
	case len(outputs) == 0:
		fail(w, http.StatusNotFound, "the recipe makes no variant %s of %s", name, key)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "private, max-age=600") // the page names the ETag too
	_, _ = w.Write(outputs[0].Data)
}

func failRender(w http.ResponseWriter, err error) {
	switch {
	case codec.Permanent(err):
		fail(w, http.StatusUnprocessableEntity, "%v", err)
	default:
		failObject(w, err)
	}
}
