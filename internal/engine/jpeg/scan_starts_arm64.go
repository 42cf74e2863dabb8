//go:build !purego

package jpeg

// startEntry is an entry of startTables. The kernel adds it to a lane's state, which it holds as one
// word: from bit 0 on, the current bit, and from startShift on the place less placeEnd.
type startEntry = uint32

// What the symbols of an entry advance is such that bit 6 of the place less placeEnd+1 is set as long
// as the place is valid.
const (
	startShift = 20
	// startEnds is what an end-of-block code adds: more than other symbols of an entry together, and
	// after 63 places of the block it leads to an invalid place.
	startEnds = 128 + 1
	// startUnknown is what an entry adds that holds no symbol.
	startUnknown = 256 + 64
	// startInvalid is what an entry adds after which no place is valid.
	startInvalid = 384 + 64
)

// The current bit of a stretch fits below startShift.
const _ = uint(1<<startShift - 8*memSize)

// startResets is for the kernel of amd64 only.
var startResets *[placeCount]uint16
