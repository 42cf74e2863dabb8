package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// costFlags are the command line of cost: a load, and where what it does not say comes from.
type costFlags struct {
	price.Load
	config, from string
	since        time.Duration
	json         bool
}

func costCommand() *cobra.Command {
	f := costFlags{Load: price.Typical()}
	c := &cobra.Command{
		Use:   "cost",
		Short: "Estimate what a deployment costs a month",
		Long: `Estimate what a deployment on AWS costs a month, line by line, with and without what AWS gives every account for free.

The milliseconds that Lambda bills come from a measurement on this machine, of a drawn picture and the recipe's variants, or
from the log of a deployment (--from NAME). Prices are AWS's public ones, without discounts, credits and taxes.`,
		Example: `  imgmill cost --uploads 5000 --megapixels 24 --region ap-northeast-1
  imgmill cost --uploads 200 --days-kept 30 --trigger queue --json
  imgmill cost --from photos --uploads 5000`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.Float64Var(&f.Uploads, "uploads", f.Uploads, "pictures uploaded a day")
	flags.Float64Var(&f.Megabytes, "megabytes", f.Megabytes, "MB of an upload")
	flags.Float64Var(&f.Megapixels, "megapixels", f.Megapixels, "megapixels of an upload")
	flags.IntVar(&f.Variants, "variants", 0, "variants of an upload (default those of the recipe)")
	flags.Float64Var(&f.Milliseconds, "milliseconds", 0, "what Lambda bills for an upload (default measured)")
	flags.StringVar(&f.Region, "region", "", "AWS region (default AWS_REGION, else us-east-1)")
	flags.StringVar(&f.Arch, "arch", f.Arch, "processor of the function: arm64 or amd64 (x86_64)")
	flags.IntVar(&f.MemoryMB, "memory", f.MemoryMB, "memory of the function in MB; 1769 are one processor")
	flags.StringVar(&f.Trigger, "trigger", f.Trigger, "direct or queue")
	flags.Float64Var(&f.DaysKept, "days-kept", f.DaysKept, "days that uploads and variants are kept")
	flags.Float64Var(&f.Views, "views", f.Views, "variants fetched a day over the internet, straight from the bucket")
	flags.StringVar(&f.config, "config", "", "recipe whose variants are made (default imgmill.yaml if it is there)")
	flags.StringVar(&f.from, "from", "", "take times and sizes from the log of this deployment")
	flags.DurationVar(&f.since, "since", 7*24*time.Hour, "how far back --from looks")
	flags.BoolVar(&f.json, "json", false, "one line of JSON on standard output")
	return c
}

// estimate is the line of --json.
type estimate struct {
	price.Bill
	Assumes []string `json:"assumes"`
}

func (f *costFlags) run(c *cobra.Command) error {
	f.Region = cmp.Or(f.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), price.Typical().Region)
	var err error
	if f.Arch, err = architecture(f.Arch); err != nil {
		return err
	}
	if err := f.Validate(); err != nil { // before anything that takes time
		return usageError{err}
	}
	var assumes []string
	if f.from != "" {
		assumes, err = f.look(c)
	} else {
		assumes, err = f.measure(c)
	}
	if err != nil {
		return err
	}
	bill, err := price.Estimate(f.Load)
	if err != nil {
		return err
	}
	assumes = append(assumes,
		fmt.Sprintf("Storage is that of %g days of uploads. While nothing is deleted it grows by $%s a month every month.", f.DaysKept, dollars(bill.Growth)),
		"The free tier is what every account has for ever, all of it taken for this deployment. S3 has none of that: accounts made before "+
			"15 July 2025 have 5 GB, 2000 PUTs and 20000 GETs a month in their first twelve months, newer ones credits that end.",
		"Prices are those of AWS's list of "+bill.Dated+", in US dollars, without taxes.")
	if f.json {
		return json.NewEncoder(c.OutOrStdout()).Encode(estimate{bill, assumes})
	}
	return printBill(c.ErrOrStderr(), bill, assumes)
}

// look takes what it can from a deployment and its log. What the command line says goes before.
func (f *costFlags) look(c *cobra.Command) ([]string, error) {
	names, err := stack.NamesFor(f.from)
	if err != nil {
		return nil, usageError{err}
	}
	region := ""
	if c.Flags().Changed("region") {
		region = f.Region
	}
	cloud, err := stack.Open(c.Context(), region)
	if err != nil {
		return nil, err
	}
	d, err := cloud.Find(c.Context(), names)
	if err != nil {
		return nil, elsewhere(err, f.from)
	}
	seen, err := cloud.Durations(c.Context(), d, f.since)
	if err != nil {
		return nil, err
	}
	ms, err := seen.PerPicture()
	if err != nil {
		return nil, fmt.Errorf("%s, in the last %s: %w", f.from, f.since, err)
	}
	changed := c.Flags().Changed
	f.Region = cloud.Region
	f.VariantMegabytes = float64(seen.BytesOut) / 1e6 / float64(max(1, seen.Variants))
	if !changed("milliseconds") {
		f.Milliseconds = ms
	}
	if !changed("megabytes") {
		f.Megabytes = float64(seen.BytesIn) / 1e6 / float64(seen.Pictures)
	}
	if !changed("variants") {
		f.Variants = int(math.Round(float64(seen.Variants) / float64(seen.Pictures)))
	}
	if arch, err := architecture(d.Parameters["Architecture"]); err == nil && !changed("arch") {
		f.Arch = arch
	}
	if d.Trigger != "" && !changed("trigger") {
		f.Trigger = d.Trigger
	}
	for name, to := range map[string]func(float64){
		"MemoryMB":         func(v float64) { f.MemoryMB = int(v) },
		"LogRetentionDays": func(v float64) { f.LogRetentionDays = v },
	} {
		var v float64
		if _, err := fmt.Sscan(d.Parameters[name], &v); err == nil && !(name == "MemoryMB" && changed("memory")) {
			to(v)
		}
	}
	assumes := []string{}
	if code, err := cloud.Code(c.Context(), d); err == nil {
		f.Manifest = code.Recipe.Manifest
	} else {
		assumes = append(assumes, fmt.Sprintf("Manifests are not counted: the recipe of %s cannot be read: %v.", f.from, err))
	}
	return append(assumes, fmt.Sprintf("Milliseconds and sizes are means of the log of %s: %s in %s of the last %s, of which %d cold starts.",
		f.from, count(seen.Pictures, "picture"), count(seen.Invocations, "invocation"), f.since, seen.Cold)), nil
}

