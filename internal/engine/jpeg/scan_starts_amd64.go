//go:build !purego

package jpeg

// startEntry is an entry of startTables. The kernel adds it to a lane's state.
type startEntry = uint16

const (
	startShift = placeShift
	// startEnds is what an end-of-block code adds: more than other symbols of an entry together.
	startEnds = maxRun + 63
	// startUnknown is what an entry adds that holds no symbol: more than all others.
	startUnknown = startEnds + maxRun + 63
	// startInvalid is what an entry adds after which no place is valid.
	startInvalid = placeCount - 1 - placeEnd
)

// startResets maps a place to what must be subtracted from the state before the next step, or to
// more than any state if the kernel must stop.
var startResets = func() *[placeCount]uint16 {
	t := new([placeCount]uint16)
	for p := range t {
		switch before := p - startEnds; {
		case p < placeEnd:
		case p == placeEnd, before >= placeStart && before < placeEnd:
			t[p] = uint16(p-placeEnd) << placeShift
		default:
			t[p] = 1<<16 - 1
		}
	}
	return t
}()
