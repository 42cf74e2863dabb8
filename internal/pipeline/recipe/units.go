package recipe

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unit is a suffix of a number and what it multiplies by.
type unit struct {
	name string
	size float64
}

// Decimal and binary units both mean what they say: 1 KB is 1000 bytes, 1 KiB 1024 (IEC 80000-13).
var (
	byteUnits = []unit{
		{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"b", 1},
	}
	pixelUnits = []unit{{"kp", 1e3}, {"mp", 1e6}, {"gp", 1e9}}
)

// parseSize reads a number with one of the units, or none, in any case: "300KB", "1.5 MiB", "200MP", "4096". Fractions of
// one are cut off.
func parseSize(s string, units []unit, like string) (int64, error) {
	text, factor := strings.ToLower(strings.TrimSpace(s)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			text, factor = strings.TrimSpace(rest), u.size
			break
		}
	}
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is no size; write a number and a unit, like %s", s, like)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no size; write a number and a unit, like %s", s, like)
	}
	// Above 2^53 a float64 skips whole numbers; no picture and no object comes near.
	if n *= factor; n > 1<<53 {
		return 0, fmt.Errorf("%q is too large; write a size like %s", s, like)
	}
	return int64(math.Floor(n)), nil
}
