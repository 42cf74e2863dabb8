package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tables are in Markdown, aligned so that they are readable in a terminal too.

// writing returns the results whose outputs are of a format.
func writing(format string, results []result) (list []result) {
	for _, r := range results {
		if r.Format == format {
			list = append(list, r)
		}
	}
	return list
}

// having returns the indexes of the peers for which is holds in at least one of the results.
func having(results []result, is func(peerResult) bool) (list []int) {
	for i := range results[0].Peers {
		if slices.ContainsFunc(results, func(r result) bool { return is(r.Peers[i]) }) {
			list = append(list, i)
		}
	}
	return list
}

func (p peerResult) measured() bool { return p.Error == "" }
func (p peerResult) hasGoal() bool  { return p.Goal > 0 }

// printTimes prints the table of one mode and one format of outputs: times, and their ratios to
// imgmill's.
func printTimes(w io.Writer, m mode, format string, results []result) {
	if len(results) == 0 {
		return
	}
	shown, compared := having(results, peerResult.measured), having(results, peerResult.hasGoal)
	head := []string{"task"}
	for _, i := range shown {
		head = append(head, results[0].Peers[i].Peer+" ms")
		if i > 0 {
			head = append(head, "÷ imgmill")
		}
		if slices.Contains(compared, i) {
			head = append(head, "goal")
		}
	}
	lines := [][]string{head}
	for _, r := range results {
		line := []string{r.Row}
		for _, i := range shown {
			p := r.Peers[i]
			if p.Error != "" {
				p.Millis, p.Ratio = 0, 0
			}
			line = append(line, number(p.Millis, 1))
			if i > 0 {
				line = append(line, number(p.Ratio, 2))
			}
			if slices.Contains(compared, i) {
				line = append(line, p.verdict())
			}
		}
		lines = append(lines, line)
	}
	fmt.Fprintf(w, "\n### Time to %s, %s (medians of %d runs)\n\n", format, m, results[0].Runs)
	print(w, lines)
}

// printSizes prints the bytes of all outputs of a row together, and the peak memory.
func printSizes(w io.Writer, m mode, results []result) {
	if len(results) == 0 {
		return
	}
	shown := having(results, peerResult.measured)
	lines := [][]string{{"task"}}
	for _, unit := range []string{" bytes", " MB"} {
		for _, i := range shown {
			lines[0] = append(lines[0], results[0].Peers[i].Peer+unit)
		}
	}
	for _, r := range results {
		line := []string{r.Row}
		for _, i := range shown {
			line = append(line, number(float64(r.Peers[i].Bytes), 0))
		}
		for _, i := range shown {
			line = append(line, number(float64(r.Peers[i].Peak)/(1<<20), 1))
		}
		lines = append(lines, line)
	}
	fmt.Fprintf(w, "\n### Bytes, and peak memory of a fresh process, %s\n\n", m)
	print(w, lines)
}

// verdict shows the goal, and whether it is reached.
func (p peerResult) verdict() string {
	switch {
	case p.Error != "", p.Goal == 0:
		return "–"
	case p.Ratio < p.Goal:
		return fmt.Sprintf("**below %.1f**", p.Goal)
	}
	return fmt.Sprintf("≥ %.1f", p.Goal)
}

func number(v float64, digits int) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// slack is the ratio to sharp's bytes that imgmill may need for sharp's look; it covers the uncertainty of the
// estimate.
const slack = 1.01

// printQuality prints the table of the outputs that were judged, a line for each.
func printQuality(w io.Writer, results []result) {
	lines := [][]string{{
		"task", "by", "pixels", "PSNR Y", "PSNR RGB", "SSIM", "SSIMULACRA 2", "Butteraugli",
		"bytes", "at sharp's look", "profile", "peak MB",
	}}
	for _, r := range results {
		var sharp []output
		for _, p := range r.Peers {
			if p.Peer == "sharp" {
				sharp = p.Outputs
			}
		}
		for _, p := range r.Peers {
			for i, o := range p.Outputs {
				name := r.Row
				if len(p.Outputs) > 1 {
					name += " : " + o.Box
				}
				line := []string{
					name, p.Peer, fmt.Sprintf("%d×%d", o.Width, o.Height),
					number(o.PSNR, 2), number(o.PSNRRGB, 2), number(o.SSIM, 4), number(o.Look, 1), number(o.Butteraugli, 2),
					fmt.Sprint(o.Bytes - o.Profile), number(float64(o.Equal), 0),
					fmt.Sprint(o.Profile), number(float64(p.Peak)/(1<<20), 1),
				}
				if p.Peer == "imgmill" && len(sharp) > i {
					line[9] = mark(line[9],
						float64(o.Equal) > slack*float64(sharp[i].Bytes-sharp[i].Profile))
				}
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 1 {
		return
	}
	fmt.Fprintf(w, "\n### Quality, bytes without the profile, and peak memory "+
		"(bold: more than sharp's for its SSIMULACRA 2, by more than %.1f %%)\n\n", 100*(slack-1))
	print(w, lines)
}

func mark(s string, bad bool) string {
	if bad {
		return "**" + s + "**"
	}
	return s
}

// printMemory prints the table of peak memory.
func printMemory(w io.Writer, m mode, results []result) {
	head := []string{"task"}
	for _, p := range results[0].Peers {
		head = append(head, p.Peer+" MB")
		if p.Most > 0 {
			head = append(head, "goal")
		}
	}
	lines := [][]string{head}
	for _, r := range results {
		line := []string{r.Row}
		for _, p := range r.Peers {
			line = append(line, number(float64(p.Peak)/(1<<20), 1))
			if p.Most > 0 {
				line = append(line, mark(fmt.Sprintf("< %d", p.Most>>20), p.Peak >= p.Most))
			}
		}
		lines = append(lines, line)
	}
	fmt.Fprintf(w, "\n### Peak memory of the whole process, file to buffer, %s "+
		"(bold: goal missed)\n\n", m)
	print(w, lines)
}

// print aligns the cells; the first line is the head.
func print(w io.Writer, lines [][]string) {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			fill := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i > 0 && cell != "" {
				cell = fill + cell
			} else {
				cell += fill
			}
			fmt.Fprintf(w, "| %s ", cell)
		}
		fmt.Fprintln(w, "|")
		if n > 0 {
			continue
		}
		for i, n := range width {
			rule := strings.Repeat("-", n+1) + ":"
			if i == 0 {
				rule = ":" + strings.Repeat("-", n+1)
			}
			fmt.Fprintf(w, "|%s", rule)
		}
		fmt.Fprintln(w, "|")
	}
}
