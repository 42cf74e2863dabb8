// Package price estimates what a deployment costs, item by item: in a month (Estimate), from the
// number and the size of pictures, and at most in an hour (Limit), whoever uploads.
//
// Its prices are in regions.go, for every commercial region, with a date and their source; make prices
// reads them anew. It never calls AWS, knows no discounts, credits or taxes of an account, and assumes that nothing else uses
// the account's free tier.
package price

import (
	"errors"
	"fmt"
	"math"
	"regexp"
)

// DaysPerMonth is the mean month of 730 hours, which AWS's own calculator uses.
const DaysPerMonth = 30.4

// Load is the work of a deployment. Typical returns one to start from.
type Load struct {
	Uploads          float64 `json:"uploads_a_day"`
	Megabytes        float64 `json:"megabytes"`         // of an upload, in millions of bytes
	Megapixels       float64 `json:"megapixels"`        // of an upload; what Milliseconds were measured for, not priced itself
	Variants         int     `json:"variants"`          // of an upload
	VariantMegabytes float64 `json:"variant_megabytes"` // of each of them
	Manifest         bool    `json:"manifest"`          // the recipe's: one more object beside the variants
	Moderated        bool    `json:"moderated"`         // by the recipe's gates.rekognition
	Milliseconds     float64 `json:"milliseconds"`      // billed for an upload
	Region           string  `json:"region"`
	Arch             string  `json:"arch"` // arm64 or amd64
	MemoryMB         int     `json:"memory_mb"`
	Trigger          string  `json:"trigger"`            // direct or queue
	DaysKept         float64 `json:"days_kept"`          // how long uploads and variants stay: storage is that of so many days
	Views            float64 `json:"views_a_day"`        // variants fetched over the internet, straight from the bucket
	LogRetentionDays float64 `json:"log_retention_days"` // as the template's parameter
	Audits           bool    `json:"audits"`             // at night: an alarm and its metric
}

// Typical returns a load of a thousand photographs of 12 megapixels a day, with one variant each,
// kept for a year, in a deployment with the template's defaults.
func Typical() Load {
	return Load{
		Uploads: 1000, Megabytes: 4, Megapixels: 12, Variants: 1, VariantMegabytes: 0.15,
		Milliseconds: 500,
		Region:       "us-east-1", Arch: "arm64", MemoryMB: 1769, Trigger: "direct", DaysKept: 365,
		LogRetentionDays: 14,
	}
}

// Line is one item of a monthly bill, in US dollars.
type Line struct {
	Name     string  `json:"line"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	Full     float64 `json:"usd"`                 // without the free tier
	Free     float64 `json:"usd_after_free_tier"` // after the free tier that every account always has
}

// Bill is the monthly cost of a Load.
type Bill struct {
	Load  Load    `json:"load"`
	Lines []Line  `json:"lines"`
	Full  float64 `json:"usd"`                 // the sum of the lines
	Free  float64 `json:"usd_after_free_tier"` // likewise
	// Growth is by how much the cost of storage grows every month as long as nothing is deleted.
	Growth float64 `json:"usd_growth_a_month"`
	Dated  string  `json:"prices_of"` // the day of the price list
	// Assumed says, in a sentence, which prices are another region's; it is empty if none are.
	Assumed string `json:"assumed,omitempty"`
}

// regionName is the form of a region's name, such as eu-west-1.
var regionName = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)

// Validate reports everything that is wrong with a load.
func (l Load) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, n := range []struct {
		name  string
		value float64
	}{
		{"uploads", l.Uploads}, {"megabytes", l.Megabytes}, {"megapixels", l.Megapixels},
		{"variants", float64(l.Variants)},
		{"variant megabytes", l.VariantMegabytes}, {"milliseconds", l.Milliseconds},
		{"days kept", l.DaysKept},
		{"views", l.Views}, {"log retention days", l.LogRetentionDays},
	} {
		if n.value < 0 || math.IsNaN(n.value) || math.IsInf(n.value, 0) {
			add("%s %v is not valid; use 0 or more", n.name, n.value)
		}
	}
	return errors.Join(append(errs, validatePlace(l.Region, l.Arch, l.Trigger, l.MemoryMB)...)...)
}

// validatePlace reports what is wrong with the settings that both estimates have.
func validatePlace(region, arch, trigger string, memoryMB int) (errs []error) {
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !regionName.MatchString(region) {
		add("region %q is not the name of one, such as eu-west-1", region)
	}
	if arch != "arm64" && arch != "amd64" {
		add("architecture %q is not valid; use arm64 or amd64", arch)
	}
	if memoryMB < 128 || memoryMB > 10240 {
		add("memory %d MB is out of range; use 128 to 10240", memoryMB)
	}
	if trigger != "direct" && trigger != "queue" {
		add("trigger %q is not valid; use direct or queue", trigger)
	}
	return errs
}
