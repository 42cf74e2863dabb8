package setting

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parsePosition returns the canonical text of a position in a box: center, or the percentages across and
// down, such as "0% 25.5%". It reads what CSS calls a <position> (CSS Values and Units 4, section 9.1) of
// one, two or four words, as far as it consists of names and percentages.
func (s *Setting) parsePosition(text string) (string, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 1 && slices.Contains(s.Choices, words[0]) {
		return words[0], nil
	}
	x, y, ok := position(words)
	if !ok {
		return "", fmt.Errorf("%q is not a position; use %s", text, s.Allowed())
	}
	if x == 5000 && y == 5000 {
		return "center", nil
	}
	return percentText(x) + " " + percentText(y), nil
}

// sides are the names of positions on one axis, in hundredths of a percent.
var sides = [2]map[string]int64{{"left": 0, "center": 5000, "right": 10000}, {"top": 0, "center": 5000, "bottom": 10000}}

// position returns the position that words name, in hundredths of a percent.
func position(words []string) (x, y int64, ok bool) {
	switch len(words) {
	case 1: // the other axis is centered
		if y, ok := sides[1][words[0]]; ok {
			return 5000, y, true
		}
		x, ok := along(0, words)
		return x, 5000, ok
	case 2: // names come in any order, percentages across come first
		first, second := words[:1], words[1:]
		if _, named := sides[1][first[0]]; named {
			if _, named := sides[0][second[0]]; named {
				first, second = second, first
			}
		}
		x, okX := along(0, first)
		y, okY := along(1, second)
		return x, y, okX && okY
	case 4: // distances from named sides, in any order
		first, second := words[:2], words[2:]
		if _, vertical := sides[1][first[0]]; vertical {
			first, second = second, first
		}
		x, okX := along(0, first)
		y, okY := along(1, second)
		return x, y, okX && okY
	}
	return 0, 0, false
}

// along reads a position on an axis: a name, a percentage, or the distance from a side.
func along(axis int, words []string) (at int64, ok bool) {
	if len(words) == 2 {
		side, named := sides[axis][words[0]]
		distance, ok := percent(words[1])
		if side > 0 {
			distance = side - distance
		}
		return distance, named && side != 5000 && ok
	}
	if at, ok = sides[axis][words[0]]; ok {
		return at, true
	}
	return percent(words[0])
}

// percent reads a percentage from 0% to 100% of at most two decimals, in hundredths.
func percent(text string) (int64, bool) {
	digits, ok := strings.CutSuffix(text, "%")
	whole, fraction, _ := strings.Cut(digits, ".")
	if !ok || len(whole)+len(fraction) == 0 || len(whole) > 3 || len(fraction) > 2 || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	n, _ := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64) // at most five digits
	return n, n <= 10000
}

// percentText returns the shortest text of a percentage in hundredths.
func percentText(n int64) string { return strconv.FormatFloat(float64(n)/100, 'f', -1, 64) + "%" }

// Percentages returns the place that a canonical position stands for, across and down, from 0 to 100.
func Percentages(canonical string) (x, y float64) {
	across, down, _ := strings.Cut(canonical, " ")
	n, okX := percent(across)
	m, okY := percent(down)
	if !okX || !okY {
		return 50, 50 // center
	}
	return float64(n) / 100, float64(m) / 100
}

// parsePercent returns the shortest text of a percentage.
func (s *Setting) parsePercent(text string) (string, error) {
	n, ok := percent(strings.TrimSpace(text))
	if !ok || n < 100*s.Min || n > 100*s.Max {
		return "", fmt.Errorf("%q is not a percentage from %d%% to %d%%; write one like %s", text, s.Min, s.Max, s.Example)
	}
	return percentText(n), nil
}

// Hundredths returns the number of hundredths of a percent in a canonical percentage, or 0 if there is none.
func Hundredths(canonical string) int64 {
	n, _ := percent(canonical)
	return n
}

// parseName accepts a relative path of plain characters.
func parseName(text string) (string, error) {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/"
	for part := range strings.SplitSeq(text, "/") {
		if part == "" || part == "." || part == ".." || strings.Trim(part, plain) != "" || len(text) > 200 {
			return "", fmt.Errorf("%q is not a plain name; use letters, digits and .-_, and slashes between folders", text)
		}
	}
	return text, nil
}
