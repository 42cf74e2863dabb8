package template_test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tool returns the path of a tool from .ci/requirements.txt. `make template` runs these tests with
// the tools in PATH.
func tool(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv("IMGMILL_TEMPLATE_TOOLS") == "" {
		t.Skip("IMGMILL_TEMPLATE_TOOLS is not set")
	}
	file, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// worker is the template of workers on ECS.
const worker = "../../../container/ecs.yaml"

func TestToolsCfnLint(t *testing.T) {
	if out, err := exec.Command(tool(t, "cfn-lint"), "--include-checks", "I", "--",
		"template.yaml", worker).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestToolsCheckov: no check fails, and every check that the template skips is one that checkov
// would report.
func TestToolsCheckov(t *testing.T) {
	checkov := tool(t, "checkov")
	if out, err := exec.Command(checkov, "-f", worker, "--framework", "cloudformation",
		"--compact", "--skip-download").CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", worker, err, out)
	}
	out, err := exec.Command(checkov, "-f", "template.yaml", "--framework", "cloudformation",
		"--compact", "--skip-download").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	counts := regexp.MustCompile(`Passed checks: (\d+), Failed checks: (\d+), Skipped checks: (\d+)`).FindSubmatch(out)
	if counts == nil {
		t.Fatalf("checkov counts nothing:\n%s", out)
	}
	t.Logf("%s", counts[0])
	explained := 0
	for _, r := range form(t, nil).part("Resources") {
		if m, ok := r.(object)["Metadata"].(object); ok && m["checkov"] != nil {
			for _, skip := range m["checkov"].(object)["skip"].([]any) {
				explained++
				if comment, _ := skip.(object)["comment"].(string); len(comment) < 20 {
					t.Errorf("%v: the skip gives no reason", skip)
				}
			}
		}
	}
	if skipped, _ := strconv.Atoi(string(counts[3])); string(counts[1]) == "0" ||
		skipped != explained {
		t.Errorf("%s, while the template explains %d", counts[0], explained)
	}
}

// TestToolsAWSCLI: the AWS command line sends the template, and an independent CloudFormation
// parses it.
func TestToolsAWSCLI(t *testing.T) {
	aws, endpoint := tool(t, "aws"), startMoto(t)
	cmd := exec.Command(aws, "cloudformation", "validate-template", "--template-body",
		"file://template.yaml", "--output", "json")
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("in every size that the recipe names")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// startMoto runs moto's server on a free port until the test ends.
func startMoto(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(free.Addr().String(), ":")
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool(t, "moto_server"), "-H", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // reports that it was killed
	})
	endpoint := "http://127.0.0.1:" + port
	for range 300 {
		if resp, err := http.Get(endpoint + "/moto-api/"); err == nil {
			_ = resp.Body.Close()
			return endpoint
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("moto does not start")
	return ""
}
