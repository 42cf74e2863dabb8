package cli_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// TestAWSCLI uploads with the AWS CLI. It runs only if IMGMILL_AWSCLI is set and the AWS CLI is
// installed.
func TestAWSCLI(t *testing.T) {
	if os.Getenv("IMGMILL_AWSCLI") == "" {
		t.Skip("IMGMILL_AWSCLI is not set")
	}
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	version, err := exec.Command(program, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, version)
	}
	t.Logf("%s", version)
	testClient(t, func(t *testing.T, where s3.Options) client {
		config := file(t, "config", []byte("[default]\ns3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n  addressing_style = path\n"))
		env := append(os.Environ(),
			"AWS_CONFIG_FILE="+config, "AWS_SHARED_CREDENTIALS_FILE="+config+"-none", "AWS_PROFILE=default", "AWS_PAGER=",
			"AWS_ACCESS_KEY_ID="+where.AccessKey, "AWS_SECRET_ACCESS_KEY="+where.Secret, "AWS_SESSION_TOKEN=",
			"AWS_REGION="+where.Region, "AWS_DEFAULT_REGION="+where.Region, "AWS_EC2_METADATA_DISABLED=true", "PYTHONUTF8=1")
		return awsCLI{program, where.Endpoint, env}
	})
}

type awsCLI struct {
	program, endpoint string
	env               []string
}

func (a awsCLI) run(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.program, append([]string{"--endpoint-url", a.endpoint}, args...)...)
	cmd.Env = a.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("aws %q: %v\n%s", args, err, out)
	}
}

func (a awsCLI) upload(t *testing.T, key, file string, with headers) {
	t.Helper()
	args := []string{"s3", "cp", "--no-progress", file, "s3://photos-input/" + key}
	if with.cacheControl != "" {
		args = append(args, "--cache-control", with.cacheControl)
	}
	var pairs []string
	for name, value := range with.metadata {
		pairs = append(pairs, name+"="+value)
	}
	if len(pairs) > 0 {
		args = append(args, "--metadata", strings.Join(pairs, ","))
	}
	a.run(t, args...)
}

func (a awsCLI) copy(t *testing.T, from, to string) {
	t.Helper()
	a.run(t, "s3", "cp", "--no-progress", "s3://photos-input/"+from, "s3://photos-input/"+to)
}

func (a awsCLI) folder(t *testing.T, key string) {
	t.Helper()
	a.run(t, "s3api", "put-object", "--bucket", "photos-input", "--key", key)
}
