package cli_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/faultproxy"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
	"github.com/imgmill/imgmill/internal/pipeline/queue/sqs"
)

const (
	workerCount = 4
	workerLanes = 2
	// variantsEach is how many variants the recipe of the workers has.
	variantsEach = 2
)

// crowd is several workers that share a queue and reach a store through a proxy that injects faults,
// and what uploads to that store.
type crowd struct {
	*testing.T
	where          s3.Options
	source, target string
	queue          queue.Queue // as the workers see it
	queueURL       string
	// changed, if set, publishes the event of a change; otherwise the store does.
	changed func(event.Change) error

	proxy  *faultproxy.Proxy
	writes atomic.Int64 // requests to write variants
	recipe string
	procs  [workerCount]*process
}

// TestWorkers uploads pictures again and again under the same keys, removes some, and kills workers in
// between. In the end, every upload must have every variant, no more may be written than deliveries
// explain, and none may be buried.
//
// The store and its notifications are those of the server that IMGMILL_SQS names, such as ministack, or
// dev's and a NATS server that IMGMILL_NATS names; there, events come without sequencers, late and
// twice. IMGMILL_UPLOADS is the number of uploads; `make workers` runs 10,000 with 30 kills.
func TestWorkers(t *testing.T) {
	uploads, kills := 300, 3
	if text := os.Getenv("IMGMILL_UPLOADS"); text != "" {
		var err error
		if uploads, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		kills = 30
	}
	c := &crowd{T: t}
	switch sqsEndpoint, nats := os.Getenv("IMGMILL_SQS"), os.Getenv("IMGMILL_NATS"); {
	case sqsEndpoint != "":
		c.openSQS(sqsEndpoint)
	case nats != "":
		c.openNATS(nats)
	default:
		t.Skip("neither IMGMILL_SQS nor IMGMILL_NATS names a server")
	}
	seed := uint64(time.Now().UnixNano())
	c.start(seed)
	start := time.Now()
	deliveries := c.upload(uploads, kills, seed)
	c.drain()
	for _, p := range c.procs {
		p.interrupt(t)
	}
	faults := 0
	counts := c.proxy.Counts()
	for f, n := range counts {
		if f != faultproxy.None {
			faults += n
		}
	}
	bound := variantsEach*(deliveries+kills*workerLanes) + faults
	t.Logf("%d uploads and removals, %d deliveries, %d kills, %d faults in %d requests, seed %d: %d writes, bound %d, in %v",
		uploads, deliveries, kills, faults, faults+counts[faultproxy.None], seed, c.writes.Load(), bound,
		time.Since(start).Round(time.Second))
	if n := c.writes.Load(); n > int64(bound) {
		t.Errorf("%d writes, want at most %d", n, bound)
	}
	list, err := c.queue.Buried(t.Context(), 10)
	if err != nil || len(list) > 0 {
		t.Errorf("buried: %+v, %v", list, err)
	}
	out, err := exec.Command("imgmill", "audit", "--config", c.recipe, "--endpoint", c.where.Endpoint, "--checkpoint", "none").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("audit: %v", err)
	}
}

// openSQS uses a server that has both a store and queues, and its notifications.
func (c *crowd) openSQS(endpoint string) {
	id := time.Now().UnixNano()
	c.source, c.target = fmt.Sprintf("in-%d", id), fmt.Sprintf("out-%d", id)
	c.where = s3.Options{Endpoint: endpoint, Region: "us-east-1", AccessKey: "test", Secret: "test", PathStyle: true}
	c.setCredentials()
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	queues := awssqs.New(awssqs.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: keys})
	dead := fmt.Sprintf("dead-%d", id)
	if _, err := queues.CreateQueue(c.Context(), &awssqs.CreateQueueInput{QueueName: &dead}); err != nil {
		c.Fatal(err)
	}
	name := fmt.Sprintf("events-%d", id)
	made, err := queues.CreateQueue(c.Context(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:` + dead + `","maxReceiveCount":"1000"}`}})
	if err != nil {
		c.Fatal(err)
	}
	c.queueURL = *made.QueueUrl
	if c.queue, err = sqs.Open(c.Context(), sqs.Config{URL: c.queueURL}); err != nil {
		c.Fatal(err)
	}
	client := awss3.New(awss3.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: keys, UsePathStyle: true})
	for _, b := range []string{c.source, c.target} {
		if _, err := client.CreateBucket(c.Context(), &awss3.CreateBucketInput{Bucket: &b}); err != nil {
			c.Fatal(err)
		}
	}
	_, err = client.PutBucketNotificationConfiguration(c.Context(), &awss3.PutBucketNotificationConfigurationInput{
		Bucket: &c.source, NotificationConfiguration: &types.NotificationConfiguration{
			QueueConfigurations: []types.QueueConfiguration{{
				QueueArn: aws.String("arn:aws:sqs:us-east-1:000000000000:" + name),
				Events:   []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"},
			}}}})
	if err != nil {
		c.Fatal(err)
	}
}

