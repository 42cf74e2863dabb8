package price

import "math"

// The work of a deployment for one upload of a new picture. A test of this package compares the
// counts of S3 requests with those of internal/pipeline/mill.
const (
	sourceGets  = 1 // the picture
	sourceHeads = 1 // whether the picture was replaced, after writing
	targetPuts  = 1 // of each output

	targetHeads = 1 // of each output that is probably there, before it is written

	// logBytes is the log of an invocation: Lambda's START, END and REPORT and our line, with the
	// 26 bytes that are counted for each (CloudWatch Logs API, PutLogEvents).
	logBytes = 900
	// logCompression is the share of a log that is counted while it is kept (CloudWatch pricing
	// page, example of logs).
	logCompression = 0.15

	messageRequests = 3 // S3 sends it, Lambda receives and deletes it, one by one

	// Five pollers of Lambda poll an idle queue, each for up to 20 seconds, and not fewer with
	// maximum concurrency, which the template sets (AWS Lambda Developer Guide, "Configuring
	// scaling behavior for SQS event source mappings").
	pollers   = 5
	pollsADay = pollers * 24 * 60 * 60 / 20

	// In internal/aws/template/template.yaml.
	alarms     = 6 // each on one metric
	metrics    = 1 // made from the log
	dashboards = 1
)

// StoreRequests returns the requests to S3 for one upload: PUTs, and reads (GET and HEAD).
func (l Load) StoreRequests() (puts, reads int) {
	outputs := l.Variants
	if l.Manifest {
		outputs++
	}
	return outputs * targetPuts, sourceGets + sourceHeads
}

// Estimate returns the monthly bill. The error is that of Validate.
func Estimate(l Load) (Bill, error) {
	if err := l.Validate(); err != nil {
		return Bill{}, err
	}
	p, assumed := pricesOf(l.Region, l.Moderated)
	b := Bill{Load: l, Dated: dated, Assumed: assumed}
	uploads := l.Uploads * DaysPerMonth
	puts, reads := l.StoreRequests()

	b.add("Lambda requests", uploads, "requests", flat(p.request), freeRequests)
	b.add("Lambda compute", uploads*l.Milliseconds/1000*float64(l.MemoryMB)/1024, "GB-s",
		flat(p.gbSecond(l.Arch)), freeGBSeconds)
	b.add("S3 uploads (PUT)", uploads, "requests", flat(p.put), 0)
	b.add("S3 variants (PUT)", uploads*float64(puts), "requests", flat(p.put), 0)
	views := l.Views * DaysPerMonth
	b.add("S3 reads (GET, HEAD)", uploads*float64(reads)+views, "requests", flat(p.get), 0)
	b.storage(l, p.storage)
	b.logs(l, p, uploads)
	if l.Moderated {
		b.add("Rekognition", uploads, "pictures", flat(p.moderation), 0)
	}
	if l.Trigger == "queue" {
		b.add("SQS requests", uploads*messageRequests+pollsADay*DaysPerMonth, "requests",
			flat(p.message), freeMessages)
	}
	audits := 0.0 // what the audits themselves cost depends on how many pictures there are: see docs/scale.md
	if l.Audits {
		audits = 1
	}
	b.add("Alarms", alarms+audits, "metrics", flat(p.alarm), freeAlarms)
	b.add("Own metrics", metrics+audits, "metrics", flat(p.metric), freeMetrics)
	b.add("Dashboard", dashboards, "dashboards", flat(dashboard), freeDashboards)
	b.add("Transfer to the internet", gb(views*l.VariantMegabytes), "GB", p.transferOut,
		freeTransferGB)
	return b, nil
}

// add adds an item to the bill. Free units are subtracted before the price applies.
func (b *Bill) add(name string, quantity float64, unit string, tiers []tier, free float64) {
	line := Line{name, quantity, unit, cost(quantity, tiers), cost(max(0, quantity-free), tiers)}
	b.Lines = append(b.Lines, line)
	b.Full += line.Full
	b.Free += line.Free
}

// storage adds the storage of both buckets once as many days of uploads are stored as they are
// kept. The buckets share AWS's tiers.
func (b *Bill) storage(l Load, tiers []tier) {
	source := gb(l.Uploads * l.DaysKept * l.Megabytes)
	target := gb(l.Uploads * l.DaysKept * l.VariantMegabytes * float64(l.Variants))
	all := cost(source+target, tiers)
	share := 1.0
	if source+target > 0 {
		share = source / (source + target)
	}
	for _, part := range []struct {
		name     string
		quantity float64
		share    float64
	}{{"S3 storage of uploads", source, share}, {"S3 storage of variants", target, 1 - share}} {
		b.Lines = append(b.Lines, Line{part.name, part.quantity, "GB", all * part.share,
			all * part.share})
	}
	b.Full += all
	b.Free += all
	month := gb(l.Uploads * DaysPerMonth * (l.Megabytes + l.VariantMegabytes*float64(l.Variants)))
	b.Growth = cost(source+target+month, tiers) - all
}

// logs adds the cost of writing and of keeping logs. Both share one free amount.
func (b *Bill) logs(l Load, p prices, invocations float64) {
	written := gb(invocations * logBytes / 1e6)
	kept := written / DaysPerMonth * l.LogRetentionDays * logCompression
	b.add("Logs written", written, "GB", flat(p.logIngested), freeLogGB)
	b.add("Logs kept", kept, "GB", flat(p.logStored), max(0, freeLogGB-written))
}

// cost applies the tiers to a quantity.
func cost(quantity float64, tiers []tier) float64 {
	usd, from := 0.0, 0.0
	for _, t := range tiers {
		usd += t.usd * max(0, min(quantity, t.upTo)-from)
		from = t.upTo
	}
	return usd
}

func flat(usd float64) []tier { return []tier{{math.Inf(1), usd}} }

// gb converts MB of 10^6 bytes to AWS's GB of 2^30 bytes.
func gb(megabytes float64) float64 { return megabytes * 1e6 / (1 << 30) }
