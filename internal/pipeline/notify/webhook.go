package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// EnvSecrets holds secrets as NAME=VALUE, with spaces between them. The function of a deployment has them in
// this one variable, because the parameters of a template have fixed names.
const EnvSecrets = "IMGMILL_SECRETS"

// Secret returns the secret of a name: the environment variable of that name, or its value in EnvSecrets.
func Secret(name string, getenv func(string) string) string {
	if s := getenv(name); s != "" {
		return s
	}
	for pair := range strings.FieldsSeq(getenv(EnvSecrets)) {
		if n, value, ok := strings.Cut(pair, "="); ok && n == name {
			return value
		}
	}
	return ""
}

const (
	secretPrefix = "whsec_"
	// The length of a key, in bytes (Standard Webhooks, "Signature scheme").
	minKey, maxKey = 24, 64
)

// webhook posts events to a URL.
type webhook struct {
	url    string
	keys   [][]byte
	client *http.Client
	now    func() time.Time
}

// newWebhook returns a webhook. The secret is one or, while it is replaced, several with commas between them.
func newWebhook(url, name, secret string) (*webhook, error) {
	keys, err := ParseSecret(secret)
	if err != nil {
		return nil, fmt.Errorf("the secret in %s %w", name, err)
	}
	client := &http.Client{
		// A redirect would send the event, with a valid signature, to where nobody has agreed to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &webhook{url, keys, client, time.Now}, nil
}

// ParseSecret returns the keys of a secret: whsec_ and 24 to 64 bytes in base64, or several such with commas
// between them. The error does not quote it.
func ParseSecret(secret string) (keys [][]byte, err error) {
	for one := range strings.SplitSeq(secret, ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(one), secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
			return nil, errors.New("is not one of Standard Webhooks: write whsec_ and the base64 of 24 to 64 random bytes, " +
				`as this prints: echo "whsec_$(openssl rand -base64 32)"`)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// sign returns the header webhook-signature: a signature for each key.
func sign(keys [][]byte, id, timestamp string, body []byte) string {
	var list []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		io.WriteString(mac, id+"."+timestamp+".")
		mac.Write(body)
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(list, " ")
}

// send implements sender. The time that is signed is that of the attempt, since receivers refuse old ones.
func (w *webhook) send(ctx context.Context, e Event, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return refused("%w", err)
	}
	timestamp := strconv.FormatInt(w.now().Unix(), 10)
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("User-Agent", "imgmill")
	r.Header.Set("webhook-id", e.ID)
	r.Header.Set("webhook-timestamp", timestamp)
	r.Header.Set("webhook-signature", sign(w.keys, e.ID, timestamp, body))
	resp, err := w.client.Do(r)
	if err != nil {
		return unanswered(err)
	}
	drain(resp)
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return nil
	case code/100 == 3:
		return refused("it answers with a redirect (%s), which is not followed; write the address that it leads to", resp.Status)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return refused("it answers %s", resp.Status)
}

// unanswered returns the cause of an error of net/http, which repeats the URL.
func unanswered(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it does not answer within %v", timeout)
	}
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

// drain reads the rest of a small answer, so that the connection can be used again, and closes it.
func drain(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 4<<10)
	resp.Body.Close()
}
