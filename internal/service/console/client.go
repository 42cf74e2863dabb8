package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Client uploads through the console of another process, as its page does.
type Client struct {
	url, token string
	ended      context.CancelFunc // of the stream
	rows       chan shown         // that have changed; closed when the stream ends
	err        error              // why; read after rows
}

// Dial connects to the console at a URL.
func Dial(ctx context.Context, address, token string) (*Client, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &Client{url: strings.TrimSuffix(address, "/"), token: token, ended: cancel, rows: make(chan shown, maxBatch)}
	resp, err := c.ask(ctx, http.MethodGet, "/api/events", nil)
	if err != nil {
		cancel()
		return nil, err
	}
	lines := bufio.NewReader(resp.Body)
	// What comes before the first status are the rows so far.
	for event := ""; event != "status"; {
		if event, _, err = nextEvent(lines); err != nil {
			cancel()
			return nil, errors.Join(fmt.Errorf("the console at %s: %w", c.url, err), resp.Body.Close())
		}
	}
	go func() {
		defer close(c.rows)
		defer resp.Body.Close()
		c.err = c.listen(ctx, lines)
	}()
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() { c.ended() }

// listen passes on the rows of the stream until that ends.
func (c *Client) listen(ctx context.Context, lines *bufio.Reader) error {
	for {
		event, data, err := nextEvent(lines)
		if err != nil {
			return fmt.Errorf("the console at %s: %w", c.url, err)
		}
		var changed []shown
		if event != "rows" {
			continue
		}
		if err := json.Unmarshal(data, &changed); err != nil {
			return fmt.Errorf("the console at %s: %w", c.url, err)
		}
		for _, r := range changed {
			select {
			case c.rows <- r:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// nextEvent reads one event of a stream.
func nextEvent(lines *bufio.Reader) (event string, data []byte, err error) {
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return "", nil, err
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "event":
			event = string(value)
		case "data":
			data = value
		case "":
			if len(line) == 0 && event != "" {
				return event, data, nil
			}
		}
	}
}

// ask sends a request. A status other than 200 is an error with the text of the answer.
func (c *Client) ask(ctx context.Context, method, target string, body []byte) (*http.Response, error) {
	u, err := url.Parse(c.url)
	if err != nil {
		return nil, err
	}
	to, err := u.Parse(target)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if to.Host == u.Host {
		r.Header.Set("Origin", c.url)
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRequest))
		return nil, errors.Join(fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text))), resp.Body.Close())
	}
	return resp, nil
}

// get sends a request and decodes the answer.
func (c *Client) get(ctx context.Context, method, target string, body []byte, into any) error {
	resp, err := c.ask(ctx, method, target, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// Upload uploads a file, and returns its key and what became of it.
func (c *Client) Upload(ctx context.Context, name string, data []byte) (key string, r mill.Result, err error) {
	names, err := json.Marshal([]string{name})
	if err != nil {
		return "", r, err
	}
	var uploads []Upload
	if err := c.get(ctx, http.MethodPost, "/api/uploads", names, &uploads); err != nil {
		return "", r, err
	}
	if len(uploads) != 1 {
		return "", r, fmt.Errorf("the console at %s has no address for %s", c.url, name)
	}
	key = uploads[0].Key
	resp, err := c.ask(ctx, http.MethodPut, uploads[0].URL, data)
	if err != nil {
		return key, r, err
	}
	etag := strings.Trim(resp.Header.Get("ETag"), `"`)
	if err := resp.Body.Close(); err != nil {
		return key, r, err
	}
	for {
		select {
		case row, ok := <-c.rows:
			if !ok {
				return key, r, c.err
			}
			// What is left out by its name has no ETag.
			if row.Key == key && final(row.State) && (row.ETag == etag || row.ETag == "") {
				r, err = c.result(ctx, key)
				return key, r, err
			}
		case <-ctx.Done():
			return key, r, ctx.Err()
		}
	}
}

// result returns what became of a picture.
func (c *Client) result(ctx context.Context, key string) (r mill.Result, err error) {
	var d struct {
		Row
		Variants []struct {
			Name, Set, Key, Format string
			W, H, Bytes            int
		} `json:"variants"`
	}
	if err := c.get(ctx, http.MethodGet, "/api/picture?"+query("key", key), nil, &d); err != nil {
		return r, err
	}
	r = mill.Result{
		Verdict: outcome.Verdict(d.State), Reason: d.Reason, Failed: d.Failed, Dropped: d.Dropped,
		Source:  mill.Picture{Format: d.Format, Width: d.Width, Height: d.Height, Bytes: d.Bytes, ETag: d.ETag},
		Elapsed: time.Duration(d.MS * float64(time.Millisecond)),
	}
	for _, v := range d.Variants {
		r.Variants = append(r.Variants, mill.Variant{
			Name: v.Name, Set: v.Set, Key: v.Key, Format: v.Format, Width: v.W, Height: v.H, Bytes: v.Bytes,
		})
	}
	return r, nil
}
