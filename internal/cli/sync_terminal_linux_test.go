package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/imgmill/imgmill/internal/aws/doctor"
	"github.com/imgmill/imgmill/internal/aws/failures"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// terminal returns both ends of a terminal: what programs write to, and what a person sees.
func terminal(t *testing.T) (program, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	size := unix.Winsize{Row: 24, Col: 80}
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &size); err != nil {
		t.Fatal(err)
	}
	return program, person
}

// TestSyncOnATerminal shows the progress of three pictures, the second of them bad.
func TestSyncOnATerminal(t *testing.T) {
	program, person := terminal(t)
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&seen, person) // ends with an error once the other end is closed
	}()
	p := newSyncProgress(program, sync.Tally{Pictures: 3})
	for i, v := range []outcome.Verdict{outcome.Done, outcome.Bad, outcome.Done} {
		p.add(sync.Item{Key: fmt.Sprintf("%d.jpg", i)}, mill.Result{Verdict: v, Reason: "corrupt"})
	}
	p.end()
	program.Close()
	<-read
	const clear = "\r\x1b[K"
	want := "1 of 3 pictures" + clear + "1.jpg: bad: corrupt\r\n" + "2 of 3 pictures" + clear + "3 of 3 pictures" + clear
	if seen.String() != want {
		t.Errorf("the terminal shows %q, want %q", seen.String(), want)
	}
}

// TestMeasuringIsAnnounced: the seconds in which a drawn picture is measured are not silent on a terminal, and leave no
// line behind.
func TestMeasuringIsAnnounced(t *testing.T) {
	program, person := terminal(t)
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&seen, person)
	}()
	m, err := measureRendering(t.Context(), program, 0.01, recipe.Default(formats.All()).Variants)
	if err != nil || m.variants != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	program.Close()
	<-read
	if got, want := seen.String(), "Making the variants of a drawn picture (0.01 megapixels) to time them\r\x1b[K"; got != want {
		t.Errorf("a terminal of 80 columns shows %q, want %q", got, want)
	}
}

// TestNarrowTerminal: no line of a table or a sentence is wider than the terminal, which would cut it within a word. A
// command, which may be copied, stays one line.
func TestNarrowTerminal(t *testing.T) {
	program, person := terminal(t)
	const columns = 40
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&seen, person)
	}()
	long := "2026/a-very-long-name-of-a-picture-that-somebody-has-thought-of.jpg"
	rows := append(resultRows(long, mill.Result{Verdict: outcome.Done, Source: mill.Picture{Bytes: 12_345_678},
		Variants: []mill.Variant{{Name: "thumbnail-square", Width: 1200, Height: 1600, Bytes: 98_765}}}),
		resultRows("cut.jpg", mill.Result{Verdict: outcome.Bad, Reason: "corrupt: the data ends too early for a picture"})...)
	bill, err := price.Estimate(price.Typical())
	if err != nil {
		t.Fatal(err)
	}
	n := sync.Tally{Pictures: 3, Objects: 4_000_000, Bytes: 1 << 40}
	t.Setenv("NO_COLOR", "1")
	root := newRoot()
	root.SetOut(program)
	for _, err := range []error{
		root.Help(),
		newTable(program, recipe.Default(formats.All())).print(rows),
		printBill(program, bill, []string{"Prices are from a list."}),
		printCauses(program, sync.Report{Fresh: 7, Missing: n, Foreign: n}, &examples{}),
		printCeiling(program, price.Ceiling{Lines: []price.Charge{{Name: "requests", Quantity: 9, Unit: "thousand", USD: 3}}}, nil),
		printFailures(program, []failures.Failure{{Keys: []string{"2026/休暇の写真.jpg"}, Verdict: outcome.Bad, Tries: 3,
			Reason: "corrupt: the data ends too early for a picture"}}),
		note(program, "imgmill: the recipe: no such file  or folder\n  export A_COMMAND=that-is-wider-than-40-columns B=is-copied\nSee 'imgmill dev --help'."),
		note(program, "%s", diagnosisText(program, doctor.Diagnosis{State: doctor.Fault, Check: "notifications",
			Text: "the bucket sends its events to another function", Advice: "deploy again"})),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	program.Close()
	<-read
	text := strings.ReplaceAll(seen.String(), "\r\n", "\n")
	for line := range strings.Lines(text) {
		command := strings.HasPrefix(line, "  export ") || strings.HasPrefix(line, "  imgmill ")
		if n := runes.StringWidth(strings.TrimSuffix(line, "\n")); n > columns && !command {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{
		"…icture-that-somebody-has-thought-of.jpg\n  thumbnail-square 1200×1600, 12.3 MB ->\n  98.8 kB, 0 ms\n",
		"cut.jpg\n  0 B, 0 ms, bad: corrupt: the data ends\n  too early for a picture\n",
		"per month\n  $, $ after free tier\n", "\n  60800 requests, 0.02, 0.02\n",
		"missing\n  uploads 3, objects 4,000,000, 1099.5\n  GB\n", "fresh\n  objects 7\n", "taken: an object of somebody else is\nthere\n  uploads 3", "requests\n  9 thousand, 3.00\n",
		"1  2026/休暇の写真.jpg\n  ", ", bad: corrupt: ",
		"\nimgmill: the recipe: no such file  or\nfolder\n  export A_COMMAND=that-is-wider-than-40-columns B=is-copied\nSee 'imgmill dev --help'.\n",
		"fault  notifications\n    the bucket sends its events to\n    another function -> deploy again\n",
		"  imgmill dev --sample\n    # see it work on this machine\n  imgmill resize photo.jpg -o small.jpg --width 800\n",
		"  logs        Show the log of a\n              deployment's function\n", "  1  failed, or what was checked is not\n     as it should be\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}
