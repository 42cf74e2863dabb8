package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// allPictures is the group of the mean over all pictures.
const allPictures = "all"

// rateLines is the table: means over the pictures of each group, and over all.
func rateLines(table []rateRow) [][]string {
	head := []string{"pictures", "encoder"}
	for _, m := range rateMeasures {
		head = append(head, m.name)
	}
	lines := [][]string{append(head, "time", "at quality 80: bytes", "SSIMULACRA2")}
	var groups, encoders []string
	for _, r := range table {
		if !slices.Contains(groups, r.group) {
			groups = append(groups, r.group)
		}
		if !slices.Contains(encoders, r.encoder) {
			encoders = append(encoders, r.encoder)
		}
	}
	if len(groups) > 1 {
		groups = append(groups, allPictures)
	}
	for _, g := range groups {
		first := rateOf(table, g, encoders[0])
		for _, e := range encoders {
			lines = append(lines, rateLine(rateOf(table, g, e), first))
		}
	}
	return lines
}

// rateOf returns the rows of an encoder in a group.
func rateOf(table []rateRow, group, encoder string) (list []rateRow) {
	for _, r := range table {
		if (r.group == group || group == allPictures) && r.encoder == encoder {
			r.group = group
			list = append(list, r)
		}
	}
	return list
}

func rateLine(list, first []rateRow) []string {
	n := float64(len(list))
	short, time, bytes, score := 0, 0.0, 0.0, 0.0
	for i, r := range list {
		if r.short {
			short++
		}
		time += math.Log(r.time) / n
		at80, firstAt80 := r.at(quality), first[i].at(quality)
		bytes += math.Log(float64(at80.Bytes)/float64(firstAt80.Bytes)) / n
		score += at80.SSIMULACRA2 / n
	}
	name := list[0].encoder
	if short > 0 {
		name += fmt.Sprintf(" (reaches not all looks of %d)", short)
	}
	line := []string{fmt.Sprintf("%s (%d)", list[0].group, len(list)), name}
	for i, m := range rateMeasures {
		cell := "–"
		if list[0].deltas != nil {
			if cell = fmt.Sprintf("%+.2f", meanDelta(list, i)); m.bytes {
				cell = percent(meanDelta(list, i))
			}
		}
		line = append(line, cell)
	}
	return append(line, fmt.Sprintf("%.2f", math.Exp(time)), percent(bytes), fmt.Sprintf("%.1f", score))
}

// at returns the file of a quality.
func (r rateRow) at(quality int) ratedFile { return r.files[slices.Index(r.qualities, quality)] }

// meanDelta is the mean of a measure's deltas.
func meanDelta(list []rateRow, measure int) (sum float64) {
	for _, r := range list {
		sum += r.deltas[measure]
	}
	return sum / float64(len(list))
}

// percent shows a difference of logarithms.
func percent(v float64) string { return fmt.Sprintf("%+.1f %%", 100*math.Expm1(v)) }

// rateBounds are by encoder how many bytes, in percent more or less than the first's, it may need for the same look.
type rateBounds map[string]float64

// parseBounds reads bounds such as "normal=-15,high=-22".
func parseBounds(s string) (rateBounds, error) {
	bounds := rateBounds{}
	if s == "" {
		return bounds, nil
	}
	for _, part := range strings.Split(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		known := slices.ContainsFunc(ratedEncoders[1:], func(e rated) bool { return e.name == name })
		limit, err := strconv.ParseFloat(value, 64)
		if err != nil || !known {
			return nil, fmt.Errorf("invalid value %q for -most, want an encoder and a percentage such as normal=-15", part)
		}
		bounds[name] = limit
	}
	return bounds, nil
}

// check returns an error that names the encoders that need more bytes than they may, by any of the looks.
func (b rateBounds) check(table []rateRow) error {
	var errs []error
	for _, e := range ratedEncoders {
		limit, ok := b[e.name]
		if !ok {
			continue
		}
		list := rateOf(table, allPictures, e.name)
		if list == nil {
			errs = append(errs, fmt.Errorf("%s has a bound and was not measured", e.name))
			continue
		}
		for i, m := range rateMeasures {
			if got := 100 * math.Expm1(meanDelta(list, i)); m.bounded && got > limit {
				errs = append(errs, fmt.Errorf("%s needs %+.1f %% of %s's bytes by %s, more than the bound of %+.1f %%",
					e.name, got, ratedEncoders[0].name, m.name, limit))
			}
		}
	}
	return errors.Join(errs...)
}
