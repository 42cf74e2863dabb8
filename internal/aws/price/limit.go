package price

import (
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Exposure is what bounds the work that uploads can cause. The JSON names are those of Load.
type Exposure struct {
	Region         string `json:"region"`
	Arch           string `json:"arch"`
	MemoryMB       int    `json:"memory_mb"`
	TimeoutSeconds int    `json:"timeout_seconds"` // of the function
	Instances      int    `json:"instances"`       // of the function that run at a time, at most
	Trigger        string `json:"trigger"`
	Variants       int    `json:"variants"`
	Manifest       bool   `json:"manifest"`
	RecordsBad     bool   `json:"records_bad"` // the recipe's on_bad.record: one more object for a bad upload
	CopiesBad      bool   `json:"copies_bad"`  // its on_bad.prefix: another one
	Moderated      bool   `json:"moderated"`   // by the recipe's gates.rekognition
	// Ignores means that the recipe has rules without variants. Of such an upload the function does
	// not even read anything.
	Ignores bool `json:"ignores"`
}

// Charge is one item of what an hour costs.
type Charge struct {
	Name     string  `json:"line"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	USD      float64 `json:"usd"`
}

// Ceiling is what an hour costs at most, in US dollars, whatever is uploaded.
type Ceiling struct {
	Exposure Exposure `json:"exposure"`
	Upload   string   `json:"most_expensive_upload"`
	Lines    []Charge `json:"lines"`
	Total    float64  `json:"usd_an_hour_at_most"`
	Once     float64  `json:"usd_an_upload_at_most"` // for one upload with all its attempts
	Attempts int      `json:"attempts"`
	Backlog  int      `json:"backlog_hours"` // for which an upload may wait, so that the work goes on
	Stored   Charge   `json:"stored"`        // variants that the hour leaves behind; the price is that of a month
	// Uploads are the PUTs of the uploader that such an hour takes. UploadStorage is a month of a GB
	// of what the uploader stores. Nothing here bounds either.
	Uploads       Charge  `json:"uploads"`
	UploadStorage float64 `json:"usd_a_gb_month"`
	Dated         string  `json:"prices_of"`
	Assumed       string  `json:"assumed,omitempty"` // as in a Bill
}

const (
	// fastestMS is the least time that a request to S3 is assumed to take. AWS states 100 to 200 ms
	// as typical of small objects (Amazon S3 User Guide, "Best practices design patterns: optimizing
	// Amazon S3 performance"), and no bound. The function makes its requests one after another.
	fastestMS = 10
	// invocationMS is the least that is billed for an invocation; longer ones are rounded up to it.
	invocationMS = 1
	// sendMBps is the most that an instance is assumed to write, in MB a second: AWS states no bound,
	// and others have measured up to 700 Mbit/s.
	sendMBps = 100

	// limitLogBytes is the log of an attempt with the longest texts. The reason is logged twice if the
	// attempt fails.
	limitLogBytes = logBytes + outcome.MaxKey + 2*outcome.MaxReason + outcome.MaxDropped

	races = 16 // in which an output is compared and written once more (package mill)

	// Attempts at an event, and the hours that an event waits: MaximumRetryAttempts and
	// MaximumEventAgeInSeconds, and for the queue maxReceiveCount and MessageRetentionPeriod
	// (internal/aws/template/template.yaml).
	directAttempts, queueAttempts = 3, 5
	directHours, queueHours       = 6, 96
)

// upload is a kind of upload, with what each attempt at it asks S3 for.
type upload struct {
	name        string
	puts, reads int
	asks        int // of Rekognition
	attempts    int
	failures    int // messages that Lambda sends to the failure queue
}

// uploads lists every kind of upload that ends differently. A test compares them with runs of the
// pipeline.
func (e Exposure) uploads() []upload {
	outputs := e.Variants
	if e.Manifest {
		outputs++
	}
	puts, reads := Load{Variants: e.Variants, Manifest: e.Manifest}.StoreRequests()
	badPuts, badReads := 0, sourceGets+sourceHeads
	if e.RecordsBad { // after a look, and with the source once more before it
		badPuts, badReads = badPuts+1, badReads+2
	}
	if e.CopiesBad { // after a look
		badPuts, badReads = badPuts+1, badReads+1
	}
	asks := 0
	if e.Moderated {
		asks = 1
	}
	failing := upload{"one that the function may not read, such as one encrypted with another key",
		0, sourceGets, 0, e.attempts(), 1}
	if e.Trigger == "queue" {
		failing.failures = 0 // the queue moves the message itself
	}
	list := []upload{
		{"a picture of which all variants are made", puts, reads, asks, 1, 0},
		{"a picture in the place of an earlier one", // a write that fails, a look, a write
			2 * outputs, sourceGets + sourceHeads + outputs, asks, 1, 0},
		{"a picture that is replaced again and again while variants are made",
			races * outputs, sourceGets + sourceHeads + (races-1)*outputs, asks, 1, 0},
		{"a file that is no picture", 0, sourceGets + sourceHeads, 0, 1, 0},
		{"a picture that cannot be decoded", badPuts, badReads, 0, 1, 0},
		failing,
	}
	if e.Ignores {
		list = append(list, upload{"one with a key that the recipe makes no variants of", 0, 0, 0, 1, 0})
	}
	if e.Moderated { // after a look at each output, which may have been made of the same content
		list = append(list, upload{"a picture that Rekognition refuses", badPuts, badReads + outputs, asks, 1, 0})
	}
	return list
}

func (e Exposure) attempts() int {
	if e.Trigger == "queue" {
		return queueAttempts
	}
	return directAttempts
}

// Limit returns what an hour costs at most. Compute is bounded by AWS: so many instances cannot run
// for longer than the hour. Everything else is bounded by what they can do in that time, one request
// after another. The cost that is incurred without any upload (Estimate has it) is not part of it.
func Limit(e Exposure) (Ceiling, error) {
	if err := e.validate(); err != nil {
		return Ceiling{}, err
	}
	var most Ceiling
	once := 0.0
	for _, u := range e.uploads() {
		c := e.hourOf(u)
		once = max(once, c.Once)
		if c.Total > most.Total {
			most = c
		}
	}
	most.Once = once
	return most, nil
}

// hourOf returns the cost of an hour of nothing but one kind of upload.
func (e Exposure) hourOf(u upload) Ceiling {
	p, assumed := pricesOf(e.Region, e.Moderated)
	c := Ceiling{Exposure: e, Upload: u.name, Attempts: e.attempts(), Backlog: directHours,
		UploadStorage: p.storage[0].usd, Dated: dated, Assumed: assumed}
	seconds := float64(e.Instances) * 3600
	attempts := seconds * 1000 / max(invocationMS, float64(u.puts+u.reads+u.asks)*fastestMS)
	uploads := attempts / float64(u.attempts)
	add := func(name string, quantity float64, unit string, usd float64) {
		if quantity > 0 {
			c.Lines = append(c.Lines, Charge{name, quantity, unit, quantity * usd})
			c.Total += quantity * usd
		}
	}
	billed := seconds + attempts*invocationMS/1000 // rounded up
	add("Lambda compute", billed*float64(e.MemoryMB)/1024, "GB-s", p.gbSecond(e.Arch))
	add("Lambda requests", attempts, "requests", p.request)
	add("S3 writes (PUT, COPY)", attempts*float64(u.puts), "requests", p.put)
	add("S3 reads (GET, HEAD)", attempts*float64(u.reads), "requests", p.get)
	add("Rekognition", attempts*float64(u.asks), "pictures", p.moderation)
	add("Logs written", gb(attempts*limitLogBytes/1e6), "GB", p.logIngested)
	messages := uploads * float64(u.failures)
	if e.Trigger == "queue" { // S3 sends it; each attempt receives it; it is deleted, or moved
		messages = uploads*float64(2+u.attempts) + pollsADay/24
		c.Backlog = queueHours
	}
	add("SQS requests", messages, "requests", p.message)

	c.Once = c.Total / uploads
	if u.reads > 0 { // and may be as slow as the timeout allows
		c.Once = c.Total / seconds * float64(c.Attempts*e.TimeoutSeconds)
	}
	c.Stored = Charge{Name: "Variants", Quantity: gb(seconds * sendMBps), Unit: "GB"}
	c.Stored.USD = cost(c.Stored.Quantity, p.storage)
	c.Uploads = Charge{"S3 uploads (PUT)", uploads, "requests", uploads * p.put}
	return c
}

func (e Exposure) validate() error {
	errs := validatePlace(e.Region, e.Arch, e.Trigger, e.MemoryMB)
	for _, n := range []struct {
		name               string
		value, least, most int
	}{
		{"timeout", e.TimeoutSeconds, 1, 900}, {"instances", e.Instances, 1, 1e6},
		{"variants", e.Variants, 0, 1e6},
	} {
		if n.value < n.least || n.value > n.most {
			errs = append(errs, fmt.Errorf("%s %d is out of range; use %d to %d", n.name, n.value, n.least, n.most))
		}
	}
	return errors.Join(errs...)
}
