package mill_test

import (
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// These are the races of the simulation, one by one: what the first process meets is in the table, the rest is what must
// come of it. An ETag is of the bytes: a picture that is put back gets its old one.

// racing is a bench whose process under test works over slow, and all others over the store itself.
func racing(t *testing.T, more string) (b *bench, slow *faulty, others *mill.Mill) {
	b = newBench(t, more)
	slow = &faulty{Store: b.store}
	others = &mill.Mill{Store: b.store, Recipe: b.mill.Recipe}
	b.mill.Store = slow
	return b, slow, others
}

func (b *bench) unlink(name, key string) {
	b.Helper()
	if err := b.store.Delete(b.Context(), name, key, bucket.Condition{}); err != nil {
		b.Fatal(err)
	}
}

// of checks of which version all outputs are.
func (b *bench) of(c event.Change, keys ...string) {
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

func TestWriterMeetsNewerVersion(t *testing.T) {
	for _, place := range []string{"head outputs/small/p.jpg", "put outputs/small/p.jpg", "put outputs/tiny/p.jpg"} {
		for _, sequencer := range []string{"01", ""} {
			b, slow, others := racing(t, "")
			old := at(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), sequencer)
			var newer event.Change
			slow.at, slow.meet = place, func() {
				newer = at(b.upload("p.jpg", sample.Photo(40, 60), bucket.Attributes{}), "02")
				settle(t, others, newer)
			}
			b.mill.Process(t.Context(), old)
			b.of(newer, "small/p.jpg", "tiny/p.jpg")
		}
	}
}

// TestWriterSleepsThroughAReturn: the output was of A, becomes one of A again, and a writer of B in between sees nothing.
func TestWriterSleepsThroughAReturn(t *testing.T) {
	for _, answer := range []error{nil, bucket.ErrTransient} { // the second: the process ends after its first write
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
		b.of(third, "small/p.jpg", "tiny/p.jpg")
	}
}

// TestRemovalMeetsReturn: the same picture is uploaded again between the last look and the deletion.
func TestRemovalMeetsReturn(t *testing.T) {
	for _, fault := range []error{nil, bucket.ErrTransient} { // the second: the process ends after its first deletion
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
		b.of(back, "small/p.jpg", "tiny/p.jpg")
	}
}

// TestWriterMeetsRemoval: the removal was told, and found nothing to remove, before the writer wrote.
func TestWriterMeetsRemoval(t *testing.T) {
	for _, place := range []string{"put outputs/small/p.jpg", "put outputs/tiny/p.jpg", "head outputs/tiny/p.jpg"} {
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

// TestRemovalMeetsForeignObject: what took an output's place since the look at it is not ours to delete.
func TestRemovalMeetsForeignObject(t *testing.T) {
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

// TestSequencerNeedsETag: without an ETag nobody knows whether the version that was read is the sequencer's.
func TestSequencerNeedsETag(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	c.ETag = ""
	b.want(c, outcome.Done, "")
	if info, _ := b.get("tiny/p.jpg"); info.Metadata[outcome.MetadataSequencer] != "" || info.Metadata[outcome.MetadataSourceETag] == "" {
		t.Errorf("metadata %v", info.Metadata)
	}
}