func (c *crowd) setCredentials() {
	c.Setenv("AWS_ACCESS_KEY_ID", c.where.AccessKey)
	c.Setenv("AWS_SECRET_ACCESS_KEY", c.where.Secret)
}

// openNATS uses dev as the store, and a NATS server.
func (c *crowd) openNATS(server string) {
	c.source, c.target = "photos-input", "photos-output"
	c.where = startStore(c.T, c.source, c.target)
	c.queueURL = fmt.Sprintf("%s/events-%d", server, time.Now().UnixNano())
	q, err := jetstream.Dial(c.Context(), c.queueURL, "", slog.New(slog.DiscardHandler))
	if err != nil {
		c.Fatal(err)
	}
	c.queue = q
	c.changed = func(ch event.Change) error {
		body, err := event.Notification(ch)
		if err != nil {
			return err
		}
		return q.Publish(c.Context(), "", body)
	}
}

// start starts the proxy and the workers.
func (c *crowd) start(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	c.proxy = faultproxy.Start(c.where.Endpoint, func(r *http.Request, _ int) faultproxy.Fault {
		if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/"+c.target+"/") {
			c.writes.Add(1)
		}
		if rng.IntN(50) > 0 {
			return faultproxy.None
		}
		f := faultproxy.Faults[rng.IntN(len(faultproxy.Faults))]
		if (f == faultproxy.Stall || f == faultproxy.StallBody) && rng.IntN(20) > 0 {
			return faultproxy.Status503 // a stall takes as long as a client is patient
		}
		return f
	})
	c.Cleanup(c.proxy.Close)
	c.recipe = filepath.Join(c.TempDir(), "imgmill.yaml")
	text := fmt.Sprintf("source: {bucket: %s, endpoint: '%s', region: %s}\ntarget: {bucket: %s}\n"+
		"variants: {small: {width: 16}, large: {width: 40}}\non_remove: remove\n",
		c.source, c.proxy.URL(), c.where.Region, c.target)
	if err := os.WriteFile(c.recipe, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
	for i := range c.procs {
		c.procs[i] = c.worker()
	}
}

func (c *crowd) worker() *process {
	return run(c.T, "worker", "--config", c.recipe, "--queue", c.queueURL, "--concurrency", strconv.Itoa(workerLanes))
}

// upload uploads and removes pictures, with n changes in all, and kills workers in between, one at a
// time. It returns how many events were sent.
func (c *crowd) upload(n, kills int, seed uint64) (events int) {
	store, err := s3.Open(c.where)
	if err != nil {
		c.Fatal(err)
	}
	pictures := distinctPictures(c.T, min(n, 300))
	rng := rand.New(rand.NewPCG(seed, 2))
	killAt := map[int]bool{}
	for len(killAt) < kills {
		killAt[1+rng.IntN(n-1)] = true
	}
	var sent atomic.Int64
	var group sync.WaitGroup
	work := make(chan func())
	for range 8 {
		group.Go(func() {
			for f := range work {
				f()
			}
		})
	}
	for i := range n {
		key := fmt.Sprintf("%d/夏 a+b%%20 %d.jpg", rng.IntN(10), rng.IntN(max(n/100, 1)))
		remove, twice, late := rng.IntN(10) == 0, rng.IntN(20) == 0, time.Duration(rng.IntN(200))*time.Millisecond
		if killAt[i] {
			j := rng.IntN(workerCount)
			c.procs[j].kill(c.T)
			c.procs[j] = c.worker()
		}
		work <- func() {
			ch := event.Change{Bucket: c.source, Key: key, Size: -1, Removed: remove}
			var err error
			if remove {
				err = store.Delete(c.Context(), c.source, key, bucket.Condition{})
			} else {
				ch.ETag, err = store.Put(c.Context(), c.source, key, pictures[i%len(pictures)], bucket.Attributes{}, bucket.Condition{})
			}
			if err != nil {
				c.Errorf("%s: %v", key, err)
				return
			}
			sent.Add(1)
			if c.changed == nil {
				return
			}
			time.Sleep(late)
			if twice {
				sent.Add(1)
				err = c.changed(ch)
			}
			if err == nil {
				err = c.changed(ch)
			}
			if err != nil {
				c.Errorf("publish %s: %v", key, err)
			}
		}
	}
	close(work)
	group.Wait()
	return int(sent.Load())
}

// drain waits until the queue is empty.
func (c *crowd) drain() {
	ctx, cancel := context.WithTimeout(c.Context(), 30*time.Minute)
	defer cancel()
	for {
		n, err := c.queue.Waiting(ctx)
		if err != nil {
			c.Fatal(err)
		}
		if n == 0 {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}
