package buckettest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

func (s *suite) getIfMatch() {
	etag := s.put("x", "one", bucket.Attributes{})
	o, err := s.store.Get(s.ctx, s.bucket, "x", bucket.Condition{IfMatch: etag})
	if err != nil {
		s.Fatal(err)
	}
	body, err := io.ReadAll(o.Body)
	if err != nil || string(body) != "one" {
		s.Errorf("read %q, %v", body, err)
	}
	if err := o.Body.Close(); err != nil {
		s.Error(err)
	}
	s.put("x", "two", bucket.Attributes{})
	_, err = s.store.Get(s.ctx, s.bucket, "x", bucket.Condition{IfMatch: etag})
	s.want(err, bucket.ErrPrecondition, "get of a changed object")
}

func (s *suite) putIfAbsent() {
	absent := bucket.Condition{IfAbsent: true}
	etag, err := s.store.Put(s.ctx, s.bucket, "x", []byte("one"), bucket.Attributes{}, absent)
	if err != nil {
		s.Fatal(err)
	}
	_, err = s.store.Put(s.ctx, s.bucket, "x", []byte("two"), bucket.Attributes{}, absent)
	s.want(err, bucket.ErrPrecondition, "second put")
	if body, info := s.get("x"); body != "one" || info.ETag != etag {
		s.Errorf("after a failed put: %q, %+v", body, info)
	}
}

// putAfterDelete checks that an object which was deleted is absent. In a bucket with versioning,
// some stores find its delete marker.
func (s *suite) putAfterDelete() {
	s.put("x", "one", bucket.Attributes{})
	if err := s.store.Delete(s.ctx, s.bucket, "x", bucket.Condition{}); err != nil {
		s.Fatal(err)
	}
	absent := bucket.Condition{IfAbsent: true}
	if _, err := s.store.Put(s.ctx, s.bucket, "x", []byte("two"), bucket.Attributes{}, absent); err != nil {
		s.Errorf("put after a delete: %v", err)
	}
	s.wantBody("x", "two")
	_, err := s.store.Put(s.ctx, s.bucket, "x", []byte("three"), bucket.Attributes{}, absent)
	s.want(err, bucket.ErrPrecondition, "second put after a delete")
}

func (s *suite) putIfMatch() {
	_, err := s.store.Put(s.ctx, s.bucket, "x", []byte("one"), bucket.Attributes{}, bucket.Condition{IfMatch: "900150983cd24fb0d6963f7d28e17f72"})
	s.want(err, bucket.ErrPrecondition, "put over a missing object")
	_, err = s.store.Head(s.ctx, s.bucket, "x")
	s.want(err, bucket.ErrNotFound, "head after a failed put")
	first := s.put("x", "one", bucket.Attributes{})
	second, err := s.store.Put(s.ctx, s.bucket, "x", []byte("two"), bucket.Attributes{}, bucket.Condition{IfMatch: first})
	if err != nil {
		s.Fatalf("put over the present ETag: %v", err)
	}
	_, err = s.store.Put(s.ctx, s.bucket, "x", []byte("three"), bucket.Attributes{}, bucket.Condition{IfMatch: first})
	s.want(err, bucket.ErrPrecondition, "put over an old ETag")
	if body, info := s.get("x"); body != "two" || info.ETag != second {
		s.Errorf("after a failed put: %q, %+v", body, info)
	}
}

func (s *suite) deleteIfMatchAbsent() {
	err := s.store.Delete(s.ctx, s.bucket, "x", bucket.Condition{IfMatch: "900150983cd24fb0d6963f7d28e17f72"})
	if !errors.Is(err, bucket.ErrNotFound) && !errors.Is(err, bucket.ErrPrecondition) {
		s.Errorf("conditional delete of a missing object: error %v", err)
	}
}

func (s *suite) deleteIfMatch() {
	first := s.put("x", "one", bucket.Attributes{})
	second := s.put("x", "two", bucket.Attributes{})
	err := s.store.Delete(s.ctx, s.bucket, "x", bucket.Condition{IfMatch: first})
	s.want(err, bucket.ErrPrecondition, "delete of a changed object")
	s.wantBody("x", "two")
	if err := s.store.Delete(s.ctx, s.bucket, "x", bucket.Condition{IfMatch: second}); err != nil {
		s.Errorf("delete of an unchanged object: %v", err)
	}
	_, err = s.store.Head(s.ctx, s.bucket, "x")
	s.want(err, bucket.ErrNotFound, "head after delete")
}