const (
	// vcpu is the memory with which a function has one processor (Lambda Developer Guide, "Configure Lambda function memory").
	vcpu = 1769
	// requestMS is how long the function waits for one answer of S3. AWS states none for requests within a region.
	requestMS = 30
	// mostMegapixels is what this machine draws and renders within seconds.
	mostMegapixels = 100
)

// measure finds the milliseconds and the bytes of variants on this machine, unless the milliseconds are given.
func (f *costFlags) measure(c *cobra.Command) ([]string, error) {
	r, err := loadRecipe(f.config)
	if err != nil {
		return nil, err
	}
	if f.Megapixels < 0.01 || f.Megapixels > mostMegapixels {
		return nil, wrongUse("--megapixels %g: a picture from 0.01 to %d can be measured", f.Megapixels, mostMegapixels)
	}
	f.Manifest = r.Manifest
	variants := r.Variants
	if c.Flags().Changed("variants") {
		variants = slices.Repeat(r.Variants, f.Variants/len(r.Variants)+1)[:f.Variants]
	}
	f.Variants = len(variants)
	m, err := measureRendering(c.Context(), f.Megapixels, variants)
	if err != nil {
		return nil, err
	}
	f.VariantMegabytes = m.variantMB
	if f.Milliseconds > 0 {
		return []string{"Variants are as large as those of a drawn picture."}, nil
	}
	share := min(1, float64(f.MemoryMB)/vcpu)
	puts, reads := f.StoreRequests()
	requests := puts + reads
	f.Milliseconds = m.ms/share + float64(requests*requestMS)
	return []string{fmt.Sprintf("Measured here, of a drawn picture of %.1f MB: %.0f ms. %d MB are %.2f of a processor (%d MB are one), taken to be as fast "+
		"as one of this machine: %.0f ms. S3 is asked %d times, taken to answer in %d ms: %.0f ms are billed in all. A start of an instance "+
		"is not counted. --from NAME takes times from a deployment instead.",
		m.megabytes, m.ms, f.MemoryMB, share, vcpu, m.ms/share, requests, requestMS, f.Milliseconds)}, nil
}

// rendering is what one picture took on this machine.
type rendering struct {
	megabytes float64 // of the picture
	ms        float64 // of one processor
	variantMB float64 // mean
}

// measureRendering renders a drawn picture of so many megapixels, 4:3, by the function's code, and takes the median of a few
// times.
func measureRendering(ctx context.Context, megapixels float64, variants []render.Variant) (rendering, error) {
	height := math.Sqrt(megapixels * 1e6 * 3 / 4)
	photo := sample.Photo(int(math.Round(height*4/3)), int(math.Round(height)))
	engine := &render.Engine{Formats: formats.All()}
	m := rendering{megabytes: float64(len(photo)) / 1e6}
	var times []float64
	for range 3 {
		start := time.Now()
		_, outputs, err := engine.Make(ctx, bytes.NewReader(photo), codec.Limits{}, variants)
		if err != nil {
			return m, err
		}
		times = append(times, float64(time.Since(start).Microseconds())/1000)
		m.variantMB = 0
		for _, o := range outputs {
			m.variantMB += float64(len(o.Data)) / 1e6 / float64(len(outputs))
		}
	}
	slices.Sort(times)
	m.ms = times[len(times)/2]
	return m, nil
}

// printBill writes a bill for a person to read.
func printBill(w io.Writer, b price.Bill, assumes []string) error {
	l := b.Load
	fmt.Fprintf(w, "%g uploads a day of %.3g MB and %g megapixels, %s each of %.2g MB\n", l.Uploads, l.Megabytes, l.Megapixels,
		count(l.Variants, "variant"), l.VariantMegabytes)
	fmt.Fprintf(w, "%s, %s, %d MB, %.0f ms an upload, trigger %s\n\n", l.Region, l.Arch, l.MemoryMB, l.Milliseconds, l.Trigger)
	row := func(name, quantity, unit, full, free string) {
		fmt.Fprintf(w, "%-26s %9s %-10s %10s %13s\n", name, quantity, unit, full, free)
	}
	row("a month of", "", "", "$", "$ after free")
	for _, line := range b.Lines {
		row(line.Name, quantity(line.Quantity), line.Unit, dollars(line.Full), dollars(line.Free))
	}
	row("all", "", "", dollars(b.Full), dollars(b.Free))
	for _, a := range assumes {
		fmt.Fprintf(w, "\n%s\n", a)
	}
	return nil
}

// dollars has cents, and tells little from nothing.
func dollars(usd float64) string {
	if usd > 0 && usd < 0.005 {
		return "<0.01"
	}
	return fmt.Sprintf("%.2f", usd)
}

func quantity(q float64) string {
	if q > 0 && q < 100 && q != math.Trunc(q) {
		return fmt.Sprintf("%.3g", q)
	}
	return fmt.Sprintf("%.0f", q)
}
