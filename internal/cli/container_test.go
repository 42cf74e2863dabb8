package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
)

// TestContainers checks that what the files of the container folder run is there: every flag is one of
// imgmill worker, and the image is built with the version of Go that the module asks for.
func TestContainers(t *testing.T) {
	root := filepath.Join("..", "..")
	flag := regexp.MustCompile(`--([a-z-]+)[=,]`)
	for name, least := range map[string]int{
		"compose.yaml": 3, "ecs.yaml": 1, filepath.Join("chart", "templates", "worker.yaml"): 3,
	} {
		data, err := os.ReadFile(filepath.Join(root, "container", name))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "- --") && !strings.HasPrefix(strings.ToLower(line), "command: [worker") {
				continue
			}
			for _, m := range flag.FindAllStringSubmatch(line, -1) {
				found++
				if workerCommand().Flags().Lookup(m[1]) == nil {
					t.Errorf("%s: worker has no flag --%s", name, m[1])
				}
			}
		}
		if found < least {
			t.Errorf("%s: %d flags, want %d or more", name, found, least)
		}
	}

	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile(filepath.Join(root, "container", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	// The containers' root is read-only, and all of them can write to /tmp.
	if !bytes.Contains(dockerfile, []byte("\nENV XDG_CACHE_HOME=/tmp\n")) {
		t.Error("the checkpoint of a worker would be in the home of a read-only container")
	}
	version := regexp.MustCompile(`(?m)^go (1\.[0-9]+)`).FindSubmatch(module)
	if version == nil || !bytes.Contains(dockerfile, append([]byte("golang:"), append(version[1], " AS build"...)...)) {
		t.Errorf("go.mod asks for Go %s, and the Dockerfile has another", version)
	}
}

// TestChartQueue checks that the chart's sample of a queue is one that the worker takes, and that KEDA counts
// the stream that the URL names.
func TestChartQueue(t *testing.T) {
	chart := filepath.Join("..", "..", "container", "chart")
	values, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sample := regexp.MustCompile(`nats://[^\s,]+`).Find(values)
	if err := jetstream.CheckURL(string(sample)); err != nil {
		t.Errorf("values.yaml: %s: %v", sample, err)
	}
	scaling, err := os.ReadFile(filepath.Join(chart, "templates", "autoscaling.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	stream := regexp.MustCompile(`stream: {{ regexReplaceAll "(.+)" \.Values\.queue`).FindSubmatch(scaling)
	if stream == nil {
		t.Fatal("autoscaling.yaml takes the stream from somewhere else")
	}
	for _, url := range []string{string(sample), "tls://user:password@a:4222,b:4222/uploads/?replicas=3"} {
		if got := regexp.MustCompile(string(stream[1])).ReplaceAllString(url, "${1}"); got != "uploads" {
			t.Errorf("%s: stream %q", url, got)
		}
	}
	if !bytes.Contains(scaling, []byte("^(nats|tls)://")) {
		t.Error("autoscaling.yaml takes a queue with the scheme tls for one of SQS")
	}
}
