package hevc

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// bitWriter writes what bitReader reads.
type bitWriter struct {
	data []byte
	n    int // bits
}

func (w *bitWriter) u(n int, v int) {
	for i := n - 1; i >= 0; i-- {
		if w.n&7 == 0 {
			w.data = append(w.data, 0)
		}
		w.data[w.n>>3] |= byte(v>>i&1) << (7 - w.n&7)
		w.n++
	}
}

func (w *bitWriter) flag(v bool) bool {
	if v {
		w.u(1, 1)
	} else {
		w.u(1, 0)
	}
	return v
}

func (w *bitWriter) ue(v int) int {
	n := bits.Len(uint(v + 1))
	w.u(2*n-1, v+1)
	return v
}

func (w *bitWriter) se(v int) int {
	if v > 0 {
		w.ue(2*v - 1)
	} else {
		w.ue(-2 * v)
	}
	return v
}

// nal returns a NAL unit with a start code. The payload ends with a one and zeros, if it has bits left.
func nal(kind int, w *bitWriter, data []byte) []byte {
	w.u(1, 1)
	for w.n&7 != 0 {
		w.u(1, 0)
	}
	b := []byte{0, 0, 0, 1, byte(kind << 1), 1}
	zeros := 0
	for _, v := range append(w.data, data...) {
		if zeros >= 2 && v <= 3 {
			b = append(b, 3)
			zeros = 0
		}
		b = append(b, v)
		zeros++
		if v != 0 {
			zeros = 0
		}
	}
	return b
}

// randomCoder writes a picture of a random size and format that uses a random choice of coding tools,
// and whose slice data are random. To an arithmetic decoder nearly all bytes mean something, so blocks
// get random modes, sizes and coefficients, as likely as the context variables say.
type randomCoder struct {
	*rand.Rand
	sps, pps bitWriter

	width, height           int // in CTBs
	ctb, minCB, maxTB       int // log2
	chroma, depth           int
	sao, tiles, wavefronts  bool
	scaling, rotation       bool
	density                 int // percent
	dependent, offsets      bool
	offsetList, override    bool
	acrossSlices, deblocked bool
	columns, rows           int
}

func (g *randomCoder) chance(percent int) bool { return g.IntN(100) < percent }

// tool says whether to use a coding tool. Some streams have few of them, so that faults of different tools
// in other decoders do not meet.
func (g *randomCoder) tool(percent int) bool { return g.chance(percent * g.density / 100) }

func (g *randomCoder) between(lo, hi int) int { return lo + g.IntN(hi-lo+1) }

func profile(w *bitWriter) {
	w.u(8, 4) // format range extensions
	w.u(32, 1<<27)
	w.u(16, 0x8000)
	w.u(32, 0)
	w.u(8, 186)
}

// vps returns a video parameter set, which other decoders want.
func vps() []byte {
	w := &bitWriter{}
	w.u(4, 0)
	w.u(2, 3)
	w.u(6, 0)
	w.u(3, 0)
	w.u(1, 1)
	w.u(16, 0xffff)
	profile(w)
	w.u(1, 1)
	w.ue(0)
	w.ue(0)
	w.ue(0)
	w.u(6, 0)
	w.ue(0)
	w.u(1, 0)
	w.u(1, 0)
	return nal(nalVPS, w, nil)
}

// writeSPS writes a sequence parameter set.
func (g *randomCoder) writeSPS() {
	w := &g.sps
	w.u(4, 0)
	w.u(3, 0)
	w.u(1, 1)
	profile(w)
	w.ue(0)
	w.ue(g.chroma)
	if g.chroma == 3 {
		w.u(1, 0)
	}
	g.minCB = g.between(3, min(g.ctb, 4))
	minCB := g.minCB
	unit := 1 << minCB
	width, height := unit*g.between(1, 160/unit), unit*g.between(1, 128/unit)
	if g.chance(50) {
		width, height = max(width, 64), max(height, 64)
	}
	g.width, g.height = (width+1<<g.ctb-1)>>g.ctb, (height+1<<g.ctb-1)>>g.ctb
	w.ue(width)
	w.ue(height)
	w.u(1, 0)
	w.ue(g.depth - 8)
	w.ue(g.depth - 8)
	w.ue(0)
	w.u(1, 1)
	w.ue(0)
	w.ue(0)
	w.ue(0)
	w.ue(minCB - 3)
	w.ue(g.ctb - minCB)
	minTB := g.between(2, minCB-1)
	g.maxTB = g.between(minTB, min(g.ctb, 5))
	w.ue(minTB - 2)
	w.ue(g.maxTB - minTB)
	w.ue(0)
	w.ue(g.between(0, g.ctb-minTB))
	if g.scaling = w.flag(g.tool(50)); g.scaling {
		if w.flag(g.tool(60)) {
			g.scalingLists(w)
		}
	}
	w.u(1, 0)
	g.sao = w.flag(g.tool(70))
	if w.flag(g.tool(30)) {
		w.u(4, g.between(1, g.depth)-1)
		w.u(4, g.between(1, g.depth)-1)
		lo := g.between(min(minCB, 5), min(g.ctb, 5))
		w.ue(lo - 3)
		w.ue(g.between(lo, min(g.ctb, 5)) - lo)
		w.flag(g.tool(50))
	}
	w.ue(0)
	w.u(1, 0)
	w.u(1, 0)
	w.flag(g.tool(60))
	w.u(1, 0)
	if w.flag(g.tool(60)) {
		w.u(8, 0x80)
		g.rotation = w.flag(g.tool(50))
		w.flag(g.tool(50)) // context
		w.flag(g.tool(50)) // implicit RDPCM
		w.u(1, 0)
		w.u(1, 0)
		w.flag(g.tool(20)) // no smoothing
		w.u(1, 0)
		w.flag(g.tool(50)) // persistent Rice
		w.u(1, 0)
	}
}

