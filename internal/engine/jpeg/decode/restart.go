package decode

import "github.com/imgmill/imgmill/internal/engine/jpeg/stream"

// restarts counts MCUs from one restart marker to the next.
type restarts struct {
	interval, left int
	more           int  // number of restarts still to come
	next           byte // number of the next restart marker
	found          byte // marker that ended the segment; 0 at the end of the stream
	pending        bool // whether found belongs to a later restart
	// starved is set if the data has ended early; everything up to the next marker found stays
	// empty.
	starved bool
}

// newRestarts returns the restarts expected in the given number of MCUs.
func newRestarts(interval, mcus int) restarts {
	r := restarts{interval: interval, left: interval}
	if interval > 0 {
		r.more = ceilDiv(mcus, interval) - 1
	}
	return r
}

// run returns how many of n MCUs can be decoded before the next restart.
func (r *restarts) run(n int) int {
	if r.interval == 0 {
		return n
	}
	return min(n, r.left)
}

// pass counts n decoded MCUs.
func (r *restarts) pass(n int) {
	if r.interval > 0 {
		r.left -= n
	}
}

func (r *restarts) due() bool { return r.interval > 0 && r.left == 0 }

// continues reports whether a marker at the end of a segment announces another segment.
func (r *restarts) continues(found byte) bool {
	return r.interval > 0 && found >= stream.RST0 && found <= stream.RST7
}

// segment reads the entropy-coded data between two markers.
type segment interface {
	// start starts the segment at the source's position, or one that has been read ahead.
	start()
	// finish skips the remaining data. It returns what that is, and the marker that ends it, which
	// is 0 at the end of the stream. Only zeros can be read afterwards.
	finish() (rest remainder, found byte)
	// beyond returns how many bytes after that marker the source has read.
	beyond() int
}

// remainder is the data between the last block of a segment and the marker.
type remainder struct {
	bytes int // number of whole bytes
	// foreign is set if the bits between the last block and the first whole byte are not padding:
	// encoders make them all ones (T.81 F.1.2.3), and some make them zeros.
	foreign bool
}

// remainderAt returns the remainder after bit pos of mem, which ends at bit end.
func remainderAt(mem []byte, pos, end uint) remainder {
	if pos >= end {
		return remainder{}
	}
	r := remainder{bytes: int(end-pos) / 8}
	if pos&7 != 0 {
		ones := byte(0xFF) >> (pos & 7)
		pad := mem[pos>>3] & ones
		r.foreign = pad != 0 && pad != ones
	}
	return r
}

// damaged reports whether the data after the last block shows that blocks were decoded wrongly.
// Bytes that a writer or a transport left before a marker are none, however many there are: every
// block is there, and libjpeg and browsers skip them. A decoder that has lost synchronisation also
// ends too early, but then most likely amid a code, so that no padding precedes what is left.
func (r remainder) damaged(tolerated int) bool { return r.bytes > tolerated && r.foreign }

// finish skips the rest of a segment and returns it.
func (r *restarts) finish(s segment) (rest remainder) {
	if !r.pending {
		rest, r.found = s.finish()
	}
	return rest
}

// restart continues after the expected restart marker. If another marker is found, it
// resynchronises as libjpeg does (jpeg_resync_to_restart). A marker one or two ahead means that
// data is missing: the segment stays empty and the marker stays pending. A marker one or two behind
// is an old one and is skipped, as invalid ones are. Any other restart marker is treated as the
// expected one. Neither is damage: what was skipped was too much, or a number is wrong. Where it was
// a part of the picture, a later marker is missing, or the scan ends early.
func (d *Decoder) restart(s segment, r *restarts) error {
	rest := r.finish(s)
	beyond := s.beyond()
	due := r.next
	r.left = r.interval
	r.next = (r.next + 1) & 7
	r.more--
	damage := ""
	if rest.damaged(0) {
		damage = "extra data before a restart marker"
	}
	r.pending = false
	for r.found != stream.RST0+due {
		ahead := (r.found - stream.RST0 - due) & 7
		switch m := r.found; {
		case m == 0 || m > stream.RST7 || m >= stream.SOF0 && m < stream.RST0,
			m >= stream.RST0 && m <= stream.RST7 && (ahead == 1 || ahead == 2):
			r.pending = true
			damage = "missing restart marker"
		case m < stream.SOF0 || ahead >= 6:
			r.found, _ = d.src.marker()
			continue
		}
		break
	}
	if damage != "" {
		if err := d.flag(beyond, damage); err != nil {
			return err
		}
	}
	if !r.pending {
		r.starved = false
		s.start()
	}
	return nil
}
