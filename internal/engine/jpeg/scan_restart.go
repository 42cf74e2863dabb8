package jpeg

// restarts counts MCUs from one restart marker to the next.
type restarts struct {
	interval, left int
	more           int  // restarts that are yet to come
	next           byte // number of the marker that is due
	found          byte // the marker that ended the segment, 0 at the end of the stream
	waits          bool // found belongs behind a restart that is yet to come
	starved        bool // the data ended early: what is left up to the next marker that is found stays empty
}

// newRestarts counts what is due in so many MCUs.
func newRestarts(interval, mcus int) restarts {
	r := restarts{interval: interval, left: interval}
	if interval > 0 {
		r.more = ceilDiv(mcus, interval) - 1
	}
	return r
}

// run is how many of n MCUs may be decoded before a restart is due.
func (r *restarts) run(n int) int {
	if r.interval == 0 {
		return n
	}
	return min(n, r.left)
}

// pass counts n MCUs.
func (r *restarts) pass(n int) {
	if r.interval > 0 {
		r.left -= n
	}
}

func (r *restarts) due() bool { return r.interval > 0 && r.left == 0 }

// goesOn tells whether a marker that ends a segment says that another follows.
func (r *restarts) goesOn(found byte) bool {
	return r.interval > 0 && found >= markerRST0 && found <= markerRST7
}

// segment reads the entropy-coded data between two markers.
type segment interface {
	// start begins the segment at the source's position, or goes on to the one that was read ahead.
	start()
	// finish passes over what is left of the data, and gives the number of whole bytes and the marker that ends it, 0 at
	// the end of the stream. From here on there are only zeros.
	finish() (left int, found byte)
	// beyond is how many bytes behind that marker the source has read.
	beyond() int
}

// finish passes over what is left of a segment and gives the number of whole bytes.
func (r *restarts) finish(s segment) (left int) {
	if !r.waits {
		left, r.found = s.finish()
	}
	return left
}

// restart goes on behind the restart marker that is due. If another marker comes first, it finds its feet as libjpeg does
// (jpeg_resync_to_restart): a marker one or two too early belongs to data that is missing, so the segment stays empty
// and the marker waits; one or two too late is an old one and is passed over; any other is taken for the one due.
func (d *Decoder) restart(s segment, r *restarts) error {
	left := r.finish(s)
	beyond := s.beyond()
	due := r.next
	r.left = r.interval
	r.next = (r.next + 1) & 7
	r.more--
	damage := ""
	if left > 0 {
		damage = "data before a restart marker that is part of no block"
	}
	if r.found != markerRST0+due {
		damage = "restart marker missing"
	}
	r.waits = false
	for r.found != markerRST0+due {
		ahead := (r.found - markerRST0 - due) & 7
		switch m := r.found; {
		case m == 0 || m > markerRST7 || m >= markerSOF0 && m < markerRST0 || m <= markerRST7 && m >= markerRST0 && (ahead == 1 || ahead == 2):
			r.waits = true
		case m < markerSOF0 || ahead >= 6:
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
	if !r.waits {
		r.starved = false
		s.start()
	}
	return nil
}