// scalingLists writes random scaling lists.
func (g *randomCoder) scalingLists(w *bitWriter) {
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6; matrix += step {
			if !w.flag(g.chance(60)) {
				w.ue(g.between(0, matrix/step))
				continue
			}
			n, last := 64, 8
			if size == 0 {
				n = 16
			}
			if size > 1 {
				last = g.between(1, 40)
				w.se(last - 8)
			}
			for range n {
				next := min(max(last+g.between(-4, 5), 1), 255)
				w.se(next - last)
				last = next
			}
		}
	}
}

// writePPS writes a picture parameter set.
func (g *randomCoder) writePPS() {
	w := &g.pps
	w.ue(0)
	w.ue(0)
	g.dependent = w.flag(g.tool(40))
	w.u(1, 0)
	w.u(3, 0)
	w.flag(g.tool(50))
	w.flag(g.tool(50))
	w.ue(0)
	w.ue(0)
	w.se(g.between(-20, 20))
	w.flag(g.tool(50))
	skip := w.flag(g.tool(50))
	if w.flag(g.tool(60)) {
		w.ue(g.between(0, g.ctb-g.minCB))
	}
	w.se(g.between(-6, 6))
	w.se(g.between(-6, 6))
	g.offsets = w.flag(g.tool(40))
	w.u(2, 0)
	w.flag(!g.rotation && g.tool(40)) // ffmpeg 5.1 does not rotate without transforms
	g.tiles = g.width*g.height > 1 && g.tool(40)
	g.wavefronts = !g.tiles && g.tool(40)
	w.flag(g.tiles)
	w.flag(g.wavefronts)
	g.columns, g.rows = 1, 1
	if g.tiles {
		g.columns, g.rows = g.between(1, min(g.width, 4)), g.between(1, min(g.height, 4))
		if g.columns*g.rows == 1 {
			if g.width > 1 {
				g.columns = 2
			} else {
				g.rows = 2
			}
		}
		w.ue(g.columns - 1)
		w.ue(g.rows - 1)
		if !w.flag(g.tool(50)) {
			for _, n := range [][2]int{{g.width, g.columns}, {g.height, g.rows}} {
				left := n[0]
				for i := n[1] - 1; i > 0; i-- {
					size := g.between(1, left-i)
					w.ue(size - 1)
					left -= size
				}
			}
		}
		w.flag(g.tool(50))
	}
	g.acrossSlices = w.flag(g.tool(60))
	g.deblocked = true
	if w.flag(g.tool(60)) {
		g.override = w.flag(g.tool(50))
		if g.deblocked = !w.flag(g.tool(30)); g.deblocked {
			w.se(g.between(-6, 6))
			w.se(g.between(-6, 6))
		}
	}
	if w.flag(g.scaling && g.tool(30)) {
		g.scalingLists(w)
	}
	w.u(1, 0)
	w.ue(0)
	w.u(1, 0)
	if w.flag(g.tool(60)) {
		w.u(8, 0x80)
		switch {
		case skip && g.scaling: // libde265 1.0.11 scales larger blocks without transforms
			w.ue(0)
		case skip:
			w.ue(g.between(0, g.maxTB-2))
		}
		w.flag(g.chroma == 3 && g.tool(60))
		if g.offsetList = w.flag(g.chroma != 0 && g.tool(50)); g.offsetList {
			w.ue(g.between(0, g.ctb-g.minCB))
			n := w.ue(5) + 1 // ffmpeg 5.1 reads shorter lists as if they had six entries
			for range 2 * n {
				w.se(g.between(-6, 6))
			}
		}
		w.ue(g.between(0, max(g.depth-10, 0)))
		w.ue(g.between(0, max(g.depth-10, 0)))
	}
}

// segment is a slice segment that is being written.
type segment struct {
	header  func(entryPoints []int) *bitWriter
	entries []int
	closed  bool // whether entries has all of them; until then, a wrong one follows
	data    []byte
}

