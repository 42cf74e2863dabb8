//go:build (amd64 || arm64) && !purego

package decode

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
)

// job is what TestInstructions has a process do.
type job struct {
	file  string // base or progressive
	scale int
	how   string
}

// The ways to decode.
const (
	byKernels = "kernels"
	inOrder   = "order"
	onTracks  = "tracks"
	byPlainGo = "plain"
)

// profiled are the functions whose instructions are counted, by what they do.
var profiled = []struct {
	job
	title     string
	functions []string
	symbols   func(scanSymbols) int
}{
	{job{"base", 8, inOrder}, "baseline at 8/8, in order: walkKernel", []string{"walkKernel"}, inSequential},
	{job{"base", 8, onTracks}, "– several stretches: tracksKernel", []string{"tracksKernel"}, inSequential},
	{job{"base", 8, byPlainGo}, "– in plain Go", walkGo, inSequential},
	{job{"base", 4, inOrder}, "baseline at 4/8, in order: walkKernel", []string{"walkKernel"}, inSequential},
	{job{"base", 4, onTracks}, "– several stretches: tracksKernel", []string{"tracksKernel"}, inSequential},
	{job{"base", 3, inOrder}, "baseline at 3/8, in order: walkKernel", []string{"walkKernel"}, inSequential},
	{job{"base", 3, onTracks}, "– several stretches: tracksKernel", []string{"tracksKernel"}, inSequential},
	{job{"base", 2, inOrder}, "baseline at 2/8, in order: walkKernel", []string{"walkKernel"}, inSequential},
	{job{"base", 2, onTracks}, "– several stretches: tracksKernel", []string{"tracksKernel"}, inSequential},
	{job{"base", 2, byPlainGo}, "– in plain Go", walkGo, inSequential},
	{job{"base", 1, inOrder}, "baseline at 1/8, in order: walkKernel", []string{"walkKernel"}, inSequential},
	{job{"base", 1, onTracks}, "– several stretches: tracksKernel", []string{"tracksKernel", "flatTracksKernel"}, inSequential},
	{job{"progressive", 8, byKernels}, "first scans at 8/8: firstKernel", []string{"firstKernel"}, inFirst},
	{job{"progressive", 8, byPlainGo}, "– in plain Go", firstGo, inFirst},
	{job{"progressive", 8, byKernels}, "refinements at 8/8: refineKernel", []string{"refineKernel"}, inRefined},
	{job{"progressive", 8, byPlainGo}, "– in plain Go", refineGo, inRefined},
	{job{"progressive", 2, byKernels}, "refinements at 2/8: refineKernel", []string{"refineKernel"}, inRefined},
	{job{"progressive", 2, byPlainGo}, "– in plain Go", refineGo, inRefined},
}

// The functions of plain Go that do what a kernel does.
var (
	walkGo = []string{
		"(*stretch).walkMCUsGo", "(*stretch).walkBlock", "(*stretch).walkDC", "(*stretch).walkAC", "(*stretch).passAC",
		"(*stretch).fill", "(*decodeTable).resolve", "(*decodeTable).long",
	}
	firstGo  = []string{"(*progressiveScan).acFirst", "(*progressiveScan).startEndRun"}
	refineGo = []string{"(*progressiveScan).refine", "(*progressiveScan).correct", "(*progressiveScan).list"}
)

func inSequential(s scanSymbols) int { return s.sequential }
func inFirst(s scanSymbols) int      { return s.first }
func inRefined(s scanSymbols) int    { return s.refined }

// TestInstructions counts the instructions that kernels and plain Go execute for each Huffman symbol
// of the scans that they decode, on both processors, by QEMU's user mode emulation. A time would need
// the machine. `make instructions` runs it: it needs qemu-x86_64-static, qemu-aarch64-static and
// jpegtran, and takes some minutes.
func TestInstructions(t *testing.T) {
	if os.Getenv("IMGMILL_INSTRUCTIONS") == "" {
		t.Skip("IMGMILL_INSTRUCTIONS is not set")
	}
	dir := t.TempDir()
	symbols := map[string]scanSymbols{}
	for name, photo := range map[string]string{
		"base": "phone-4032x3024-422.jpg", "progressive": "phone-4032x3024-422-progressive.jpg",
	} {
		args := []string{"-copy", "none", "-crop", "1008x752+1512+1136"}
		if name == "progressive" {
			args = append(args, "-progressive")
		}
		file, err := exec.Command(jpegtest.Tool(t, "jpegtran"), append(args, corpus(t, "photos/"+photo)...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), file, 0o666); err != nil {
			t.Fatal(err)
		}
		symbols[name] = countSymbols(t, file)
	}
	table := "\n| | symbols | amd64 | arm64 |\n|:--|--:|--:|--:|\n"
	executed := map[string]map[string]int{}
	for _, m := range profiled {
		n := m.symbols(symbols[m.file])
		table += fmt.Sprintf("| %s | %d |", m.title, n)
		for _, arch := range []string{"amd64", "arm64"} {
			if executed[arch] == nil {
				executed[arch] = map[string]int{}
				build := exec.Command("go", "test", "-c", "-o", filepath.Join(dir, arch), ".")
				build.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			key := fmt.Sprint(arch, m.job)
			if executed[key] == nil {
				executed[key] = m.count(t, dir, arch)
			}
			sum := 0
			for _, f := range m.functions {
				sum += executed[key][f]
			}
			if sum == 0 {
				t.Errorf("%s on %s has executed nothing of %v", m.title, arch, m.functions)
			}
			table += fmt.Sprintf(" %.1f |", float64(sum)/float64(n))
		}
		table += "\n"
	}
	t.Log(table)
}

// function is a function of a program: its addresses are less than to.
type function struct {
	name     string
	from, to uint64
}

// functions returns those functions of profiled of a program.
func functions(t *testing.T, path string) (list []function) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		name, ok := strings.CutPrefix(s.Name, "github.com/imgmill/imgmill/internal/engine/jpeg/decode.")
		name = strings.TrimSuffix(name, ".abi0")
		for _, m := range profiled {
			if ok && slices.Contains(m.functions, name) {
				list = append(list, function{name, s.Value, s.Value + s.Size})
				break
			}
		}
	}
	return list
}

