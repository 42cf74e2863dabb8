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
}

const listPage = 1000 // objects in an answer to a LIST

// Once returns what S3 charges for a backfill, without any free tier. A machine of the user makes the
// variants; outside is what its downloads cost if it is not in the region, and is not part of the sum.
func (l Backfill) Once() (lines []Line, sum, outside float64, known bool) {
	p, known := regions[l.Region]
	if !known {
		return nil, 0, 0, false
	}
	add := func(name string, quantity float64, unit string, tiers []tier) {
		if quantity > 0 {
			usd := cost(quantity, tiers)
			lines = append(lines, Line{name, quantity, unit, usd, usd})
			sum += usd
		}
	}
	add("S3 listings (LIST)", math.Ceil(l.Listed/listPage), "requests", flat(p.put))
	// A replaced object costs a look at the source before it is written.
	reads := l.Marks + l.Pictures*(sourceGets+sourceHeads) + l.Objects*targetHeads + l.Stale*sourceHeads
	add("S3 reads (GET, HEAD)", reads, "requests", flat(p.get))
	add("S3 variants (PUT)", l.Objects*targetPuts, "requests", flat(p.put))
	if l.Deleted > 0 {
		add("S3 reads (HEAD) for deletions", 2*l.Deleted, "requests", flat(p.get)) // DELETE is free
	}
	return lines, sum, cost(gb(l.Bytes/1e6), p.transferOut), true
}
