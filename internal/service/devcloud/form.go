package devcloud

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3err"
)

// maxFields is how many bytes of a form may precede its file. S3 takes 20 kB.
const maxFields = 64 << 10

var errFields = s3err.APIError{
	Code:           "MaxPostPreDataLengthExceeded",
	Description:    "The fields that precede the file of the form are too large.",
	HTTPStatusCode: http.StatusBadRequest,
}

// expanded marks a request whose form is complete.
const expanded = "imgmill.expanded"

// expandForm puts the name of the file in the place of ${filename} in the fields of an upload from an
// HTML form, as S3 does before it checks the policy (Amazon S3 API Reference, "POST Object"); the
// gateway would store the object at that very key. Nothing but the fields is held in memory.
//
// The body of a request cannot be replaced without releasing the connection's reader, so that another
// request, with the completed form, takes its place.
func (g *gateway) expandForm(ctx fiber.Ctx) error {
	kind, params, err := mime.ParseMediaType(ctx.Get(fiber.HeaderContentType))
	size := ctx.Request().Header.ContentLength()
	if err != nil || kind != fiber.MIMEMultipartForm || size < 0 || ctx.RequestCtx().UserValue(expanded) != nil {
		return ctx.Next()
	}
	body := ctx.Request().BodyStream()
	if body == nil {
		body = bytes.NewReader(ctx.BodyRaw())
	}
	form, grown, err := completeForm(body, params["boundary"])
	if known, ok := errors.AsType[s3err.APIError](err); ok {
		return g.refuse(ctx, known)
	}
	if err != nil {
		return err
	}
	var other fasthttp.RequestCtx
	other.Init2(ctx.RequestCtx().Conn(), nil, true)
	ctx.Request().Header.CopyTo(&other.Request.Header)
	other.Request.SetBodyStream(form, size+grown)
	other.SetUserValue(expanded, true)
	ctx.App().Handler()(&other)
	other.Response.CopyTo(ctx.Response())
	return nil
}

// completeForm returns a form whose fields have the name of the file in the place of ${filename}, and
// by how many bytes it is longer. A form without a file, which the gateway refuses, is as it was.
func completeForm(body io.Reader, boundary string) (form io.Reader, grown int, err error) {
	start := &io.LimitedReader{R: body, N: maxFields}
	lines := bufio.NewReader(start)
	var head []byte
	fields := 0 // of these bytes, those before the present part
	inHeader, file, name := false, false, ""
	for !file || inHeader {
		line, err := lines.ReadBytes('\n')
		head = append(head, line...)
		switch text := string(bytes.TrimRight(line, "\r\n")); {
		case err == io.EOF && start.N == 0:
			return nil, 0, errFields
		case err == io.EOF:
			return bytes.NewReader(head), 0, nil
		case err != nil:
			return nil, 0, err
		case text == "--"+boundary && !inHeader:
			fields, inHeader = len(head)-len(line), true
		case text == "":
			inHeader = false
		case inHeader && strings.HasPrefix(strings.ToLower(text), "content-disposition:"):
			_, params, err := mime.ParseMediaType(strings.TrimSpace(text[len("content-disposition:"):]))
			if err == nil && strings.EqualFold(params["name"], "AWSAccessKeyId") {
				return nil, 0, errSigV2
			}
			name, file = params["filename"]
			file = file || strings.EqualFold(params["name"], "file")
		}
	}
	name = name[strings.LastIndexAny(name, `/\`)+1:] // some browsers send a path
	full := bytes.ReplaceAll(head[:fields:fields], []byte("${filename}"), []byte(name))
	return io.MultiReader(bytes.NewReader(full), bytes.NewReader(head[fields:]), lines, body), len(full) - fields, nil
}