// impossibleConditions checks that a store rejects conditions that make no sense instead of
// ignoring them.
func (s *suite) impossibleConditions() {
	etag := s.put("x", "one", bucket.Attributes{})
	_, err := s.store.Put(s.ctx, s.bucket, "x", []byte("two"), bucket.Attributes{}, bucket.Condition{IfMatch: etag, IfAbsent: true})
	s.want(err, bucket.ErrInvalid, "put if present and absent")
	_, err = s.store.Get(s.ctx, s.bucket, "x", bucket.Condition{IfAbsent: true})
	s.want(err, bucket.ErrInvalid, "get if absent")
	s.want(s.store.Delete(s.ctx, s.bucket, "x", bucket.Condition{IfAbsent: true}), bucket.ErrInvalid, "delete if absent")
	s.wantBody("x", "one")
}

func (s *suite) raceIfAbsent() { s.race("x", bucket.Condition{IfAbsent: true}) }

func (s *suite) raceIfMatch() {
	s.race("x", bucket.Condition{IfMatch: s.put("x", "before", bucket.Attributes{})})
}

// raceAfterDelete is raceIfAbsent where an object was deleted.
func (s *suite) raceAfterDelete() {
	s.put("x", "before", bucket.Attributes{})
	if err := s.store.Delete(s.ctx, s.bucket, "x", bucket.Condition{}); err != nil {
		s.Fatal(err)
	}
	s.race("x", bucket.Condition{IfAbsent: true})
}

// raceDelete lets a conditional delete and a conditional put of the same version race: one of them
// succeeds, and the other changes nothing.
func (s *suite) raceDelete() {
	for i := range 10 {
		key := fmt.Sprint("x", i)
		cond := bucket.Condition{IfMatch: s.put(key, "before", bucket.Attributes{})}
		var wg sync.WaitGroup
		var removed, replaced error
		wg.Go(func() { removed = s.store.Delete(s.ctx, s.bucket, key, cond) })
		wg.Go(func() {
			_, replaced = s.store.Put(s.ctx, s.bucket, key, []byte("after"), bucket.Attributes{}, cond)
		})
		wg.Wait()
		if (removed == nil) == (replaced == nil) {
			s.Fatalf("delete: %v, put: %v; want one of them to succeed", removed, replaced)
		}
		if removed != nil {
			s.wantBody(key, "after")
			continue
		}
		_, err := s.store.Head(s.ctx, s.bucket, key)
		s.want(err, bucket.ErrNotFound, "head after the delete has won")
	}
}

// race lets 16 writers put at once with the same condition: one succeeds, the others get
// ErrPrecondition, and the bytes of the first stay.
func (s *suite) race(key string, cond bucket.Condition) {
	s.Helper()
	const writers = 16
	var won [writers]error
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			<-start
			_, won[i] = s.store.Put(s.ctx, s.bucket, key, fmt.Appendf(nil, "writer %d", i), bucket.Attributes{}, cond)
		})
	}
	close(start)
	wg.Wait()
	var winners []int
	for i, err := range won {
		if err == nil {
			winners = append(winners, i)
		} else {
			s.want(err, bucket.ErrPrecondition, "writer %d", i)
		}
	}
	if len(winners) != 1 {
		s.Fatalf("%d of %d writers succeeded: %v", len(winners), writers, winners)
	}
	s.wantBody(key, fmt.Sprintf("writer %d", winners[0]))
}

func (s *suite) copy() {
	from := s.put("from", "bytes", bucket.Attributes{
		ContentType: "image/png", CacheControl: "no-store", Metadata: map[string]string{"old": "1", "both": "old"},
	})
	err := s.store.Copy(s.ctx, s.from("from"), s.bucket, "to/copy", bucket.Attributes{
		ContentType: "image/webp", ContentEncoding: "gzip", ContentDisposition: "attachment",
		Metadata: map[string]string{"new": "2", "both": "new"},
	}, bucket.Condition{})
	if err != nil {
		s.Fatal(err)
	}
	body, info := s.get("to/copy")
	if body != "bytes" || info.ContentType != "image/webp" || info.ContentEncoding != "gzip" || info.CacheControl != "" ||
		info.ContentDisposition != "attachment" {
		s.Errorf("the copy is %q, %+v", body, info)
	}
	s.wantMetadata(info, map[string]string{"new": "2", "both": "new"})
	body, info = s.get("from")
	if body != "bytes" || info.ETag != from || info.ContentType != "image/png" {
		s.Errorf("after the copy the original is %q, %+v", body, info)
	}
	s.wantMetadata(info, map[string]string{"old": "1", "both": "old"})
}

