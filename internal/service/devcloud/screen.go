package devcloud

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3err"
)

// errSigV2 answers requests that are signed with the version 2, which the gateway does not have.
var errSigV2 = s3err.APIError{
	Code: "InvalidRequest",
	Description: "This server takes signatures of version 4 only (AWS4-HMAC-SHA256), and this one is of version 2. " +
		`In boto3, create the client with config=Config(signature_version="s3v4"); for the AWS CLI, run ` +
		`"aws configure set default.s3.signature_version s3v4"; with s3cmd, leave out --signature-v2.`,
	HTTPStatusCode: http.StatusBadRequest,
}

// errKey refuses keys that the gateway would store, or list, as another key.
var errKey = s3err.APIError{
	Code: "InvalidArgument",
	Description: "This server keeps objects as files and cannot keep this key: it begins with a slash, has an empty " +
		"part (//) or a part . or .., or a character that XML cannot hold. Upload the object under another key; " +
		"Amazon S3 would take this one.",
	HTTPStatusCode: http.StatusBadRequest,
}

// screen is the middleware before all others. It refuses what the gateway would answer with something
// else than S3, without a word of what to do, and completes the forms of browsers.
func (g *gateway) screen(ctx fiber.Ctx) error {
	if signedV2(ctx) {
		return g.refuse(ctx, errSigV2)
	}
	if g.page != "" && opensRoot(ctx) {
		return ctx.Redirect().Status(fiber.StatusSeeOther).To(g.page)
	}
	path, err := url.PathUnescape(string(ctx.Request().URI().PathOriginal()))
	if err != nil {
		return ctx.Next() // the gateway refuses it
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !keeps(key) {
		if ctx.Method() == fiber.MethodGet || ctx.Method() == fiber.MethodHead {
			return g.refuse(ctx, s3err.GetAPIError(s3err.ErrNoSuchKey))
		}
		return g.refuse(ctx, errKey)
	}
	if key == "" && ctx.Method() == fiber.MethodPost {
		err = g.expandForm(ctx)
	} else {
		err = ctx.Next()
	}
	g.showRefusal(ctx)
	return err
}

// opensRoot reports whether somebody has typed the server's address into a browser. S3 has a page there too,
// about the service; its clients sign their requests.
func opensRoot(ctx fiber.Ctx) bool {
	return ctx.Method() == fiber.MethodGet && ctx.Path() == "/" && len(ctx.Request().URI().QueryString()) == 0 &&
		ctx.Get("Authorization") == "" && strings.Contains(ctx.Get("Accept"), "text/html")
}

// signedV2 reports whether a request has a signature of version 2, in its query or in a header
// (Amazon S3 Developer Guide of 2006-03-01, "Signing and authenticating REST requests").
func signedV2(ctx fiber.Ctx) bool {
	query := ctx.Request().URI().QueryArgs()
	return query.Has("AWSAccessKeyId") && query.Has("Signature") || strings.HasPrefix(ctx.Get("Authorization"), "AWS ")
}

// keeps reports whether the gateway stores an object under this key, and lists it under the same. Its
// listings are XML 1.0, which has no way to write some characters (section 2.2), and it encodes no keys.
func keeps(key string) bool {
	return stored("", key).Key == key && utf8.ValidString(key) && !strings.ContainsFunc(key, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff'
	})
}

// refuse answers with an error.
func (g *gateway) refuse(ctx fiber.Ctx, err s3err.APIError) error {
	defer g.showRefusal(ctx)
	ctx.Set(fiber.HeaderContentType, fiber.MIMEApplicationXML)
	ctx.Status(err.StatusCode())
	if ctx.Method() == fiber.MethodHead {
		return nil
	}
	return ctx.Send(err.XMLBody("", ""))
}