// newSegment begins a slice segment at a CTB.
func (g *randomCoder) newSegment(address int) *segment {
	r := g.Uint64()
	data := make([]byte, 1<<17)
	g.randomize(data, 0)
	return &segment{data: data, header: func(entries []int) *bitWriter {
		g := &randomCoder{Rand: rand.New(rand.NewPCG(r, 1)), width: g.width, height: g.height, sao: g.sao, chroma: g.chroma,
			dependent: g.dependent, offsets: g.offsets, offsetList: g.offsetList, override: g.override,
			deblocked: g.deblocked, acrossSlices: g.acrossSlices, tiles: g.tiles, wavefronts: g.wavefronts}
		w := &bitWriter{}
		w.flag(address == 0)
		w.u(1, 0)
		w.ue(0)
		dependent := false
		if address > 0 {
			if g.dependent {
				dependent = w.flag(g.chance(50))
			}
			w.u(bits.Len(uint(g.width*g.height-1)), address)
		}
		if !dependent {
			g.independent(w)
		}
		if g.tiles || g.wavefronts {
			if w.ue(len(entries)); len(entries) > 0 {
				w.ue(31)
				for _, n := range entries {
					w.u(32, n-1)
				}
			}
		}
		return w
	}}
}

// independent writes what dependent slice segments do not have.
func (g *randomCoder) independent(w *bitWriter) {
	w.ue(2)
	luma, chroma := false, false
	if g.sao {
		luma = w.flag(g.chance(70))
		chroma = g.chroma != 0 && w.flag(g.chance(70))
	}
	w.se(g.between(-4, 4))
	if g.offsets {
		w.se(g.between(-6, 6))
		w.se(g.between(-6, 6))
	}
	if g.offsetList {
		w.flag(g.chance(70))
	}
	deblocked := g.deblocked
	if g.override && w.flag(g.chance(60)) {
		if deblocked = !w.flag(g.chance(30)); deblocked {
			w.se(g.between(-6, 6))
			w.se(g.between(-6, 6))
		}
	}
	if g.acrossSlices && (luma || chroma || deblocked) {
		w.flag(g.chance(50))
	}
}

// randomize replaces the bytes from one on. None is 0, so that nothing needs emulation prevention.
func (g *randomCoder) randomize(b []byte, from int) {
	for i := max(from, 0); i < len(b); i++ {
		b[i] = byte(g.between(1, 255))
	}
}

// randomStream returns a stream for a seed, or nil if none was found.
func randomStream(seed uint64) []byte {
	g := &randomCoder{Rand: rand.New(rand.NewPCG(seed, 0))}
	g.density = g.between(10, 80)
	g.ctb = g.between(4, 6)
	g.chroma = g.between(0, 3)
	g.depth = []int{8, 8, 10, 12}[g.IntN(4)]
	g.writeSPS()
	g.writePPS()
	head := bytes.Join([][]byte{vps(), nal(nalSPS, &g.sps, nil), nal(nalPPS, &g.pps, nil)}, nil)
	current := g.newSegment(0)
	var d Decoder
	for range 20000 {
		entries := current.entries
		if (g.tiles || g.wavefronts) && !current.closed {
			entries = append(entries[:len(entries):len(entries)], 1)
		}
		stream := append(head[:len(head):len(head)], nal(nalIDRNoLeading, current.header(entries), current.data)...)
		_, _, err := decodeAll(&d, stream)
		at := d.w.position()
		text := fmt.Sprint(err)
		ended := err == nil || strings.Contains(text, "no other follows")
		switch {
		case strings.Contains(text, "are left"), ended && at < len(current.data):
			current.data = current.data[:at]
		case err == nil:
			return stream
		case strings.Contains(text, "no other follows"):
			head = stream
			address := strings.Fields(text[strings.Index(text, "before CTB ")+11:])[0]
			n, _ := strconv.Atoi(address)
			current = g.newSegment(n)
		case strings.Contains(text, "substreams of"), strings.Contains(text, "invalid entry points"):
			current.closed = true
		case strings.Contains(text, "the entry point of"):
			sum := 0
			for _, n := range current.entries {
				sum += n
			}
			current.entries = append(current.entries, at-sum)
		default: // a value out of range, or no end where one must be
			if !strings.Contains(text, ", CTB") {
				panic(err)
			}
			from := at - 1 - g.IntN(4)
			if !strings.Contains(text, "goes on") && !strings.Contains(text, "within a tile") {
				from -= g.IntN(30)
			}
			sum := 0
			for _, n := range current.entries {
				sum += n
			}
			g.randomize(current.data, max(from, sum))
		}
	}
	return nil
}

func TestWriteRandom(t *testing.T) {
	dir := os.Getenv("IMGMILL_HEVC_RANDOM")
	if dir == "" {
		t.Skip("IMGMILL_HEVC_RANDOM names no folder for random streams")
	}
	count, _ := strconv.Atoi(os.Getenv("IMGMILL_HEVC_COUNT"))
	for seed := range uint64(count) {
		s := randomStream(seed)
		if s == nil {
			t.Logf("no stream for seed %d", seed)
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("random%d.hevc", seed)), s, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
