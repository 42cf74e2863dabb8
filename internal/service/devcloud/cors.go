package devcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3err"
)

// corsRules is the configuration of buckets without one of their own (Amazon S3 User Guide, "Elements of a
// CORS configuration").
const corsRules = `<CORSConfiguration><CORSRule>%s` +
	`<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod><AllowedMethod>PUT</AllowedMethod>` +
	`<AllowedMethod>POST</AllowedMethod><AllowedMethod>DELETE</AllowedMethod>` +
	`<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>`

// GetBucketCors returns the bucket's own configuration or, without one, that of Config.CORS. The gateway
// has a setting for this too, but lets it answer the preflight of any origin with 204.
func (g *gateway) GetBucketCors(ctx context.Context, bucket string) ([]byte, error) {
	rules, err := g.Posix.GetBucketCors(ctx, bucket)
	if missing, ok := errors.AsType[s3err.S3Error](err); ok && len(g.cors) > 0 &&
		missing.BaseError().Code == s3err.GetAPIError(s3err.ErrNoSuchCORSConfiguration).Code {
		var origins strings.Builder
		for _, origin := range g.cors {
			fmt.Fprintf(&origins, "<AllowedOrigin>%s</AllowedOrigin>", origin)
		}
		return fmt.Appendf(nil, corsRules, &origins), nil
	}
	return rules, err
}

// showRefusal lets a page of the allowed origin read an error. The gateway finds out who asks before it
// looks at the rules for other origins, and then leaves out the header that S3 sends all the same.
func (g *gateway) showRefusal(ctx fiber.Ctx) {
	origin := ctx.Get(fiber.HeaderOrigin)
	allowed := "*"
	if !slices.Contains(g.cors, "*") {
		allowed = origin
	}
	if origin == "" || !slices.Contains(g.cors, allowed) || ctx.Method() == fiber.MethodOptions ||
		ctx.Response().StatusCode() < http.StatusBadRequest ||
		len(ctx.Response().Header.Peek(fiber.HeaderAccessControlAllowOrigin)) > 0 {
		return
	}
	bucket, _, _ := strings.Cut(strings.TrimPrefix(ctx.Path(), "/"), "/")
	if _, err := g.Posix.GetBucketCors(ctx.RequestCtx(), bucket); err != nil { // it has no rules of its own
		ctx.Set(fiber.HeaderAccessControlAllowOrigin, allowed)
	}
}
