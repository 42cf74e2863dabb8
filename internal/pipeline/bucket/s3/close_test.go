package s3_test

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// sender responds to every request with an object of a given size, until it is sent or the
// connection is closed.
type sender struct {
	size  int
	stall bool // never send the last byte

	mu    sync.Mutex
	from  []string // connection of each request
	ended chan sent
}

// sent describes how a response ended.
type sent struct {
	bytes int
	err   error
}

func (s *sender) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.from = append(s.from, r.RemoteAddr)
	s.mu.Unlock()
	w.Header().Set("ETag", `"e1"`)
	w.Header().Set("Content-Length", strconv.Itoa(s.size))
	w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==") // of other bytes, which is detected only at the end
	var end sent
	size := s.size
	if s.stall {
		size--
	}
	for piece := make([]byte, 64<<10); end.err == nil && end.bytes < size; {
		var n int
		n, end.err = w.Write(piece[:min(len(piece), size-end.bytes)])
		end.bytes += n
	}
	if s.stall {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	s.ended <- end
}

// TestCloseEarly closes objects that have been read in part. If much is left, the connection is
// closed; if little is left, the next request uses the same one.
func TestCloseEarly(t *testing.T) {
	const read = 100_000
	for _, test := range []struct {
		name    string
		size    int
		dropped bool
	}{
		{"much", 64 << 20, true},
		{"little", read + 200<<10, false},
		{"a byte", read + 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := &sender{size: test.size, ended: make(chan sent, 2)}
			store := open(t, server.answer)
			for range 2 {
				o, err := store.Get(t.Context(), "photos", "a.jpg", bucket.Condition{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(o.Body, make([]byte, read)); err != nil {
					t.Fatal(err)
				}
				if err := o.Body.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
				select {
				case end := <-server.ended:
					if (end.err != nil) != test.dropped || test.dropped && end.bytes > test.size/2 {
						t.Errorf("%d of %d bytes were sent, %v", end.bytes, test.size, end.err)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("the server is still sending")
				}
			}
			if again := server.from[0] == server.from[1]; again == test.dropped {
				t.Errorf("the second request used the same connection: %t", again)
			}
		})
	}
}

// TestCloseDoesNotWait closes an object of which little is left, but never sent.
func TestCloseDoesNotWait(t *testing.T) {
	const read = 100_000
	server := &sender{size: read + 10_000, stall: true, ended: make(chan sent, 1)}
	store := open(t, server.answer)
	o, err := store.Get(t.Context(), "photos", "a.jpg", bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(o.Body, make([]byte, read)); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- o.Body.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("close: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still waiting for the rest")
	}
	<-server.ended
}
