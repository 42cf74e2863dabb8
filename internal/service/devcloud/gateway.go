package devcloud

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// errUnannounced answers a write that took effect but whose event could not be stored. S3 clients
// retry it.
var errUnannounced = s3err.APIError{
	Code:           "ServiceUnavailable",
	Description:    "The event of this change could not be stored; please try again.",
	HTTPStatusCode: http.StatusServiceUnavailable,
}

// gateway is the posix backend of versitygw. It publishes an event for every object that is created
// or removed, in the order in which the writes take effect, and its reads never see half of a
// write.
type gateway struct {
	*posix.Posix
	root    string
	attrs   *attributes
	locks   *keyLocks
	journal *journal
	seq     *sequencer
	gate    *gate
	watch   map[string]bool
	changes atomic.Int64 // writes that have ended
	cors    []string     // Config.CORS
	page    string       // Config.Page
	publish func(ctx context.Context, id string, body []byte) error
	log     *slog.Logger
}

var _ backend.Backend = (*gateway)(nil)

// send stores one event in the queue. It is independent of the request's context, because a write
// must be announced even if the client has disconnected.
func (g *gateway) send(name string, ch event.Change) error {
	body, err := event.NamedNotification(name, ch)
	if err != nil {
		return err
	}
	return g.publish(context.Background(), "", body)
}

// s3Error returns errors that S3 defines as they are. It logs all others, which the gateway would
// print on the terminal, and returns InternalError for them.
func (g *gateway) s3Error(err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[s3err.S3Error](err); ok {
		return known
	}
	if errors.Is(err, syscall.ENOSPC) {
		return s3err.GetAPIError(s3err.ErrNoSpaceLeftOnDevice)
	}
	if !errors.Is(err, context.Canceled) {
		g.log.Warn("the object store failed to handle a request", "error", err)
	}
	return s3err.GetAPIError(s3err.ErrInternalError)
}

// bare returns a copy of an ETag without its quotation marks.
func bare(etag string) string { return strings.Clone(strings.Trim(etag, `"`)) }

// versionID returns a copy of a version ID, or nothing for the gateway's "null".
func versionID(id string) string {
	if id == "null" {
		return ""
	}
	return strings.Clone(id)
}

// str returns an optional string, or nothing.
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// PutObject implements backend.Backend. It locks the object once the body has arrived, so that a
// slow upload blocks nobody.
func (g *gateway) PutObject(
	ctx context.Context, in s3response.PutObjectInput,
) (s3response.PutObjectOutput, error) {
	if !keeps(str(in.Key)) { // of a form
		return s3response.PutObjectOutput{}, errKey
	}
	in.ContentEncoding = new(bucket.StoredEncoding(str(in.ContentEncoding)))
	in.Body = withChecksum(in)
	o := stored(str(in.Bucket), str(in.Key))
	var w *write
	defer func() { w.abandon() }()
	begin := func(*os.File) (err error) {
		if w == nil {
			w, err = g.begin(o, g.locks.lock(o))
		}
		return err
	}
	if o.folder() { // no body is staged, so the backend will not call
		if err := begin(nil); err != nil {
			return s3response.PutObjectOutput{}, g.s3Error(err)
		}
	}
	out, err := g.PutObjectWithPostFunc(ctx, in, begin)
	if w == nil {
		return out, g.s3Error(err)
	}
	name := "ObjectCreated:Put"
	if r, ok := ctx.(interface{ IsPost() bool }); ok && r.IsPost() {
		name = "ObjectCreated:Post" // an upload from an HTML form
	}
	return out, w.end(&change{name: name, etag: out.ETag, versionID: out.VersionID}, err)
}

// CopyObject implements backend.Backend.
func (g *gateway) CopyObject(
	ctx context.Context, in s3response.CopyObjectInput,
) (s3response.CopyObjectOutput, error) {
	fromBucket, fromKey, _, err := backend.ParseCopySource(str(in.CopySource))
	if err != nil {
		return s3response.CopyObjectOutput{}, g.s3Error(err)
	}
	if !keeps(fromKey) {
		return s3response.CopyObjectOutput{}, s3err.GetAPIError(s3err.ErrNoSuchKey)
	}
	to := stored(str(in.Bucket), str(in.Key))
	w, err := g.begin(to, g.locks.lockCopy(stored(fromBucket, fromKey), to))
	if err != nil {
		return s3response.CopyObjectOutput{}, g.s3Error(err)
	}
	defer w.abandon()
	if err := g.mayReplace(ctx, to); err != nil {
		return s3response.CopyObjectOutput{}, w.end(nil, err)
	}
	out, err := g.Posix.CopyObject(ctx, in)
	c := &change{name: "ObjectCreated:Copy", versionID: str(out.VersionId)}
	if out.CopyObjectResult != nil {
		c.etag = str(out.CopyObjectResult.ETag)
	}
	return out, w.end(c, err)
}