// count has a machine do a job, and returns the number of instructions executed by function.
func (j job) count(t *testing.T, dir, arch string) map[string]int {
	t.Helper()
	path := filepath.Join(dir, arch)
	list := functions(t, path)
	var filter []string
	for _, f := range list {
		filter = append(filter, fmt.Sprintf("%#x..%#x", f.from, f.to-1))
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out bytes.Buffer
	emulator := jpegtest.Tool(t, map[string]string{"amd64": "qemu-x86_64-static", "arm64": "qemu-aarch64-static"}[arch])
	cmd := exec.Command(emulator, "-cpu", "max", "-d", "exec,in_asm,nochain", "-dfilter", strings.Join(filter, ","),
		"-D", "/proc/self/fd/3", path, "-test.run", "^TestInstructionsJob$", "-test.v")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1",
		fmt.Sprintf("IMGMILL_INSTRUCTIONS_JOB=%s %d %s", filepath.Join(dir, j.file), j.scale, j.how))
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{w}, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	length, times := readTrace(t, r)
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS") {
		t.Fatalf("%s %v: %v: %s", arch, j, err, &out)
	}
	n := map[string]int{}
	for at, times := range times {
		i := slices.IndexFunc(list, func(f function) bool { return f.from <= at && at < f.to })
		if i < 0 || length[at] == 0 {
			t.Fatalf("nothing is known of the block at %#x", at)
		}
		n[list[i].name] += times * length[at]
	}
	return n
}

// readTrace reads what QEMU logs, and returns the number of instructions of each block, and how many
// times it was executed, by its address. A block is listed before it is executed for the first time,
// an instruction a line.
func readTrace(t *testing.T, r io.Reader) (length, times map[uint64]int) {
	t.Helper()
	length, times = map[uint64]int{}, map[uint64]int{}
	block := uint64(0)
	address := func(line, hex string) uint64 {
		at, err := strconv.ParseUint(hex, 16, 64)
		if err != nil {
			t.Fatalf("unexpected line: %s", line)
		}
		return at
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "IN:") {
			block = 0
		} else if rest, ok := strings.CutPrefix(line, "0x"); ok {
			hex, _, _ := strings.Cut(rest, ":")
			if at := address(line, hex); block == 0 {
				block, length[at] = at, 0
			}
			length[block]++
		} else if fields := strings.Split(line, "/"); strings.HasPrefix(line, "Trace") && len(fields) > 1 {
			times[address(line, fields[1])]++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return length, times
}

// TestInstructionsJob decodes a file for TestInstructions.
func TestInstructionsJob(t *testing.T) {
	var j job
	if n, _ := fmt.Sscan(os.Getenv("IMGMILL_INSTRUCTIONS_JOB"), &j.file, &j.scale, &j.how); n != 3 {
		t.Skip("IMGMILL_INSTRUCTIONS_JOB is no job")
	}
	file, err := os.ReadFile(j.file)
	if err != nil {
		t.Fatal(err)
	}
	if j.how == byPlainGo {
		defer cpu.Plain()()
	}
	if filepath.Base(j.file) == "progressive" {
		decodeAll(t, file, 1008*j.scale/8, 752*j.scale/8)
		return
	}
	s := firstScan(t, file, j.scale)
	w := s.walker
	defer w.stop()
	if j.how == onTracks {
		w.ring = make([]*stretch, ringSize(1, true)) // also at scales at which that does not pay
		if s.mcu.size > 4*len(s.mcu.units) {
			w.stretchSize = trackStretch
		}
	}
	w.start()
	if j.how == onTracks {
		for row := range s.rows {
			if err := s.row((s.rows - row) * s.mcus); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	c := w.ring[w.head]
	for pos := uint(leadSize * 8); ; c = w.advance() {
		for c.begin(pos); c.pos < c.until; c.begin(c.pos) {
			c.walk(&s.mcu, c.until, 64)
		}
		if c.last {
			return
		}
		pos = c.pos - uint(w.stretchSize)*8
	}
}
