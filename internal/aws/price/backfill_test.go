package price

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestWorkedBackfills compares cases with the arithmetic of AWS's pricing pages (S3, Lambda, SQS,
// CloudWatch and EC2 "Data Transfer"), written out: within 5 %.
func TestWorkedBackfills(t *testing.T) {
	for _, c := range []struct {
		name     string
		load     Backfill
		usd      float64
		transfer float64
	}{
		{
			// A million photographs of 4 MB in N. Virginia, two variants, none there yet, made by a
			// machine in the region: 1,000 LIST at $0.005 a thousand, 1,000,000 GET, 4,000,000 HEAD at
			// $0.0004 a thousand, 2,000,000 PUT at $0.005 a thousand. The same machine elsewhere downloads
			// 4e12 bytes, 3,725.29 GB at $0.09.
			"a million photographs, in the region",
			Backfill{Listed: 1e6, Pictures: 1e6, Bytes: 4e12, Objects: 2e6, Region: "us-east-1"},
			1_000*0.005/1000 + 5_000_000*0.0004/1000 + 2_000_000*0.005/1000,
			3_725.29 * 0.09,
		},
		{
			// The same in Tokyo, by the function: 1769 MB for 0.5 s each on arm64, that is 863,770
			// GB-seconds at $0.0000133334; a million requests at $0.20; 2,100,000 requests to SQS at $0.40
			// a million; 900 MB of logs, 0.838 GB at $0.76. S3 charges $0.0047 and $0.00037 a thousand.
			"a million photographs, through the queue",
			Backfill{Listed: 1e6, Pictures: 1e6, Bytes: 4e12, Objects: 2e6, Region: "ap-northeast-1",
				Function: &Function{Outputs: 2, Milliseconds: 500, MemoryMB: 1769, Arch: "arm64"}},
			1_000*0.0047/1000 + 5_000_000*0.00037/1000 + 2_000_000*0.0047/1000 +
				863_770*0.0000133334 + 0.20 + 2.1*0.40 + 0.838*0.76,
			0,
		},
		{
			// The same requests in Ireland, by a job of S3 Batch Operations: $0.25, and $1 a million objects;
			// logs at $0.57.
			"a million photographs, by S3 Batch Operations",
			Backfill{Listed: 1e6, Pictures: 1e6, Bytes: 4e12, Objects: 2e6, Region: "eu-west-1",
				Function: &Function{Batch: true, Outputs: 2, Milliseconds: 500, MemoryMB: 1769, Arch: "arm64"}},
			1_000*0.005/1000 + 5_000_000*0.0004/1000 + 2_000_000*0.005/1000 +
				863_770*0.0000133334 + 0.20 + 0.25 + 1.00 + 0.838*0.57,
			0,
		},
		{
			// A changed variant of ten million pictures in Ireland, one other variant: the marks of 20
			// million objects, 10 million GET, 40 million HEAD and as many PUT as pictures; 30,000 LIST.
			// 40 TB from outside: 37,252.9 GB, of which 10,240 at $0.09 and the rest at $0.085.
			"one variant of ten million changed",
			Backfill{Listed: 30e6, Marks: 20e6, Pictures: 10e6, Bytes: 40e12, Objects: 10e6, Stale: 10e6, Region: "eu-west-1"},
			30_000*0.005/1000 + 20e6*0.0004/1000 + 50e6*0.0004/1000 + 10e6*0.005/1000,
			10_240*0.09 + 27_012.9*0.085,
		},
	} {
		lines, sum, outside, assumed := c.load.Once()
		if assumed != "" || math.Abs(sum/c.usd-1) > 0.05 {
			t.Errorf("%s: $%.2f, by AWS's arithmetic $%.2f: %+v", c.name, sum, c.usd, lines)
		}
		if math.Abs(outside-c.transfer) > 0.05*c.transfer {
			t.Errorf("%s: $%.2f for the transfer, by AWS's arithmetic $%.2f", c.name, outside, c.transfer)
		}
		t.Logf("%s: $%.2f, AWS $%.2f; transfer $%.2f, AWS $%.2f", c.name, sum, c.usd, outside, c.transfer)
	}
	if _, _, _, assumed := (Backfill{Region: "mars-north-1"}).Once(); !strings.Contains(assumed, "mars-north-1") {
		t.Errorf("the prices of mars-north-1 are known: %q", assumed)
	}
}

// TestBackfillCountsWhatTheMillDoes compares the requests that are priced with those that the mill
// makes for a picture without variants, and for one of whose two variants one is stale: here, and in the
// function, which is not given the names of variants.
func TestBackfillCountsWhatTheMillDoes(t *testing.T) {
	inner := mem.New("in-bucket", "out-bucket")
	photo := sample.Photo(64, 48)
	etag, err := inner.Put(t.Context(), "in-bucket", "a.jpg", photo, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	change := event.Change{Bucket: "in-bucket", Key: "a.jpg", ETag: etag, Size: int64(len(photo))}
	function := &Function{Outputs: 2}
	for i, load := range []Backfill{
		{Pictures: 1, Objects: 2}, {Pictures: 1, Objects: 1, Stale: 1}, {Pictures: 1, Objects: 1, Stale: 1, Function: function},
	} {
		r, err := recipe.Parse(formats.All(), "test", fmt.Appendf(nil,
			"source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\nvariants: {a: {width: 9}, b: {width: %d}}\n", 20+i))
		if err != nil {
			t.Fatal(err)
		}
		c := &counter{Store: inner}
		m, objects := mill.New(c, r), int(load.Objects)
		var res mill.Result
		if load.Function != nil {
			res, objects = m.Process(t.Context(), change), 2 // with the one that stays
		} else {
			res = m.Remake(t.Context(), change, []string{"a", "b"}[i:])
		}
		if res.Verdict != outcome.Done || len(res.Objects) != objects {
			t.Fatalf("%s: %s, %+v", res.Verdict, res.Reason, res.Objects)
		}
		load.Region = "us-east-1"
		lines, _, _, _ := load.Once()
		if reads, puts := lines[0].Quantity, lines[1].Quantity; int64(reads) != c.reads.Load() || int64(puts) != c.puts.Load() {
			t.Errorf("the mill makes %d reads and %d PUTs, the estimate counts %v and %v", c.reads.Load(), c.puts.Load(), reads, puts)
		}
	}
}
