package buckettest

import (
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// keepApart stores an object under each key and checks that none of them is another name of an
// earlier one. A key may be refused.
func (s *suite) keepApart(keys ...string) {
	s.Helper()
	bodies := map[string]string{}
	for i, key := range keys {
		body := fmt.Sprintf("body %d", i)
		_, err := s.store.Put(s.ctx, s.bucket, key, []byte(body), bucket.Attributes{}, bucket.Condition{})
		if errors.Is(err, bucket.ErrInvalid) {
			continue
		}
		if err != nil {
			s.Errorf("put %q: %v", key, err)
			continue
		}
		bodies[key] = body
	}
	for key, body := range bodies {
		s.wantBody(key, body)
	}
	for _, info := range s.listAll("") {
		if _, ok := bodies[info.Key]; !ok {
			s.Errorf("%q is listed, which was never stored", info.Key)
		}
		delete(bodies, info.Key)
	}
	for key := range bodies {
		s.Errorf("%q is not listed", key)
	}
}

func (s *suite) keysFolded() { s.keepApart("a/b", "a//b", "a/./b", "c", "./c", "/c", "d", "x/../d") }

func (s *suite) keysWithBackslash() { s.keepApart("a/b.jpg", `a\b.jpg`, `back\slash.jpg`) }

func (s *suite) keysBesideFolder() { s.keepApart("a", "a/x", "b/x", "b") }

func (s *suite) keysWithControls() { s.keepApart("a\nb.jpg", "a\tb.jpg", "a\x01b.jpg", "a\x7fb.jpg") }
