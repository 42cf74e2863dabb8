package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// tokenCookie holds a hash of the token once it was given.
const tokenCookie = "imgmill_console"

// guard answers what must not be answered otherwise, and sets the headers of every answer.
//
// Without a token, whoever reaches the console may use it: that is this machine. A page of another site
// reaches it too, in a browser here. It is kept out by its Origin, and by the Host if it has let its own name
// point to this machine (DNS rebinding). With a token, the cookie, which browsers send to this site alone,
// keeps it out.
func (c *Console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.setHeaders(w.Header())
		switch {
		case c.Token == "" && !isLoopback(r.Host):
			fail(w, http.StatusMisdirectedRequest, "this address is for 127.0.0.1 and localhost alone")
			return
		case !c.sameOrigin(r):
			fail(w, http.StatusForbidden, "a page of another site must not ask this")
			return
		case !c.allowed(w, r):
			return
		}
		next.ServeHTTP(w, r)
	})
}

// setHeaders sets what holds for every answer. A page may load nothing from elsewhere, but upload to the S3
// server; blob: is for pictures that were made for a preview.
func (c *Console) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "+
		strings.TrimSpace("connect-src 'self' "+c.PresignOrigin)+"; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// isLoopback reports whether a Host is a name of this machine that nobody else can give to it.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// sameOrigin reports whether a request is not one of another site's page. What changes something must say so:
// browsers send an Origin with it. What only reads may come from an address bar, which sends none.
func (c *Console) sameOrigin(r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err == nil && u.Host == r.Host
	}
	site := r.Header.Get("Sec-Fetch-Site")
	link := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.URL.Path == "/"
	return reads && (site == "" || site == "same-origin" || site == "none" || link)
}

// allowed reports whether a request has the token, and answers it if it has not. A page is opened with
// ?token=; from then on, a cookie has it. Programs send it as a bearer token.
func (c *Console) allowed(w http.ResponseWriter, r *http.Request) bool {
	if c.Token == "" {
		return true
	}
	sum := sha256.Sum256([]byte("imgmill console " + c.Token))
	want := hex.EncodeToString(sum[:])
	if cookie, err := r.Cookie(tokenCookie); err == nil && equal(cookie.Value, want) {
		return true
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && equal(bearer, c.Token) {
		return true
	}
	if r.URL.Path == "/" && equal(r.URL.Query().Get("token"), c.Token) {
		http.SetCookie(w, &http.Cookie{
			Name: tokenCookie, Value: want, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
			Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https", MaxAge: 90 * 24 * 60 * 60,
		})
		w.Header().Set("Location", "/")
		w.WriteHeader(http.StatusSeeOther)
		return false
	}
	fail(w, http.StatusUnauthorized, "this console needs its token: open the address with /?token=")
	return false
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// fail answers with a text.
func fail(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, format+"\n", args...)
}

// answer sends JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // whoever asked may be gone
}

// maxRequest bounds the JSON of a request, in bytes.
const maxRequest = 1 << 20

// read reads the JSON of a request, or answers that it is none.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(v); err != nil {
		fail(w, http.StatusBadRequest, "the request is not the JSON that this address takes: %v", err)
		return false
	}
	return true
}
