package price

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

func line(t *testing.T, b Bill, name string) Line {
	t.Helper()
	for _, l := range b.Lines {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no line %q in %+v", name, b.Lines)
	panic("unreachable")
}

// TestAuditsCost: an alarm and a metric more.
func TestAuditsCost(t *testing.T) {
	load := Typical()
	load.Audits = true
	b, err := Estimate(load)
	if err != nil {
		t.Fatal(err)
	}
	if alarms, own := line(t, b, "Alarms"), line(t, b, "Own metrics"); alarms.Quantity != 7 || own.Quantity != 2 {
		t.Errorf("%+v, %+v", alarms, own)
	}
}

// TestEstimateMatchesAHandCalculation: every item of a load that goes beyond each part of the free
// tier, worked out by hand from the price list's figures, 30.4 days, 1024 MB in a GB of memory and
// 2^30 bytes in a GB.
func TestEstimateMatchesAHandCalculation(t *testing.T) {
	b, err := Estimate(Load{
		Uploads: 100_000, Megabytes: 10.73741824, Megapixels: 12, Variants: 2,
		VariantMegabytes: 1.073741824, Manifest: true,
		Milliseconds: 1000, Region: "us-east-1", Arch: "arm64", MemoryMB: 2048, Trigger: "queue",
		DaysKept: 10, Views: 10_000, LogRetentionDays: 30.4,
	})
	if err != nil {
		t.Fatal(err)
	}
	const uploads = 3_040_000
	for _, want := range []Line{
		{"Lambda requests", uploads, "requests", 0.608, 0.408},
		{"Lambda compute", 6_080_000, "GB-s", 81.067072, 75.733712},
		{"S3 uploads (PUT)", uploads, "requests", 15.2, 15.2},
		{"S3 variants (PUT)", 3 * uploads, "requests", 45.6, 45.6},
		{"S3 reads (GET, HEAD)", 2*uploads + 304_000, "requests", 2.5536, 2.5536},
		{"S3 storage of uploads", 10_000, "GB", 230, 230},
		{"S3 storage of variants", 2_000, "GB", 46, 46},
		{"SQS requests", 3*uploads + 656_640, "requests", 3.910656, 3.510656},
		{"Alarms", 6, "metrics", 0.6, 0},
		{"Own metrics", 1, "metrics", 0.3, 0},
		{"Dashboard", 1, "dashboards", 3, 0},
		{"Transfer to the internet", 304, "GB", 27.36, 18.36},
	} {
		got := line(t, b, want.Name)
		if got.Unit != want.Unit || !near(got.Quantity, want.Quantity) ||
			!near(got.Full, want.Full) || !near(got.Free, want.Free) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	var full, free float64
	for _, l := range b.Lines {
		full += l.Full
		free += l.Free
		if l.Free > l.Full {
			t.Errorf("%s costs more after the free tier", l.Name)
		}
	}
	if !near(b.Full, full) || !near(b.Free, free) {
		t.Errorf("the sums are %v and %v, of the lines %v and %v", b.Full, b.Free, full, free)
	}
	if want := 30_400*0.023 + 6_080*0.023; !near(b.Growth, want) {
		t.Errorf("storage grows by %v a month, want %v", b.Growth, want)
	}
}

// TestLogsShareTheirFreeAmount: written logs use up the free 5 GB first.
func TestLogsShareTheirFreeAmount(t *testing.T) {
	l := Typical()
	l.Uploads, l.LogRetentionDays = 1e6, 304
	b, err := Estimate(l)
	if err != nil {
		t.Fatal(err)
	}
	written, kept := line(t, b, "Logs written"), line(t, b, "Logs kept")
	if written.Quantity < freeLogGB || !near(written.Free, (written.Quantity-freeLogGB)*0.50) {
		t.Errorf("written: %+v", written)
	}
	if !near(kept.Quantity, 10*written.Quantity*logCompression) || !near(kept.Free, kept.Full) ||
		!near(kept.Full, kept.Quantity*0.03) {
		t.Errorf("kept: %+v", kept)
	}
	l.Uploads = 1000
	if b, err = Estimate(l); err != nil {
		t.Fatal(err)
	}
	if l := line(t, b, "Logs kept"); l.Full <= 0 || l.Free != 0 {
		t.Errorf("kept of few uploads: %+v", l)
	}
}

func TestStorageRunsThroughTiers(t *testing.T) {
	for _, c := range []struct{ gb, usd float64 }{
		{0, 0}, {1, 0.023}, {51_200, 1177.6}, {51_201, 1177.622}, {512_000, 1177.6 + 460_800*0.022},
		{512_001, 1177.6 + 460_800*0.022 + 0.021},
	} {
		if got := cost(c.gb, regions["us-east-1"].storage); !near(got, c.usd) {
			t.Errorf("%v GB cost %v, want %v", c.gb, got, c.usd)
		}
	}
}

func TestArchitectureAndTriggerMatter(t *testing.T) {
	l := Typical()
	arm, err := Estimate(l)
	if err != nil {
		t.Fatal(err)
	}
	l.Arch, l.Trigger = "amd64", "queue"
	amd, err := Estimate(l)
	if err != nil {
		t.Fatal(err)
	}
	if ratio := line(t, amd, "Lambda compute").Full / line(t, arm,
		"Lambda compute").Full; math.Abs(ratio-1.25) > 1e-4 {
		t.Errorf("amd64 costs %v times what arm64 does, want 1.25", ratio)
	}
	if len(amd.Lines) != len(arm.Lines)+1 {
		t.Errorf("a queue adds %d lines, want 1", len(amd.Lines)-len(arm.Lines))
	}
}

// TestRegionsAreComplete: no price is missing, and tiers get cheaper.
func TestRegionsAreComplete(t *testing.T) {
	if _, err := time.Parse(time.DateOnly, dated); err != nil {
		t.Error(err)
	}
	if len(regions) < 34 {
		t.Errorf("prices of %d regions; AWS has 34 commercial ones", len(regions))
	}
	for name, p := range regions {
		for what, usd := range map[string]float64{
			"request": p.request, "arm64": p.gbSecond("arm64"), "amd64": p.gbSecond("amd64"),
			"put": p.put, "get": p.get, "job": p.batchJob, "object": p.batchObject,
			"log ingested": p.logIngested, "log stored": p.logStored, "alarm": p.alarm,
			"metric": p.metric, "message": p.message,
		} {
			if usd <= 0 {
				t.Errorf("%s: %s costs %v", name, what, usd)
			}
		}
		for _, tiers := range [][]tier{p.storage, p.transferOut} {
			for i := 1; i < len(tiers); i++ {
				if tiers[i].upTo <= tiers[i-1].upTo || tiers[i].usd >= tiers[i-1].usd {
					t.Errorf("%s: tier %d of %v", name, i, tiers)
				}
			}
			if len(tiers) == 0 || !math.IsInf(tiers[len(tiers)-1].upTo, 1) {
				t.Errorf("%s: the last of %v ends", name, tiers)
			}
		}
	}
}

// TestRegionsAgreeWithAWS compares figures of four regions with those that were read by hand from AWS's
// offer files, whose dates follow.
func TestRegionsAgreeWithAWS(t *testing.T) {
	for name, want := range map[string]prices{
		"us-east-1":      {put: 0.005e-3, get: 0.0004e-3, logIngested: 0.50, logStored: 0.03, storage: []tier{{usd: 0.023}}, transferOut: []tier{{usd: 0.09}}},       // 2025-10-01
		"ap-northeast-1": {put: 0.0047e-3, get: 0.00037e-3, logIngested: 0.76, logStored: 0.033, storage: []tier{{usd: 0.025}}, transferOut: []tier{{usd: 0.114}}},   // 2026-07-01
		"eu-west-1":      {put: 0.005e-3, get: 0.0004e-3, logIngested: 0.57, logStored: 0.03, storage: []tier{{usd: 0.023}}, transferOut: []tier{{usd: 0.09}}},       // 2026-03-01
		"eu-west-2":      {put: 0.0053e-3, get: 0.00042e-3, logIngested: 0.5985, logStored: 0.0315, storage: []tier{{usd: 0.024}}, transferOut: []tier{{usd: 0.09}}}, // 2026-09-11
	} {
		p := regions[name]
		if !near(p.put, want.put) || !near(p.get, want.get) || p.logIngested != want.logIngested || p.logStored != want.logStored ||
			p.storage[0].usd != want.storage[0].usd || p.transferOut[0].usd != want.transferOut[0].usd ||
			p.request != 0.2e-6 || p.gbSecondARM != 0.0000133334 || p.gbSecondAMD != 0.0000166667 || p.message != 0.4e-6 {
			t.Errorf("%s: %+v, want %+v", name, p, want)
		}
	}
}

// TestUnknownPrices: where no price is known, us-east-1's is used, and a sentence says so.
func TestUnknownPrices(t *testing.T) {
	for _, c := range []struct {
		region    string
		moderated bool
		usd       float64 // of a month's pictures for Rekognition
		assumed   string
	}{
		{"us-east-1", true, 30.4, ""},
		{"ap-northeast-1", true, 30.4 * 1.3, ""},
		{"eu-north-1", false, 0, ""},
		{"eu-north-1", true, 30.4, "Rekognition in eu-north-1"},
		{"mars-north-1", true, 30.4, "No prices of mars-north-1 are known"},
	} {
		l := Typical()
		l.Region, l.Moderated = c.region, c.moderated
		b, err := Estimate(l)
		if err != nil {
			t.Fatal(err)
		}
		if c.moderated {
			if got := line(t, b, "Rekognition").Full; !near(got, c.usd) {
				t.Errorf("%s: Rekognition costs $%v, want $%v", c.region, got, c.usd)
			}
		}
		most, err := Limit(Exposure{Region: c.region, Arch: "arm64", MemoryMB: 1769, TimeoutSeconds: 120,
			Instances: 10, Trigger: "direct", Variants: 1, Moderated: c.moderated})
		if err != nil {
			t.Fatal(err)
		}
		if (c.assumed == "") != (b.Assumed == "") || !strings.Contains(b.Assumed, c.assumed) || most.Assumed != b.Assumed {
			t.Errorf("%s: assumed %q and %q, want %q", c.region, b.Assumed, most.Assumed, c.assumed)
		}
	}
}

func TestValidateReportsEveryFault(t *testing.T) {
	l := Load{Uploads: -1, Megabytes: math.NaN(), Region: "mars", Arch: "mips", MemoryMB: 1,
		Trigger: "bell"}
	_, err := Estimate(l)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"uploads -1", "megabytes NaN", `"mars"`, `"mips"`, "memory 1 MB", `"bell"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in\n%v", part, err)
		}
	}
	if _, err := Estimate(Typical()); err != nil {
		t.Errorf("the typical load: %v", err)
	}
}

// counter counts the requests to a store.
type counter struct {
	bucket.Store
	puts, reads atomic.Int64
}

func (c *counter) Get(ctx context.Context, b, key string, cond bucket.Condition) (*bucket.Object,
	error) {
	c.reads.Add(1)
	return c.Store.Get(ctx, b, key, cond)
}

func (c *counter) Head(ctx context.Context, b, key string) (bucket.Info, error) {
	c.reads.Add(1)
	return c.Store.Head(ctx, b, key)
}

func (c *counter) Put(ctx context.Context, b, key string, data []byte, a bucket.Attributes,
	cond bucket.Condition) (string, error) {
	c.puts.Add(1)
	return c.Store.Put(ctx, b, key, data, a, cond)
}

func (c *counter) Copy(ctx context.Context, from bucket.Source, toBucket, to string, a bucket.Attributes,
	cond bucket.Condition) error {
	c.puts.Add(1)
	return c.Store.Copy(ctx, from, toBucket, to, a, cond)
}

// TestStoreRequests compares the counts with those of a run of the pipeline.
func TestStoreRequests(t *testing.T) {
	for _, manifest := range []bool{false, true} {
		for variants := 1; variants <= 3; variants++ {
			text := fmt.Sprintf("source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\nmanifest: %t\nvariants:\n",
				manifest)
			for i := range variants {
				text += fmt.Sprintf("  v%d: {width: %d}\n", i, 10+i)
			}
			r, err := recipe.Parse(formats.All(), "test", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			inner := mem.New("in-bucket", "out-bucket")
			photo := sample.Photo(64, 48)
			etag, err := inner.Put(t.Context(), "in-bucket", "a.jpg", photo, bucket.Attributes{},
				bucket.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			c := &counter{Store: inner}
			m := mill.New(c, r)
			res := m.Process(t.Context(), event.Change{Bucket: "in-bucket", Key: "a.jpg",
				ETag: etag, Size: int64(len(photo)), Sequencer: "0A"})
			if res.Verdict != outcome.Done {
				t.Fatalf("%s: %s", res.Verdict, res.Reason)
			}
			puts, reads := Load{Variants: variants, Manifest: manifest}.StoreRequests()
			if int(c.puts.Load()) != puts || int(c.reads.Load()) != reads {
				t.Errorf("%d variants, manifest %t: the pipeline makes %d PUTs and %d reads, the estimate counts %d and %d",
					variants, manifest, c.puts.Load(), c.reads.Load(), puts, reads)
			}
		}
	}
}

// TestTutorialIsFree: who tries it out with a few pictures pays a few cents at most while the free tier lasts.
func TestTutorialIsFree(t *testing.T) {
	load := Typical()
	load.Uploads = 20 / DaysPerMonth
	for _, trigger := range []string{"direct", "queue"} {
		load.Trigger = trigger
		b, err := Estimate(load)
		if err != nil || b.Free >= 0.05 {
			t.Errorf("%s: $%.4f a month, %v", trigger, b.Free, err)
		}
		t.Logf("%s: $%.2f without the free tier", trigger, b.Full)
	}
}
