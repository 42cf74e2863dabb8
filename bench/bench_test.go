package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// childVariable makes the test binary act as the child that the bench would start.
const childVariable = "IMGMILL_BENCH_TEST_CHILD"

func TestMain(m *testing.M) {
	switch name := os.Getenv(childVariable); name {
	case "":
	case "butteraugli":
		if err := playButteraugli(os.Args[1:]); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	default:
		if err := program([]string{"-serve", name}, os.Stdin, os.Stdout, os.Stderr); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestLooks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "drawn.jpg")
	if err := os.WriteFile(file, sample.Photo(200, 150), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := program([]string{"-looks", file}, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2+2*len(lookedFor) ||
		!strings.Contains(lines[2], "quality 80") || !strings.Contains(lines[3], "good") {
		t.Errorf("printed\n%s", out.String())
	}
	if err := program([]string{"-looks"}, nil, io.Discard, io.Discard); err == nil {
		t.Error("no pictures are no error")
	}
}

// photos returns a folder with one drawn photograph, and a row for it.
func photos(t *testing.T) (string, row) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "drawn.jpg"), sample.Photo(640, 480), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, row{encoding: encoding{Format: "jpeg", Effort: "normal"}, name: "drawn", file: "drawn.jpg",
		boxes: []box{{64}, {160, 100}}, goals: goals{one: 2, all: 3}}
}

func startSelf(t *testing.T, name string) *child {
	t.Helper()
	t.Setenv(childVariable, "imgmill")
	c, err := peer{name, []string{os.Args[0]}}.start(oneThread)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

// TestRowOfTwoChildren measures two children of the same program, which must make the same files,
// with a ratio around one.
func TestRowOfTwoChildren(t *testing.T) {
	dir, r := photos(t)
	children := []*child{startSelf(t, "imgmill"), startSelf(t, "sharp")}
	b := bench{photos: dir, runs: 3}
	res, err := b.row(r, oneThread, children)
	if err != nil {
		t.Fatal(err)
	}
	ours, other := res.Peers[0], res.Peers[1]
	if len(ours.times) != 3 || len(other.times) != 3 || ours.Millis <= 0 || ours.Ratio != 1 {
		t.Errorf("3 runs: got %+v and %+v", ours, other)
	}
	if other.Ratio < 0.1 || other.Ratio > 10 || other.Goal != 2 || other.Version != runtime.Version() {
		t.Errorf("the same program as another peer: got %+v", other)
	}
	if len(ours.Outputs) != 2 || ours.Outputs[0].Width != 64 ||
		ours.Outputs[1].Height != 100 || ours.Outputs[1].PSNR < 30 {
		t.Errorf("outputs %+v", ours.Outputs)
	}
	equal, size := ours.Outputs[1].Equal, ours.Outputs[1].Bytes
	if equal < size-1 || equal > size+1 || other.Outputs[1].Equal != 0 {
		t.Errorf("estimated %d bytes for the look of the same file, which has %d", equal, size)
	}
	if runtime.GOOS == "linux" && (ours.Peak < 1<<20 || ours.Peak > 1<<30) {
		t.Errorf("peak memory of %d bytes", ours.Peak)
	}
}

func TestFailingPeerIsReported(t *testing.T) {
	dir, r := photos(t)
	b := bench{photos: dir, runs: 1}
	good := startSelf(t, "imgmill")
	none := b.request(r, 1)
	none.File = filepath.Join(dir, "none.jpg")
	if _, err := good.ask(none); err == nil {
		t.Error("a missing file: no error")
	}
	if _, err := good.ask(b.request(r, 1)); err != nil {
		t.Errorf("the child did not continue after an error: %v", err)
	}
	dead := startSelf(t, "sharp")
	dead.stop()
	res, err := b.row(r, oneThread, []*child{good, dead})
	if err != nil || res.Peers[0].Error != "" || res.Peers[1].Error == "" {
		t.Errorf("a dead peer: error %v, results %+v", err, res.Peers)
	}
	if _, err := b.row(r, oneThread, []*child{dead, good}); err == nil {
		t.Error("a row without imgmill: no error")
	}
	missing := peer{"none", []string{filepath.Join(dir, "none")}}
	if _, err := missing.start(oneThread); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing program: error %v", err)
	}
}

