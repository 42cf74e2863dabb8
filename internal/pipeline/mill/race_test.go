package mill_test

import (
	"bytes"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// These are the races of the simulation, one by one. Each test lets something happen before one
// store call of a slow process, and checks the outputs. An ETag depends on the bytes alone: a
// picture that is put back has its old one.

// racing returns a bench whose mill uses the store slow, while all other processes use the store
// itself.
func racing(t *testing.T, more string) (b *bench, slow *faulty, others *mill.Mill) {
	b = newBench(t, more)
	slow = &faulty{Store: b.store}
	others = mill.New(b.store, b.mill.Recipe)
	b.mill.Store = slow
	return b, slow, others
}

func (b *bench) unlink(name, key string) {
	b.Helper()
	if err := b.store.Delete(b.Context(), name, key, bucket.Condition{}); err != nil {
		b.Fatal(err)
	}
}

// wantVersion checks which outputs exist, and that all are of the version that c names.
func (b *bench) wantVersion(c event.Change, keys ...string) {
	b.Helper()
	b.wantOutputs(keys...)
	for _, key := range b.outputs() {
		if info, _ := b.get(key); info.Metadata[outcome.MetadataSourceETag] != c.ETag {
			b.Errorf("%s is of %s, want %s", key, info.Metadata[outcome.MetadataSourceETag], c.ETag)
		}
	}
}

func at(c event.Change, sequencer string) event.Change {
	c.Sequencer = sequencer
	return c
}

func settle(t *testing.T, m *mill.Mill, c event.Change) {
	t.Helper()
	if r := m.Process(t.Context(), c); r.Verdict == outcome.Retry || r.Verdict == outcome.Bad {
		t.Errorf("the other process: %s %q", r.Verdict, r.Reason)
	}
}

func TestWriterAndNewerVersion(t *testing.T) {
	for _, place := range []string{"put outputs/small/p.jpg", "put outputs/tiny/p.jpg", "head sources/p.jpg"} {
		for _, sequencer := range []string{"01", ""} {
			b, slow, others := racing(t, "")
			old := at(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), sequencer)
			var newer event.Change
			slow.at, slow.meet = place, func() {
				newer = at(b.upload("p.jpg", sample.Photo(40, 60), bucket.Attributes{}), "02")
				settle(t, others, newer)
			}
			b.mill.Process(t.Context(), old)
			b.wantVersion(newer, "small/p.jpg", "tiny/p.jpg")
		}
	}
}

// TestWriterAndRevert: a picture is replaced and put back while the writer of the version in
// between sleeps, so that the ETag of the output matches again.
func TestWriterAndRevert(t *testing.T) {
	for _, answer := range []error{nil, bucket.ErrTransient} { // with the second, the process ends after its first write
		b, slow, others := racing(t, "")
		first := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
		settle(t, others, first)
		second := at(b.upload("p.jpg", sample.Photo(40, 60), bucket.Attributes{}), "02")
		var third event.Change
		slow.at, slow.meet = "put outputs/small/p.jpg", func() {
			third = at(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), "03")
			settle(t, others, third)
			slow.op, slow.err = "head outputs/tiny", answer
		}
		r := b.mill.Process(t.Context(), second)
		if answer != nil {
			if r.Verdict != outcome.Retry {
				t.Fatalf("%s %q", r.Verdict, r.Reason)
			}
			slow.err = nil
			settle(t, b.mill, second)
		}
		b.wantVersion(third, "small/p.jpg", "tiny/p.jpg")
	}
}

// TestRemovalAndRevert: the same picture is uploaded again between the last check and the deletion.
func TestRemovalAndRevert(t *testing.T) {
	for _, fault := range []error{nil, bucket.ErrTransient} { // with the second, the process ends after its first deletion
		b, slow, others := racing(t, "on_remove: remove\n")
		settle(t, others, b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}))
		b.unlink("sources", "p.jpg")
		var back event.Change
		slow.at, slow.meet = "delete outputs/small/p.jpg", func() {
			back = at(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), "03")
			settle(t, others, back)
			slow.op, slow.err = "head outputs/tiny", fault
		}
		removed := event.Change{Bucket: "sources", Key: "p.jpg", Sequencer: "02", Removed: true}
		r := b.mill.Process(t.Context(), removed)
		if fault != nil {
			if r.Verdict != outcome.Retry {
				t.Fatalf("%s %q", r.Verdict, r.Reason)
			}
			slow.err = nil
			settle(t, b.mill, removed)
		}
		b.wantVersion(back, "small/p.jpg", "tiny/p.jpg")
	}
}

