package decode

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// enoughAt is a sink that has enough at a row.
type enoughAt struct{ row int }

func (e enoughAt) Rows(_, y int, r plane.Rows) error {
	if y+r.N > e.row {
		return plane.ErrEnough
	}
	return nil
}

// sameEnoughByThreads checks that neither the number of threads nor the size of stretches changes what is
// found before a sink has enough, halfway down.
func sameEnoughByThreads(t testing.TB, file []byte, threads, size int) {
	t.Helper()
	var damage [2]string
	var errs [2]error
	for i, n := range []int{1, threads} {
		d, err := New(bytes.NewReader(file), Options{Threads: n})
		if err != nil {
			return
		}
		if i > 0 {
			d.stretchSize = size
		}
		report, err := d.Decode(context.Background(), enoughAt{d.header.Height / 2})
		damage[i], errs[i] = report.Damage, err
	}
	if damage[0] != damage[1] || fmt.Sprint(errs[0]) != fmt.Sprint(errs[1]) {
		t.Errorf("%d threads, stretches of %d bytes: got %q, %v, want %q, %v",
			threads, size, damage[1], errs[1], damage[0], errs[0])
	}
}

// TestEnoughByThreads damages pictures in many ways.
func TestEnoughByThreads(t *testing.T) {
	for _, sub := range jpegtest.Samplings {
		file := encoded(t, jpegtest.Noise(300, 200, sub.X, sub.Y, 1), encode.Options{Quality: 85})
		for i := range 90 {
			sameEnoughByThreads(t, damaged(file, i), 2+i%3, 300+i)
		}
	}
}

// TestDamageBeforeEnough puts an invalid code into one row of blocks and stops at each row: damage
// before that row is reported and damage after it is not, with and without helpers.
func TestDamageBeforeEnough(t *testing.T) {
	const side, damagedRow = 512, 40
	for _, ac := range []bool{false, true} {
		file := invalidCodeFile(side, damagedRow*side/8+20, ac)
		for row := range side / 8 {
			for _, threads := range []int{1, 2, 4} {
				d, err := New(bytes.NewReader(file), Options{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				d.stretchSize = 500 // about 10 rows
				report, err := d.Decode(context.Background(), enoughAt{8 * row})
				if err != plane.ErrEnough || (report.Damage != "") != (row >= damagedRow) {
					t.Errorf("AC %t, row %d, %d threads: %v, damage %q",
						ac, row, threads, err, report.Damage)
				}
			}
		}
		d, err := New(bytes.NewReader(file), Options{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(context.Background(), enoughAt{8 * damagedRow}); err == nil ||
			err == plane.ErrEnough {
			t.Errorf("AC %t, strict: %v", ac, err)
		}
	}
}

// TestBrokenWithinATakenStretch walks every stretch ahead as a helper does, so that an invalid code
// is found before the MCUs around it are taken.
func TestBrokenWithinATakenStretch(t *testing.T) {
	const side, damagedRow = 512, 40
	file := invalidCodeFile(side, damagedRow*side/8+20, true)
	ahead := 0
	for stop := range side / 8 {
		d, err := New(bytes.NewReader(file), Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.prepare(d.first, true, true); err != nil {
			t.Fatal(err)
		}
		d.comps[0].stride = d.comps[0].padX * 8
		d.stretchSize = 500
		s := d.newSequentialScan(d.first)
		w := s.walker
		w.jobs = make(chan *group, len(w.ring)) // no helpers: this thread makes every walk ahead
		w.start()
		for row := range stop + 1 {
			if err := s.row((s.rows - row) * s.mcus); err != nil {
				t.Fatal(err)
			}
		}
		if c := w.ring[w.head]; c.bad && c.taken < c.mcus && stop < damagedRow {
			ahead++
		}
		if got := w.broken(); got != (stop >= damagedRow) {
			t.Errorf("row %d: broken %t", stop, got)
		}
		w.stop()
	}
	if ahead == 0 {
		t.Error("no stretch was walked ahead beyond the MCUs taken")
	}
}

// TestSequentialStopsReading checks that a sequential picture is read only a little further than
// the sink needs.
func TestSequentialStopsReading(t *testing.T) {
	file := encoded(t, jpegtest.Noise(400, 4000, 2, 2, 1), encode.Options{Quality: 90})
	for _, threads := range []int{1, 2} {
		r := bytes.NewReader(file)
		d, err := New(r, Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(context.Background(), enoughAt{1000}); err != plane.ErrEnough {
			t.Fatal(err)
		}
		ahead := ringSize(threads, true)*stretchSize + scanRead
		if read := len(file) - r.Len(); read > len(file)/4+ahead+len(file)/50 {
			t.Errorf("%d threads: read %d of %d bytes for a quarter of the rows",
				threads, read, len(file))
		}
	}
}