// mayReplace returns an error if the conditions of a copy do not hold for the object that it would
// replace. The gateway reads only those on the source. The caller holds the object's lock.
func (g *gateway) mayReplace(ctx context.Context, to object) error {
	r, ok := ctx.(*fasthttp.RequestCtx)
	if !ok {
		return nil
	}
	header := func(name string) *string {
		value := strings.Trim(string(r.Request.Header.Peek(name)), `"`)
		if value == "" {
			return nil
		}
		return &value
	}
	ifMatch, ifNoneMatch := header("If-Match"), header("If-None-Match")
	if ifMatch == nil && ifNoneMatch == nil {
		return nil
	}
	head, err := g.Posix.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &to.Bucket, Key: &to.Key})
	if err != nil && !isAbsent(err) {
		return err
	}
	etag := ""
	if err == nil {
		etag = str(head.ETag)
	}
	return backend.EvaluateObjectPutPreconditions(etag, ifMatch, ifNoneMatch, err == nil)
}

// CreateMultipartUpload implements backend.Backend.
func (g *gateway) CreateMultipartUpload(
	ctx context.Context, in s3response.CreateMultipartUploadInput,
) (s3response.InitiateMultipartUploadResult, error) {
	in.ContentEncoding = new(bucket.StoredEncoding(str(in.ContentEncoding)))
	out, err := g.Posix.CreateMultipartUpload(ctx, in)
	return out, g.s3Error(err)
}

// CompleteMultipartUpload implements backend.Backend.
func (g *gateway) CompleteMultipartUpload(
	ctx context.Context, in *s3.CompleteMultipartUploadInput,
) (s3response.CompleteMultipartUploadResult, string, error) {
	o := stored(str(in.Bucket), str(in.Key))
	w, err := g.begin(o, g.locks.lock(o))
	if err != nil {
		return s3response.CompleteMultipartUploadResult{}, "", g.s3Error(err)
	}
	defer w.abandon()
	out, version, err := g.Posix.CompleteMultipartUpload(ctx, in)
	c := &change{name: "ObjectCreated:CompleteMultipartUpload", etag: str(out.ETag), versionID: version}
	return out, version, w.end(c, err)
}

// DeleteObject implements backend.Backend. There is no event if the object did not exist.
func (g *gateway) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	if !keeps(str(in.Key)) { // of a request for several objects
		return nil, errKey
	}
	o := stored(str(in.Bucket), str(in.Key))
	w, err := g.begin(o, g.locks.lock(o))
	if err != nil {
		return nil, g.s3Error(err)
	}
	defer w.abandon()
	if w.before == nil && in.IfMatch != nil {
		// The backend would report success.
		return nil, w.end(nil, s3err.GetAPIError(s3err.ErrNoSuchKey))
	}
	var c *change
	if w.before != nil && (!o.folder() || g.attrs.has(o, "etag")) {
		c = &change{name: "ObjectRemoved:Delete", removed: true, versionID: str(in.VersionId)}
	}
	out, err := g.Posix.DeleteObject(ctx, in)
	if c != nil && out != nil && out.DeleteMarker != nil && *out.DeleteMarker && str(in.VersionId) == "" {
		c = &change{name: "ObjectRemoved:DeleteMarkerCreated", removed: true, versionID: str(out.VersionId)}
	}
	return out, w.end(c, err)
}

// DeleteObjects implements backend.Backend.
func (g *gateway) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (s3response.DeleteResult, error) {
	result := s3response.DeleteResult{Deleted: []types.DeletedObject{}, Error: []types.Error{}}
	for _, d := range in.Delete.Objects {
		out, err := g.DeleteObject(ctx, &s3.DeleteObjectInput{
			Bucket: in.Bucket, Key: d.Key, VersionId: d.VersionId,
			IfMatch: d.ETag, IfMatchLastModifiedTime: d.LastModifiedTime, IfMatchSize: d.Size,
		})
		if err != nil {
			result.Error = append(result.Error, s3err.ObjectDeleteError(d.Key, d.VersionId, err))
			continue
		}
		deleted := types.DeletedObject{Key: d.Key, VersionId: d.VersionId, DeleteMarker: out.DeleteMarker}
		if out.DeleteMarker != nil && *out.DeleteMarker {
			deleted.DeleteMarkerVersionId = out.VersionId
		}
		result.Deleted = append(result.Deleted, deleted)
	}
	return result, nil
}

// GetObject implements backend.Backend. Like the next two methods, it waits for a write of the
// object that is taking effect.
func (g *gateway) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	defer g.locks.rlock(stored(str(in.Bucket), str(in.Key)))()
	out, err := g.Posix.GetObject(ctx, in)
	return out, g.s3Error(err)
}

// HeadObject implements backend.Backend.
func (g *gateway) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	defer g.locks.rlock(stored(str(in.Bucket), str(in.Key)))()
	out, err := g.Posix.HeadObject(ctx, in)
	return out, g.s3Error(err)
}

// GetObjectAttributes implements backend.Backend.
func (g *gateway) GetObjectAttributes(
	ctx context.Context, in *s3.GetObjectAttributesInput,
) (s3response.GetObjectAttributesResponse, error) {
	defer g.locks.rlock(stored(str(in.Bucket), str(in.Key)))()
	out, err := g.Posix.GetObjectAttributes(ctx, in)
	return out, g.s3Error(err)
}
