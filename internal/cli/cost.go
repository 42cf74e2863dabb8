package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// costFlags are the flags of cost: a load, and where the rest of it comes from.
type costFlags struct {
	price.Load
	config, from string
	since        time.Duration
	json         bool

	worst                bool
	concurrency, timeout int // of --worst
}

func costCommand() *cobra.Command {
	f := costFlags{Load: price.Typical()}
	c := &cobra.Command{
		Use:   "cost",
		Short: "Estimate the cost of a deployment: a month's, or the worst hour's",
		Long: `Estimate the monthly cost of a deployment on AWS, item by item, with and without AWS's free tier.

The time that Lambda bills is measured on this machine, with a drawn picture and the recipe's variants, or read from the
log of a deployment (--from NAME). Prices are AWS's public prices, without discounts, credits and taxes.

With --worst, show instead what an hour can cost at most, whoever uploads and whatever, and which settings bound it.`,
		Example: `  imgmill cost --uploads 5000 --megapixels 24 --region ap-northeast-1
  imgmill cost --uploads 200 --days-kept 30 --trigger queue --json
  imgmill cost --from photos --uploads 5000
  imgmill cost --worst --concurrency 5
  imgmill cost --worst --from photos`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.Float64Var(&f.Uploads, "uploads", f.Uploads, "pictures uploaded a day")
	flags.Float64Var(&f.Megabytes, "megabytes", f.Megabytes, "size of an upload in MB")
	flags.Float64Var(&f.Megapixels, "megapixels", f.Megapixels, "megapixels of an upload")
	flags.IntVar(&f.Variants, "variants", 0, "variants of an upload (default: those of the recipe)")
	flags.Float64Var(&f.Milliseconds, "milliseconds", 0,
		"time that Lambda bills for an upload (default: measured)")
	flags.StringVar(&f.Region, "region", "", "AWS region (default: AWS_REGION, else us-east-1)")
	flags.StringVar(&f.Arch, "arch", f.Arch, "processor of the function: arm64 or amd64 (x86_64)")
	flags.IntVar(&f.MemoryMB, "memory", f.MemoryMB,
		"memory of the function in MB; 1769 MB come with one processor core")
	flags.StringVar(&f.Trigger, "trigger", f.Trigger, "direct or queue")
	flags.Float64Var(&f.DaysKept, "days-kept", f.DaysKept,
		"days that uploads and variants are kept")
	flags.Float64Var(&f.Views, "views", f.Views,
		"variants fetched a day over the internet, straight from the bucket")
	flags.StringVar(&f.config, "config", "",
		"recipe whose variants count (default: imgmill.yaml in this folder, else the default recipe)")
	flags.StringVar(&f.from, "from", "", "read times and sizes from the log of this deployment")
	flags.DurationVar(&f.since, "since", 7*24*time.Hour, "how far back --from reads")
	flags.BoolVar(&f.worst, "worst", false, "what an hour can cost at most, whoever uploads")
	flags.IntVar(&f.concurrency, "concurrency", 10,
		"with --worst: instances of the function at a time; 0 for as many as an account may run")
	flags.IntVar(&f.timeout, "timeout", 120, "with --worst: seconds after which Lambda ends the function")
	flags.BoolVar(&f.json, "json", false, "write one line of JSON to standard output")
	return c
}

// estimate is the output of --json.
type estimate struct {
	price.Bill
	Assumes []string `json:"assumes"`
}

func (f *costFlags) run(c *cobra.Command) error {
	f.Region = cmp.Or(f.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"),
		price.Typical().Region)
	var err error
	if f.Arch, err = architecture(f.Arch); err != nil {
		return err
	}
	if err := f.checkQuestion(c); err != nil {
		return err
	}
	if err := f.Validate(); err != nil { // before anything that takes time
		return usageError{err}
	}
	if f.worst {
		return f.runWorst(c)
	}
	var assumes []string
	if f.from != "" {
		assumes, err = f.readLog(c)
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
		fmt.Sprintf("Storage is for %s of uploads. As long as nothing is deleted, "+
			"the cost of a month is $%s more every month.", count(f.DaysKept, "day"), dollars(bill.Growth)),
		"The free tier is the one that every account always has, used by this deployment alone. "+
			"S3 has no such free tier: accounts created before 15 July 2025 have 5 GB, 2000 PUTs "+
			"and 20000 GETs a month free in their first twelve months, and newer accounts have "+
			"credits that expire.",
		"Prices are from AWS's price list of "+bill.Dated+", in US dollars, without taxes.")
	if bill.Assumed != "" {
		assumes = append(assumes, bill.Assumed)
	}
	if f.json {
		return newJSON(c.OutOrStdout()).Encode(estimate{bill, assumes})
	}
	return printBill(c.ErrOrStderr(), bill, assumes)
}

// findDeployment finds the deployment that --from names.
func (f *costFlags) findDeployment(c *cobra.Command) (*client.Cloud, *deployment.Deployment, error) {
	names, err := deployment.NamesFor(f.from)
	if err != nil {
		return nil, nil, usageError{err}
	}
	region := ""
	if c.Flags().Changed("region") {
		region = f.Region
	}
	cloud, err := client.Open(c.Context(), region)
	if err != nil {
		return nil, nil, err
	}
	d, err := deployment.FindAny(c.Context(), cloud, names)
	if err != nil {
		return nil, nil, explainNotDeployed(err, f.from)
	}
	return cloud, d, nil
}

// readLog fills in the load from a deployment and its log. Flags of the command line take
// precedence.
func (f *costFlags) readLog(c *cobra.Command) ([]string, error) {
	cloud, d, err := f.findDeployment(c)
	if err != nil {
		return nil, err
	}
	seen, err := logs.Summarize(c.Context(), cloud, d.LogGroup, f.since)
	if err != nil {
		return nil, err
	}
	ms, err := seen.PerPicture()
	if err != nil {
		return nil, fmt.Errorf("%s, in the last %s: %w", f.from, days(f.since), err)
	}
	changed := c.Flags().Changed
	f.Region, f.Megapixels = cloud.Region, 0 // the log does not say how many
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
	f.Audits = d.Parameters["AuditSchedule"] != ""
	for name, to := range map[string]func(float64){
		"MemoryMB":         func(v float64) { f.MemoryMB = int(v) },
		"LogRetentionDays": func(v float64) { f.LogRetentionDays = v },
	} {
		var v float64
		if _, err := fmt.Sscan(d.Parameters[name], &v); err == nil &&
			!(name == "MemoryMB" && changed("memory")) {
			to(v)
		}
	}
	assumes := []string{}
	if code, err := deployment.ReadCode(c.Context(), cloud, d); err == nil {
		f.Manifest, f.Moderated = code.Recipe.Manifest, code.Recipe.Gates.Rekognition != nil
	} else {
		assumes = append(assumes,
			fmt.Sprintf("Manifests are not counted, because the recipe of %s cannot be read: %v.",
				f.from, err))
	}
	return append(assumes,
		fmt.Sprintf("Times and sizes are means from the log of %s: %s in %s of the last %s, with %d cold starts.",
			f.from, count(seen.Pictures, "picture"), count(seen.Invocations, "invocation"), days(f.since),
			seen.Cold)), nil
}

const (
	// vcpu is the memory in MB that comes with one processor core (AWS Lambda Developer Guide,
	// "Configure Lambda function memory").
	vcpu = 1769
	// requestMS is the assumed time of one S3 request. AWS states none for requests within a
	// region.
	requestMS = 30
	// maxMegapixels is what this machine draws and renders within seconds.
	maxMegapixels = 100
)

// measure measures the bytes of variants on this machine, and the milliseconds unless they are
// given.
func (f *costFlags) measure(c *cobra.Command) ([]string, error) {
	r, err := loadRecipe(f.config)
	if err != nil {
		return nil, err
	}
	if f.Megapixels < 0.01 || f.Megapixels > maxMegapixels {
		return nil, wrongUse("--megapixels %g is out of range; use 0.01 to %d, which this machine can measure",
			f.Megapixels, maxMegapixels)
	}
	f.Manifest, f.Moderated = r.Manifest, r.Gates.Rekognition != nil
	variants := r.Variants
	if c.Flags().Changed("variants") {
		variants = slices.Repeat(r.Variants, f.Variants/len(r.Variants)+1)[:f.Variants]
		for i := range variants {
			variants[i].Set = "" // so many are made, whatever their width
		}
	}
	m, err := measureRendering(c.Context(), c.ErrOrStderr(), f.Megapixels, variants)
	if err != nil {
		return nil, err
	}
	f.Variants = m.variants
	f.VariantMegabytes = m.variantMB
	if f.Milliseconds > 0 {
		return []string{"The size of variants is that of a drawn picture."}, nil
	}
	share := min(1, float64(f.MemoryMB)/vcpu)
	puts, reads := f.StoreRequests()
	requests := puts + reads
	f.Milliseconds = m.ms/share + float64(requests*requestMS)
	onLambda := ""
	if share < 1 {
		onLambda = fmt.Sprintf("With %d MB of memory, the function has %.2f of a core and takes %.0f ms. ",
			f.MemoryMB, share, m.ms/share)
	}
	return []string{fmt.Sprintf("Measured on this machine, with a drawn picture of %.1f MB: "+
		"%.0f ms of a processor core, and a core of Lambda is assumed to be as fast. %s"+
		"%d requests to S3 are assumed to take %d ms each, so that %.0f ms are billed in all. "+
		"Cold starts are not counted. Use --from NAME to read times from a deployment instead.",
		m.megabytes, m.ms, onLambda, requests, requestMS, f.Milliseconds)}, nil
}

// rendering is what one picture took on this machine.
type rendering struct {
	megabytes float64 // of the picture
	ms        float64 // of one processor core
	variants  int     // that were made: of a set, none is wider than the picture
	variantMB float64 // mean size
}

// measureRendering renders a drawn 4:3 picture of so many megapixels with the function's code. The
// time is the median of three. It takes seconds, during which a terminal says what for.
func measureRendering(ctx context.Context, stderr io.Writer, megapixels float64,
	variants []render.Variant) (rendering, error) {
	status := newStatus(stderr)
	defer status.clear()
	status.show("Making the variants of a drawn picture (%s) to time them", count(megapixels, "megapixel"))
	height := math.Sqrt(megapixels * 1e6 * 3 / 4)
	photo := sample.Photo(int(math.Round(height*4/3)), int(math.Round(height)))
	engine := &render.Engine{Formats: formats.All()}
	variants = slices.Clone(variants)
	for i := range variants {
		variants[i].Watermark = render.Watermark{} // what it takes is little beside the rest, and its overlay is not at hand
	}
	m := rendering{megabytes: float64(len(photo)) / 1e6}
	var times []float64
	for range 3 {
		start := time.Now()
		_, outputs, err := engine.Make(ctx, bytes.NewReader(photo), codec.Limits{}, variants)
		if err != nil {
			return m, err
		}
		times = append(times, float64(time.Since(start).Microseconds())/1000)
		m.variants, m.variantMB = 0, 0
		for _, o := range outputs {
			if o.SameAs == "" {
				m.variants++
				m.variantMB += float64(len(o.Data)) / 1e6
			}
		}
		m.variantMB /= float64(m.variants)
	}
	slices.Sort(times)
	m.ms = times[len(times)/2]
	return m, nil
}

// printBill writes a bill for a person.
func printBill(w io.Writer, b price.Bill, assumes []string) error {
	l := b.Load
	size := fmt.Sprintf("%.3g MB", l.Megabytes)
	if l.Megapixels > 0 {
		size += " and " + count(l.Megapixels, "megapixel")
	}
	columns := columnsOf(w)
	for _, line := range []string{
		fmt.Sprintf("%s a day of %s, %s each of %.2g MB", count(l.Uploads, "upload"), size, count(l.Variants, "variant"), l.VariantMegabytes),
		fmt.Sprintf("%s, %s, %d MB, %.0f ms an upload, trigger %s\n", l.Region, l.Arch, l.MemoryMB, l.Milliseconds, l.Trigger),
	} {
		fmt.Fprintln(w, wrap(line, columns))
	}
	fmt.Fprintln(w)
	row := func(name, quantity, unit, full, free string) {
		fmt.Fprintf(w, "%-26s %9s %-10s %10s %17s\n", name, quantity, unit, full, free)
	}
	if columns < 26+9+10+10+17+4 {
		row = func(name, quantity, unit, full, free string) {
			stacked(w, columns, name, strings.TrimSpace(quantity+" "+unit), full, free)
		}
	}
	row("per month", "", "", "$", "$ after free tier")
	for _, line := range b.Lines {
		unit := line.Unit
		if line.Quantity == 1 {
			unit = strings.TrimSuffix(unit, "s")
		}
		row(line.Name, quantity(line.Quantity), unit, dollars(line.Full), dollars(line.Free))
	}
	row("total", "", "", dollars(b.Full), dollars(b.Free))
	for _, a := range assumes {
		fmt.Fprintf(w, "\n%s\n", wrap(a, columns))
	}
	return nil
}

// days writes a duration of whole days as such.
func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n > 1 && d == time.Duration(n)*24*time.Hour {
		return count(n, "day")
	}
	return d.String()
}

// dollars formats an amount with cents, and distinguishes a little from nothing.
func dollars(usd float64) string {
	if usd > 0 && usd < 0.005 {
		return "<0.01"
	}
	return fmt.Sprintf("%.2f", usd)
}

// quantity formats a number of units. Small ones have digits after the point.
func quantity(q float64) string {
	switch {
	case q > 0 && q < 0.001:
		return "<0.001"
	case q < 100 && q != math.Trunc(q):
		return fmt.Sprintf("%.3g", q)
	}
	return fmt.Sprintf("%.0f", q)
}