// TestStreamMakesTheSameFiles checks that reading from a file and from a buffer makes the same
// files.
func TestStreamMakesTheSameFiles(t *testing.T) {
	dir, r := photos(t)
	var in, out bytes.Buffer
	q := (&bench{photos: dir}).request(r, 2)
	q.Keep = true
	lines := json.NewEncoder(&in)
	for _, q.Stream = range []bool{false, true} {
		if err := lines.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := serve(new(imgmill), &in, &out); err != nil {
		t.Fatal(err)
	}
	answers := json.NewDecoder(&out)
	var g greeting
	var a, b answer
	if err := errors.Join(answers.Decode(&g), answers.Decode(&a), answers.Decode(&b)); err != nil {
		t.Fatal(err)
	}
	if len(a.Files) != 2 || a.NS <= 0 || runtime.GOOS == "linux" && a.CPU <= 0 ||
		!bytes.Equal(a.Files[0], b.Files[0]) || !bytes.Equal(a.Files[1], b.Files[1]) {
		t.Errorf("%d files in %d ns, %d in %d ns", len(a.Files), a.NS, len(b.Files), b.NS)
	}
}

// TestHighEffort checks that high effort makes a smaller file, and that commands report that they
// do not support it.
func TestHighEffort(t *testing.T) {
	dir, r := photos(t)
	r.boxes = []box{{400}}
	q := (&bench{photos: dir}).request(r, 1)
	o := new(imgmill)
	if err := o.load(q.File); err != nil {
		t.Fatal(err)
	}
	usual, err := o.do(q)
	q.Effort = "high"
	high, highErr := o.do(q)
	if err := errors.Join(err, highErr); err != nil {
		t.Fatal(err)
	}
	if len(high[0]) >= len(usual[0]) {
		t.Errorf("%d bytes at high effort, %d at normal effort", len(high[0]), len(usual[0]))
	}
	if _, err := (&child{peer: peer{name: "gm"}}).ask(q); !errors.Is(err, errNotItsTask) {
		t.Errorf("a command: error %v", err)
	}
}

// TestWebP checks that the settings of a row reach the encoder, and what the tables show.
func TestWebP(t *testing.T) {
	dir, r := photos(t)
	r.boxes = []box{{160}}
	b := bench{photos: dir, runs: 1}
	var results []result
	for _, e := range []encoding{{Format: "webp", Effort: "normal"}, {Format: "webp", Effort: "normal", Lossless: true}} {
		r.encoding = e
		res, err := b.row(r, oneThread, []*child{startSelf(t, "imgmill"), {peer: peer{name: "gif2webp"}}})
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, res)
	}
	lossy, lossless := results[0].Peers[0], results[1].Peers[0]
	if lossy.Bytes == 0 || lossless.Bytes < 2*lossy.Bytes || lossy.Outputs != nil {
		t.Errorf("got %+v and %+v", lossy, lossless)
	}
	var out strings.Builder
	printTimes(&out, oneThread, "WebP", results)
	printSizes(&out, oneThread, results)
	if s := out.String(); !strings.Contains(s, "imgmill bytes") || strings.Contains(s, "gif2webp") {
		t.Errorf("got\n%s", s)
	}
	if writing("jpeg", results) != nil || len(writing("webp", results)) != 2 {
		t.Error("the results are not of WebP alone")
	}
}

func TestRows(t *testing.T) {
	list, err := rowsNamed("")
	if err != nil || len(list) != 46 {
		t.Errorf("%d rows, %v", len(list), err)
	}
	list, err = rowsNamed("4032.*422 → 800$")
	if err != nil || len(list) != 1 ||
		list[0].file != "phone-4032x3024-422.jpg" || list[0].boxes[0] != (box{800}) {
		t.Errorf("got %+v, %v", list, err)
	}
	list, err = rowsNamed("→ [0-9×]+, high effort$")
	if err != nil || len(list) != 3 || list[0].Effort != "high" ||
		list[0].goals != (goals{}) || list[2].boxes[0] != (box{720, 588}) {
		t.Errorf("got %+v, %v", list, err)
	}
	list, err = rowsNamed("frames.*PNG$")
	if err != nil || len(list) != 2 || list[0].Format != "png" || !list[0].Animated ||
		!(peer{name: "ffmpeg"}).does(list[0].file, list[0].encoding) || (peer{name: "sharp"}).does(list[0].file, list[0].encoding) {
		t.Errorf("got %+v, %v", list, err)
	}
	glue := peer{name: "turbojpeg"}
	if !glue.does("a.jpg", encoding{Format: "jpeg", Effort: "high"}) || glue.does("a.png", encoding{Format: "jpeg"}) ||
		glue.does("a.jpg", encoding{Format: "webp"}) {
		t.Error("turbojpeg is for JPEG alone")
	}
	list, err = rowsNamed("heic")
	if err != nil || len(list) != 2 || !(peer{name: "Pillow"}).does(list[0].file, list[0].encoding) ||
		(peer{name: "sharp"}).does(list[0].file, list[0].encoding) {
		t.Errorf("got %+v, %v", list, err)
	}
	for _, pattern := range []string{"(", "no such row"} {
		if _, err := rowsNamed(pattern); err == nil {
			t.Errorf("-rows %q: no error", pattern)
		}
	}
}

