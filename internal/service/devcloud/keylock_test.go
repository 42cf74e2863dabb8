package devcloud

import (
	"sync"
	"testing"
	"time"
)

func TestKeyLocks(t *testing.T) {
	l := newKeyLocks()
	a, b := stored("bucket", "a"), stored("bucket", "b")
	value := map[string]int{}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 200 {
				switch i % 4 {
				case 0:
					release := l.lock(a)
					value["a"]++
					release()
				case 1:
					release := l.lockCopy(a, b)
					value["b"] = value["a"]
					release()
				case 2:
					release := l.lockCopy(b, a)
					value["a"] = max(value["a"], value["b"])
					release()
				case 3:
					release := l.lockCopy(a, stored("bucket", "/a"))
					value["a"]++
					release()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(waitTimeout):
		t.Fatal("deadlock")
	}
	if want := 2 * 4 * 200; value["a"] != want {
		t.Errorf("%d writes, want %d", value["a"], want)
	}
	if len(l.locks) != 0 {
		t.Errorf("%d locks are left", len(l.locks))
	}
}

func TestStoredKeys(t *testing.T) {
	for key, want := range map[string]string{
		"a/b.jpg": "a/b.jpg", "a//b.jpg": "a/b.jpg", "a/./b.jpg": "a/b.jpg", "a/": "a/", "a//": "a/", "/a": "a", "": "", "夏/+": "夏/+",
	} {
		if got := stored("b", key).Key; got != want {
			t.Errorf("%q is stored as %q, want %q", key, got, want)
		}
	}
}
