package price

import "math"

// Backfill is work on pictures that are there already: once, not by the month.
type Backfill struct {
	Listed   float64 // objects in listings
	Marks    float64 // requests for the marks of objects
	Pictures float64 // to read
	Bytes    float64 // of all these pictures
	Objects  float64 // to write
	Stale    float64 // of these, how many replace one
	Deleted  float64 // objects to delete
	Region   string
	// Function is set if the function of a deployment makes the variants, and nil if a machine of the
	// user does.
	Function *Function
}

// Function is the work of a deployment's function on the pictures of a Backfill.
type Function struct {
	// Batch means that S3 Batch Operations invoke it; otherwise the pictures are sent to its work queue.
	Batch        bool
	Outputs      float64 // that the recipe asks for of a picture: the function looks at all of them
	Milliseconds float64 // billed for a picture
	MemoryMB     int
	Arch         string // arm64 or amd64
}

const (
	listPage   = 1000 // objects in an answer to a LIST
	queueBatch = 10   // messages that a request sends

	// recordHeads is for the record that an earlier attempt may have left of a picture.
	recordHeads = 1
)

// Once returns what AWS charges for a backfill, without any free tier. If a machine of the user makes
// the variants, outside is what its downloads cost if it is not in the region, and is not part of the
// sum. The sentence assumed is that of a Bill.
func (l Backfill) Once() (lines []Line, sum, outside float64, assumed string) {
	p, assumed := pricesOf(l.Region, false)
	add := func(name string, quantity float64, unit string, tiers []tier) {
		if quantity > 0 {
			usd := cost(quantity, tiers)
			lines = append(lines, Line{name, quantity, unit, usd, usd})
			sum += usd
		}
	}
	add("S3 listings (LIST)", math.Ceil(l.Listed/listPage), "requests", flat(p.put))
	// A replaced object costs a look at the source before it is written.
	looked := l.Objects
	if l.Function != nil {
		looked = l.Pictures * l.Function.Outputs
	}
	reads := l.Marks + l.Pictures*(sourceGets+sourceHeads+recordHeads) + looked*targetHeads + l.Stale*sourceHeads
	add("S3 reads (GET, HEAD)", reads, "requests", flat(p.get))
	add("S3 variants (PUT)", l.Objects*targetPuts, "requests", flat(p.put))
	if l.Deleted > 0 {
		add("S3 reads (HEAD) for deletions", 2*l.Deleted, "requests", flat(p.get)) // DELETE is free
	}
	f := l.Function
	if f == nil {
		return lines, sum, cost(gb(l.Bytes/1e6), p.transferOut), assumed
	}
	if f.Batch {
		add("S3 Batch Operations (job)", math.Min(1, l.Pictures), "jobs", flat(p.batchJob))
		add("S3 Batch Operations (objects)", l.Pictures, "objects", flat(p.batchObject))
	} else {
		const sent = 1.0 / queueBatch
		add("SQS requests", l.Pictures*(messageRequests-1+sent), "requests", flat(p.message))
	}
	add("Lambda requests", l.Pictures, "requests", flat(p.request))
	add("Lambda compute", l.Pictures*f.Milliseconds/1000*float64(f.MemoryMB)/1024, "GB-s", flat(p.gbSecond(f.Arch)))
	add("Logs written", gb(l.Pictures*logBytes/1e6), "GB", flat(p.logIngested))
	return lines, sum, 0, assumed
}
