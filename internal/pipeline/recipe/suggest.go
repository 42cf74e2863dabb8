package recipe

import (
	"slices"
	"strings"
)

// didYouMean suggests the known name that is closest to a wrong one or, if none is close, lists them
// all.
func didYouMean(wrong string, known []string) string {
	if best := Closest(wrong, known); best != "" {
		return "did you mean " + best + "?"
	}
	return "known here: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// Closest returns the known name that is closest to a wrong one, in upper or lower case, and the empty string if none
// differs from it in less than about a third of its letters.
func Closest(wrong string, known []string) string {
	best, bestAt := "", max(1, (len(wrong)+1)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(k)); d < bestAt {
			best, bestAt = k, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of neighbours that turn a
// into b, no part being edited twice (optimal string alignment; Damerau, CACM 7(3), 1964).
func distance(a, b string) int {
	before, above := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