func (s *suite) copyOntoItself() {
	s.put("x", "bytes", bucket.Attributes{ContentType: "image/png", Metadata: map[string]string{"old": "1"}})
	attr := bucket.Attributes{ContentType: "image/gif", Metadata: map[string]string{"new": "2"}}
	err := s.store.Copy(s.ctx, s.from("x"), s.bucket, "x", attr, bucket.Condition{})
	if err != nil {
		s.Fatal(err)
	}
	body, info := s.get("x")
	if body != "bytes" || info.ContentType != "image/gif" {
		s.Errorf("%q, %+v", body, info)
	}
	s.wantMetadata(info, map[string]string{"new": "2"})
}

// copySource checks that a copy can be limited to a version of its source.
func (s *suite) copySource() {
	from := s.from("from")
	from.IfMatch = s.put("from", "one", bucket.Attributes{})
	if err := s.store.Copy(s.ctx, from, s.bucket, "to", bucket.Attributes{}, bucket.Condition{}); err != nil {
		s.Fatal(err)
	}
	s.put("from", "two", bucket.Attributes{})
	err := s.store.Copy(s.ctx, from, s.bucket, "to", bucket.Attributes{}, bucket.Condition{})
	s.want(err, bucket.ErrPrecondition, "copy of a changed object")
	s.wantBody("to", "one")
}

// copyTarget checks the conditions on the object that a copy replaces.
func (s *suite) copyTarget() {
	s.put("from", "one", bucket.Attributes{})
	copyIf := func(cond bucket.Condition) error {
		s.Helper()
		return s.store.Copy(s.ctx, s.from("from"), s.bucket, "to", bucket.Attributes{}, cond)
	}
	absent := bucket.Condition{IfAbsent: true}
	if err := copyIf(bucket.Condition{IfMatch: "900150983cd24fb0d6963f7d28e17f72"}); !errors.Is(err, bucket.ErrPrecondition) &&
		!errors.Is(err, bucket.ErrNotFound) {
		s.Errorf("copy over a missing object: error %v", err)
	}
	if err := copyIf(absent); err != nil {
		s.Fatalf("copy to an absent key: %v", err)
	}
	s.want(copyIf(absent), bucket.ErrPrecondition, "second copy")
	first := s.put("to", "theirs", bucket.Attributes{})
	second := s.put("to", "theirs too", bucket.Attributes{})
	s.want(copyIf(bucket.Condition{IfMatch: first}), bucket.ErrPrecondition, "copy over an old ETag")
	s.wantBody("to", "theirs too")
	if err := copyIf(bucket.Condition{IfMatch: second}); err != nil {
		s.Errorf("copy over the present ETag: %v", err)
	}
	s.wantBody("to", "one")
	s.want(copyIf(bucket.Condition{IfMatch: second, IfAbsent: true}), bucket.ErrInvalid, "copy over a present and absent object")
	if err := s.store.Delete(s.ctx, s.bucket, "to", bucket.Condition{}); err != nil {
		s.Fatal(err)
	}
	if err := copyIf(absent); err != nil {
		s.Errorf("copy after a delete: %v", err)
	}
}

// atomicOverwrite checks that while a writer replaces an object, readers always see a complete
// version with its own ETag.
func (s *suite) atomicOverwrite() {
	const size, rounds, readers = 64 << 10, 20, 4
	fill := func(c byte) string {
		b := make([]byte, size+int(c))
		for i := range b {
			b[i] = c
		}
		return string(b)
	}
	type seen struct {
		first byte
		etag  string
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	saw := make([]map[seen]int, readers)
	etags := map[seen]bool{{'a', s.put("x", fill('a'), bucket.Attributes{})}: true}
	for i := range readers {
		saw[i] = map[seen]int{}
		wg.Go(func() {
			for !stop.Load() {
				o, err := s.store.Get(s.ctx, s.bucket, "x", bucket.Condition{})
				if err != nil {
					s.Errorf("get during a put: %v", err)
					return
				}
				body, err := io.ReadAll(o.Body)
				_ = o.Body.Close()
				if err != nil || len(body) == 0 || string(body) != fill(body[0]) {
					s.Errorf("read %d bytes that are no version, error %v", len(body), err)
					return
				}
				saw[i][seen{body[0], o.ETag}]++
			}
		})
	}
	for i := range rounds {
		c := byte('a' + i%26)
		etags[seen{c, s.put("x", fill(c), bucket.Attributes{})}] = true
	}
	stop.Store(true)
	wg.Wait()
	for _, m := range saw {
		for v := range m {
			if !etags[v] {
				s.Errorf("a reader saw the bytes of version %q with ETag %s", v.first, v.etag)
			}
		}
	}
}