func TestPhotographs(t *testing.T) {
	dir, r := photos(t)
	if err := photographs(dir, []row{r}); err != nil {
		t.Error(err)
	}
	missing := row{file: "missing.jpg"}
	err := photographs(dir, []row{missing, r, missing})
	if err == nil || !strings.Contains(err.Error(), ": missing.jpg; ") {
		t.Errorf("a missing file: error %v", err)
	}
}

func TestFlags(t *testing.T) {
	t.Setenv("IMGMILL_CORPUS", "corpus")
	var stderr bytes.Buffer
	o, err := parse([]string{"-n", "3"}, &stderr)
	if err != nil || o.photos != filepath.Join("corpus", "photos") || o.runs != 3 {
		t.Errorf("got %+v, %v", o, err)
	}
	for _, args := range [][]string{{"-n", "0"}, {"more"}, {"-photos", ""}, {"-rate"}, {"-rate", "-n", "0", "a.png"}} {
		if _, err := parse(args, &stderr); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if _, err := modesNamed("two"); err == nil {
		t.Error("-threads two: no error")
	}
}

func TestBoxFit(t *testing.T) {
	for _, c := range []struct{ b, of, want box }{
		{box{720, 588}, box{2725, 2225}, box{720, 588}},
		{box{1600}, box{2448, 3264}, box{1600, 2133}},
		{box{1600}, box{800, 600}, box{800, 600}},
	} {
		if got := c.b.fit(c.of[0], c.of[1]); got != c.want {
			t.Errorf("%v in %v is %v, want %v", c.of, c.b, got, c.want)
		}
	}
}

func TestMirroredHasNoSeams(t *testing.T) {
	tile := sample.Landscape(40, 30)
	m := mirrored(tile, 120, 60)
	for y := range 60 {
		if m.Y[m.YOffset(39, y)] != m.Y[m.YOffset(40, y)] ||
			m.Y[m.YOffset(0, y)] != m.Y[m.YOffset(79, y)] {
			t.Fatalf("row %d is not mirrored", y)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	r, g, blue, _ := tile.At(20, 10).RGBA()
	mr, mg, mb, _ := m.At(20, 10).RGBA()
	for _, d := range []int{int(r>>8) - int(mr>>8), int(g>>8) - int(mg>>8), int(blue>>8) - int(mb>>8)} {
		if d < -40 || d > 40 {
			t.Errorf("colour %d %d %d became %d %d %d", r>>8, g>>8, blue>>8, mr>>8, mg>>8, mb>>8)
		}
	}
}

func TestTablesMarkMissedGoals(t *testing.T) {
	out := func(bytes, equal int, db float64) []output {
		return []output{{
			Box: "200", Width: 200, Height: 150, Bytes: bytes,
			PSNR: db, PSNRRGB: db, SSIM: 0.97, Look: 81.25, Equal: equal,
		}}
	}
	results := []result{{Mode: oneThread, Row: "a → 200", Runs: 5, Peers: []peerResult{
		{Peer: "imgmill", Millis: 10, Ratio: 1, Peak: 9 << 20, Outputs: out(120, 125, 36)},
		{Peer: "sharp", Millis: 19, Ratio: 1.9, Goal: 2, Outputs: out(110, 0, 36.2)},
		{Peer: "gm", Error: "broken"},
	}}}
	var b strings.Builder
	printTimes(&b, oneThread, "JPEG", results)
	printQuality(&b, results)
	for _, want := range []string{
		"| a → 200 |       10.0 |     19.0 |      1.90 | **below 2.0** |",
		"| a → 200 | imgmill | 200×150 |  36.00 |    36.00 | 0.9700 |         81.2 |           – |   120 |         **125** |       0 |     9.0 |",
		"| a → 200 |   sharp | 200×150 |  36.20 |    36.20 | 0.9700 |         81.2 |           – |   110 |               – |       0 |       – |",
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no line\n%s\nin\n%s", want, b.String())
		}
	}
	b.Reset()
	peers := []peerResult{{Peer: "imgmill", Peak: 65 << 20, Most: 64 << 20}}
	printMemory(&b, oneThread, []result{{Row: "a", Peers: peers}})
	if !strings.Contains(b.String(), "| a    |       65.0 | **< 64** |") {
		t.Errorf("got\n%s", b.String())
	}
}
