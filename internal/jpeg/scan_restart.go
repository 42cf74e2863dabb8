package jpeg

// restarts counts MCUs from one restart marker to the next.
type restarts struct {
	interval, left int
	next           byte // number of the marker that is due
	starved        bool // the data ended early: what is left up to the next marker that is found stays empty
}

func newRestarts(interval int) restarts { return restarts{interval: interval, left: interval} }

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

// restart goes on behind the restart marker that is due. If another marker comes first, it finds its feet as libjpeg does
// (jpeg_resync_to_restart): a marker one or two too early belongs to data that is missing, so the segment stays empty
// and the marker waits; one or two too late is an old one and is passed over; any other is taken for the one due.
func (d *Decoder) restart(b *bitReader, r *restarts) error {
	left := b.finish()
	due := r.next
	r.left = r.interval
	r.next = (r.next + 1) & 7
	damage := ""
	if left > 0 {
		damage = "data before a restart marker that is part of no block"
	}
	if b.found != markerRST0+due {
		damage = "restart marker missing"
	}
	waits := false
	for b.found != markerRST0+due {
		ahead := (b.found - markerRST0 - due) & 7
		switch m := b.found; {
		case m == 0 || m > markerRST7 || m >= markerSOF0 && m < markerRST0 || m <= markerRST7 && m >= markerRST0 && (ahead == 1 || ahead == 2):
			waits = true
		case m < markerSOF0 || ahead >= 6:
			b.found, _ = b.source.marker()
			continue
		}
		break
	}
	if !waits {
		r.starved = false
		b.start()
	}
	if damage != "" {
		return d.flag(0, damage)
	}
	return nil
}
