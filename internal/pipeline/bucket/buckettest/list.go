package buckettest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

func (s *suite) listAll(prefix string) []bucket.Info {
	s.Helper()
	var all []bucket.Info
	for info, err := range s.store.List(s.ctx, s.bucket, prefix) {
		if err != nil {
			s.Fatalf("list %q: %v", prefix, err)
		}
		all = append(all, info)
	}
	return all
}

func (s *suite) wantKeys(prefix string, want ...string) {
	s.Helper()
	var got []string
	for _, info := range s.listAll(prefix) {
		got = append(got, info.Key)
	}
	if !slices.Equal(got, want) {
		s.Errorf("list %q:\n got %q\nwant %q", prefix, got, want)
	}
}

// list checks the byte order of whole keys, which is not the order of a file system walk ("-" and
// "." sort before "/").
func (s *suite) list() {
	s.wantKeys("")
	keys := []string{
		"a b/c.jpg", "a+b/c.jpg", "a-b.jpg", "a.jpg", "a/1.jpg", "a/10.jpg", "a/2.jpg", "a/b/c.jpg", "a0.jpg", "b%2F.jpg", "B.jpg", "夏/x.jpg", "夏休み.jpg",
	}
	etags := map[string]string{}
	for i, key := range keys {
		etags[key] = s.put(key, strings.Repeat("x", i), bucket.Attributes{ContentType: "image/png"})
	}
	sorted := slices.Sorted(slices.Values(keys))
	s.wantKeys("", sorted...)
	for _, info := range s.listAll("") {
		if want := int64(slices.Index(keys, info.Key)); info.Size != want || info.ETag != etags[info.Key] || info.Modified.IsZero() {
			s.Errorf("listed as %+v, want size %d and ETag %s", info, want, etags[info.Key])
		}
	}
	for _, prefix := range []string{"a", "a/", "a/1", "a/b/c.jpg", "a b", "a+", "b%", "夏", "夏/", "A", "zzz", "a/b/c.jpg/"} {
		var want []string
		for _, key := range sorted {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		s.wantKeys(prefix, want...)
	}
}

// listPages lists more objects than fit into one response of S3 (1000).
func (s *suite) listPages() {
	n := 1100
	if testing.Short() {
		n = 30
	}
	var want []string
	work := make(chan string)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for key := range work {
				if _, err := s.store.Put(s.ctx, s.bucket, key, []byte("x"), bucket.Attributes{}, bucket.Condition{}); err != nil {
					s.Errorf("put %q: %v", key, err)
				}
			}
		})
	}
	for i := range n {
		key := fmt.Sprintf("many/%02d +/%d.jpg", i%13, i)
		want = append(want, key)
		work <- key
	}
	close(work)
	wg.Wait()
	s.put("other.jpg", "x", bucket.Attributes{})
	s.wantKeys("many/", slices.Sorted(slices.Values(want))...)
}

// listStops checks that the iteration can be stopped.
func (s *suite) listStops() {
	for i := range 5 {
		s.put(fmt.Sprint(i), "x", bucket.Attributes{})
	}
	n := 0
	for _, err := range s.store.List(s.ctx, s.bucket, "") {
		if err != nil {
			s.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		s.Errorf("%d objects seen, want 2", n)
	}
}

// listAfterWrite checks that a listing shows every change that came before it.
func (s *suite) listAfterWrite() {
	for range 5 {
		etag := s.put("x", "one", bucket.Attributes{})
		s.wantKeys("", "x")
		second := s.put("x", "two", bucket.Attributes{})
		if all := s.listAll(""); len(all) != 1 || all[0].ETag != second || second == etag {
			s.Errorf("listed as %+v, want the ETag %s", all, second)
		}
		if err := s.store.Delete(s.ctx, s.bucket, "x", bucket.Condition{}); err != nil {
			s.Fatal(err)
		}
		s.wantKeys("")
	}
}