// TestWriterAndRemoval: the removal is processed, and finds nothing to remove, before the writer
// writes.
func TestWriterAndRemoval(t *testing.T) {
	for _, place := range []string{"put outputs/small/p.jpg", "put outputs/tiny/p.jpg"} {
		for _, fault := range []string{"", "put outputs/tiny", "head sources"} {
			b, slow, others := racing(t, "on_remove: remove\n")
			c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
			slow.at, slow.meet = place, func() {
				b.unlink("sources", "p.jpg")
				settle(t, others, event.Change{Bucket: "sources", Key: "p.jpg", Sequencer: "02", Removed: true})
				if fault != "" {
					slow.op, slow.err = fault, bucket.ErrTransient
				}
			}
			r := b.mill.Process(t.Context(), c)
			if fault != "" {
				if r.Verdict != outcome.Retry {
					t.Fatalf("%s, %s: %s %q", place, fault, r.Verdict, r.Reason)
				}
				slow.err = nil
				r = b.mill.Process(t.Context(), c)
			}
			if r.Verdict != outcome.Skipped {
				t.Errorf("%s, %s: %s %q", place, fault, r.Verdict, r.Reason)
			}
			b.wantOutputs()
		}
	}
}

// TestRemovalAndForeignObject: an object that has replaced an output since it was checked is not
// ours to delete.
func TestRemovalAndForeignObject(t *testing.T) {
	b, slow, others := racing(t, "on_remove: remove\n")
	settle(t, others, b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}))
	b.unlink("sources", "p.jpg")
	slow.at, slow.meet = "delete outputs/small/p.jpg", func() {
		if _, err := b.store.Put(t.Context(), "outputs", "small/p.jpg", []byte("mine"), bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	b.want(event.Change{Bucket: "sources", Key: "p.jpg", Removed: true}, outcome.Done, "")
	b.wantOutputs("small/p.jpg")
}

// TestSequencerNeedsETag: without an ETag, the version that was read may not be that of the
// sequencer.
func TestSequencerNeedsETag(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	c.ETag = ""
	b.want(c, outcome.Done, "")
	if info, _ := b.get("tiny/p.jpg"); info.Metadata[outcome.MetadataSequencer] != "" || info.Metadata[outcome.MetadataSourceETag] == "" {
		t.Errorf("metadata %v", info.Metadata)
	}
}

// TestBadPicturePutBack: the copy and the record are those of the picture that was put back while
// those of the one in between were being written. Their conditions cannot notice it.
func TestBadPicturePutBack(t *testing.T) {
	first, second := sample.Photo(60, 40)[:600], sample.Photo(40, 60)[:600]
	for _, place := range []string{"copy outputs/failed/p.jpg", "put outputs/failed/p.jpg.json"} {
		b, slow, others := racing(t, "on_bad: {prefix: failed/}\n")
		process := func(m *mill.Mill, c event.Change) {
			if r := m.Process(t.Context(), c); r.Verdict != outcome.Bad {
				t.Errorf("%s: %s %q", place, r.Verdict, r.Reason)
			}
		}
		process(others, b.upload("p.jpg", first, bucket.Attributes{}))
		between := at(b.upload("p.jpg", second, bucket.Attributes{}), "02")
		var last event.Change
		slow.at, slow.meet = place, func() {
			last = at(b.upload("p.jpg", first, bucket.Attributes{}), "03")
			process(others, last)
		}
		b.mill.Process(t.Context(), between)
		b.wantVersion(last, "failed/p.jpg", "failed/p.jpg.json")
		if _, copied := b.get("failed/p.jpg"); !bytes.Equal(copied, first) {
			t.Errorf("%s: the copy is of another picture", place)
		}
	}
}
