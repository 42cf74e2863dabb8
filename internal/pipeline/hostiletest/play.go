package hostiletest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Place is where the pipeline runs.
type Place struct {
	Store bucket.Store
	// Upload puts an object into the source, and returns the key under which it is stored. An error means
	// that the store does not accept the key.
	Upload func(key string, data []byte, a bucket.Attributes) (stored string, err error)
	// Settle waits until all uploads are settled, and returns the log and what it reports on changes.
	Settle func() (log string, lines []outcome.Change)
}

// Recipe is the recipe of the place, with default settings.
func Recipe(t *testing.T, source, target string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "hostile", fmt.Appendf(nil,
		"source: {bucket: %s, suffixes: []}\ntarget: {bucket: %s, key: '{variant}/{key}'}\n"+
			"on_bad: {prefix: failed/}\nvariants: {same: {width: 16}}\n", source, target))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Play uploads the whole list: each picture, and under each name a good picture and a damaged one, all
// of them with hostile headers. It checks that each upload is settled once and has one variant or
// one record, that nothing in the target holds a marker, and that the log has no hidden character.
func Play(t *testing.T, r *recipe.Recipe, p Place) {
	t.Helper()
	uploads := map[string]int{} // by key
	refused := 0
	upload := func(key string, data []byte) string {
		stored, err := p.Upload(key, data, Attributes())
		if err != nil {
			t.Logf("%.80q is not accepted: %.200v", key, err)
			refused++
			return key
		}
		uploads[stored]++
		return stored
	}
	pictures := map[string]string{}
	for i, picture := range Pictures() {
		pictures[upload(fmt.Sprintf("%03d%s", i, picture.Extension()), picture.Data)] = picture.Name
	}
	photo := sample.Photo(60, 40)
	for _, name := range Names() {
		upload(name, photo)
		upload("damaged/"+name, photo[:900])
	}
	if refused > len(Names())/2 {
		t.Errorf("%d uploads are refused", refused)
	}
	log, lines := p.Settle()
	if i := strings.IndexFunc(log, func(r rune) bool { return r != '\n' && outcome.Hidden(r) }); i >= 0 {
		t.Errorf("a hidden character in the log: %q", log[max(0, i-80):min(len(log), i+80)])
	}
	if Holds([]byte(log)) {
		t.Error("a marker in the log")
	}
	settled := map[string][]outcome.Change{}
	for _, line := range lines {
		if line.Verdict == outcome.Retry {
			t.Errorf("%q: %s", line.Key, line.Reason)
		}
		settled[valid(line.Key)] = append(settled[valid(line.Key)], line)
	}
	listed := list(t, r, p.Store)
	for key, n := range uploads {
		changes := settled[valid(key)]
		if len(changes) != n {
			t.Errorf("%q was uploaded %d times and settled %d times", key, n, len(changes))
			continue
		}
		done := slices.ContainsFunc(changes, func(c outcome.Change) bool { return c.Verdict == outcome.Done })
		if name := pictures[key]; name != "" && !done {
			t.Errorf("%s: %+v", name, changes)
		}
		variant := clean(t, r, p.Store, "same/"+key)
		record := clean(t, r, p.Store, "failed/"+key+".json")
		if variant != done || record && variant {
			t.Errorf("%q: %+v; variant %t, record %t", key, changes, variant, record)
		}
		for _, made := range []string{"same/" + key, "failed/" + key, "failed/" + key + ".json"} {
			delete(listed, printable(made))
		}
	}
	for name := range listed {
		if !strings.HasPrefix(name, "failed/long-keys/") {
			t.Errorf("%q was written", name)
		}
	}
}

// valid returns a key as JSON holds it, with a replacement for each invalid byte.
func valid(key string) string { return string([]rune(key)) }

// printable returns a key as a listing in XML may hold it.
func printable(key string) string {
	return strings.Map(func(r rune) rune {
		if outcome.Hidden(r) {
			return utf8.RuneError
		}
		return r
	}, valid(key))
}

// list returns the keys in the target, as far as they are printable.
func list(t *testing.T, r *recipe.Recipe, store bucket.Store) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	for info, err := range store.List(t.Context(), r.Target.Bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys[printable(info.Key)] = true
	}
	return keys
}

// clean reports whether there is an object in the target. It must not hold a marker.
func clean(t *testing.T, r *recipe.Recipe, store bucket.Store, key string) bool {
	t.Helper()
	o, err := store.Get(t.Context(), r.Target.Bucket, key, bucket.Condition{})
	if err != nil {
		if len(key) <= 1024 && !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("%q: %v", key, err)
		}
		return false
	}
	data, err := io.ReadAll(o.Body)
	if err := o.Body.Close(); err != nil {
		t.Error(err)
	}
	headers := fmt.Sprint(o.ContentType, o.CacheControl, o.ContentDisposition, o.Metadata)
	if err != nil || Holds(data) || Holds([]byte(headers)) {
		t.Errorf("%q holds a marker, or cannot be read: %v; headers %s", key, err, headers)
	}
	return true
}
