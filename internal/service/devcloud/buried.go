package devcloud

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// Only one process may open the files of the queue. A running cloud therefore answers questions about
// its buried messages, on a port of loopback of its own, to whoever knows the account's secret:
//
//	GET  /buried?max=N   the buried messages, as JSON
//	POST /unbury?id=ID   204, or 404 if there is no such message

// openBuried opens the listener for these questions.
func (c *Cloud) openBuried() (err error) {
	c.buried, err = listenOn(0)
	return err
}

// serveBuried answers the questions until the cloud stops.
func (c *Cloud) serveBuried() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /buried", c.listBuried)
	mux.HandleFunc("POST /unbury", c.unbury)
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			access, secret, _ := r.BasicAuth()
			if subtle.ConstantTimeCompare([]byte(access+":"+secret), []byte(c.account.Access+":"+c.account.Secret)) != 1 {
				http.Error(w, "wrong credentials", http.StatusUnauthorized)
				return
			}
			mux.ServeHTTP(w, r)
		}),
	}
	context.AfterFunc(c.ctx, func() { server.Close() })
	c.background.Go(func() {
		if err := server.Serve(c.buried); !errors.Is(err, http.ErrServerClosed) {
			c.cfg.Log.Warn("failures cannot be listed while this runs", "error", err)
		}
	})
}

func (c *Cloud) listBuried(w http.ResponseWriter, r *http.Request) {
	most, err := strconv.Atoi(r.FormValue("max"))
	if err != nil || most < 1 {
		http.Error(w, "max is no number from 1 on", http.StatusBadRequest)
		return
	}
	list, err := c.queue.Buried(r.Context(), most)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the client sees that the connection ended early
}

func (c *Cloud) unbury(w http.ResponseWriter, r *http.Request) {
	switch err := c.queue.Unbury(r.Context(), r.FormValue("id")); {
	case errors.Is(err, queue.ErrNotBuried):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// BuriedQueue is the part of a queue that holds what was buried.
type BuriedQueue interface {
	Buried(ctx context.Context, max int) ([]queue.Buried, error)
	Unbury(ctx context.Context, id string) error
	Close() error
}

// Buried returns the buried messages of the running cloud at the address.
func (a Address) Buried() BuriedQueue { return remoteBuried{a} }

// remoteBuried asks a running cloud.
type remoteBuried struct{ address Address }

func (q remoteBuried) Buried(ctx context.Context, most int) (list []queue.Buried, err error) {
	data, err := q.ask(ctx, http.MethodGet, "/buried?max="+strconv.Itoa(most))
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(data, &list)
}

func (q remoteBuried) Unbury(ctx context.Context, id string) error {
	_, err := q.ask(ctx, http.MethodPost, "/unbury?id="+url.QueryEscape(id))
	return err
}

func (q remoteBuried) Close() error { return nil }

func (q remoteBuried) ask(ctx context.Context, method, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, q.address.Queue+path, nil)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(q.address.Access, q.address.Secret)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // without a proxy
	answer, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask imgmill dev: %w", err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	text := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask imgmill dev: %w", err)
	case answer.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %s", queue.ErrNotBuried, text)
	case answer.StatusCode >= 300:
		return nil, fmt.Errorf("ask imgmill dev: %s: %s", answer.Status, text)
	}
	return data, nil
}
