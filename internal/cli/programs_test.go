package cli_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// TestAWSCLI uploads with the AWS CLI, like the tests below with other programs. Each runs only if
// IMGMILL_CLIENTS is set and the program is installed.
func TestAWSCLI(t *testing.T) {
	program := installed(t, "aws")
	testClient(t, func(t *testing.T, where s3.Options) client {
		config := file(t, "config", []byte("[default]\ns3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n  addressing_style = path\n"))
		env := append(awsEnvironment(where),
			"AWS_CONFIG_FILE="+config, "AWS_SHARED_CREDENTIALS_FILE="+config+"-none", "AWS_PROFILE=default", "AWS_PAGER=", "PYTHONUTF8=1")
		aws := func(args ...string) []string {
			return append([]string{program, "--endpoint-url", where.Endpoint}, args...)
		}
		return commands{
			env: env, sdk: newSDK(where),
			put: func(key, file string, with headers) []string {
				args := aws("s3", "cp", "--no-progress", file, "s3://photos-input/"+key)
				if with.cacheControl != "" {
					args = append(args, "--cache-control", with.cacheControl)
				}
				if len(with.metadata) > 0 {
					args = append(args, "--metadata", strings.Join(pairs(with.metadata), ","))
				}
				return args
			},
			cp: func(from, to string) []string {
				return aws("s3", "cp", "--no-progress", "s3://photos-input/"+from, "s3://photos-input/"+to)
			},
			mkdir: func(key string) []string { return aws("s3api", "put-object", "--bucket", "photos-input", "--key", key) },
			get: func(bucket, key, file string) []string {
				return aws("s3", "cp", "--no-progress", "s3://"+bucket+"/"+key, file)
			},
		}
	})
}

// TestRclone stores each file's time and, of large ones, MD5 in the metadata, and compares them.
func TestRclone(t *testing.T) {
	program := installed(t, "rclone")
	testClient(t, func(t *testing.T, where s3.Options) client {
		env := append(plainEnvironment(), "RCLONE_CONFIG="+file(t, "rclone.conf", nil), "RCLONE_CONFIG_DEV_TYPE=s3",
			"RCLONE_CONFIG_DEV_PROVIDER=Other", "RCLONE_CONFIG_DEV_ENDPOINT="+where.Endpoint, "RCLONE_CONFIG_DEV_REGION="+where.Region,
			"RCLONE_CONFIG_DEV_ACCESS_KEY_ID="+where.AccessKey, "RCLONE_CONFIG_DEV_SECRET_ACCESS_KEY="+where.Secret,
			"RCLONE_S3_UPLOAD_CUTOFF=5M", "RCLONE_S3_CHUNK_SIZE=5M", "RCLONE_S3_COPY_CUTOFF=5M", "RCLONE_S3_NO_CHECK_BUCKET=true")
		return commands{
			env: env, sdk: newSDK(where),
			put: func(key, file string, with headers) []string {
				args := []string{program, "copyto", "--metadata", file, "dev:photos-input/" + key}
				if with.cacheControl != "" {
					args = append(args, "--header-upload", "Cache-Control: "+with.cacheControl)
				}
				for _, p := range pairs(with.metadata) {
					args = append(args, "--metadata-set", p)
				}
				return args
			},
			cp: func(from, to string) []string {
				return []string{program, "copyto", "--metadata", "dev:photos-input/" + from, "dev:photos-input/" + to}
			},
			get: func(bucket, key, file string) []string {
				return []string{program, "copyto", "dev:" + bucket + "/" + key, file}
			},
		}
	})
}

// TestS3cmd stores the file's owner, mode and MD5 in the metadata, and compares the last.
func TestS3cmd(t *testing.T) {
	program := installed(t, "s3cmd")
	testClient(t, func(t *testing.T, where s3.Options) client {
		host := strings.TrimPrefix(where.Endpoint, "http://")
		config := file(t, "s3cfg", []byte("[default]\naccess_key = "+where.AccessKey+"\nsecret_key = "+where.Secret+
			"\nhost_base = "+host+"\nhost_bucket = "+host+"\nuse_https = False\nbucket_location = "+where.Region+"\n"))
		s3cmd := func(args ...string) []string {
			return append([]string{program, "--config", config, "--no-progress", "--quiet", "--multipart-chunk-size-mb=5"}, args...)
		}
		return commands{
			env: append(plainEnvironment(), "PYTHONUTF8=1"), sdk: newSDK(where),
			put: func(key, file string, with headers) []string {
				var args []string
				if with.cacheControl != "" {
					args = append(args, "--add-header=Cache-Control: "+with.cacheControl)
				}
				for k, v := range with.metadata {
					args = append(args, "--add-header=x-amz-meta-"+k+": "+v)
				}
				return s3cmd(append(args, "put", file, "s3://photos-input/"+key)...)
			},
			cp: func(from, to string) []string { return s3cmd("cp", "s3://photos-input/"+from, "s3://photos-input/"+to) },
			get: func(bucket, key, file string) []string {
				return s3cmd("--force", "get", "s3://"+bucket+"/"+key, file)
			},
		}
	})
}

//go:embed testdata/upload.py
var boto3Script []byte

// TestBoto3 uploads with boto3 in its default configuration, some of it from a stream.
func TestBoto3(t *testing.T) {
	testScript(t, installed(t, "python3"), "upload.py", boto3Script, "-c", "import boto3")
}

//go:embed testdata/upload.mjs
var sdkScript []byte

// TestJavaScript uploads with the AWS SDK for JavaScript. NODE_MODULES is the folder that has it.
func TestJavaScript(t *testing.T) {
	modules := os.Getenv("NODE_MODULES")
	if modules == "" {
		t.Skip("NODE_MODULES is not set")
	}
	script := bytes.ReplaceAll(sdkScript, []byte("NODE_MODULES"), []byte(modules))
	testScript(t, installed(t, "node"), "upload.mjs", script, "--version")
}

// testScript uploads with a program that runs a script, if probing it with these arguments succeeds. The
// script takes an operation and its arguments.
func testScript(t *testing.T, program, name string, script []byte, probe ...string) {
	if out, err := exec.Command(program, probe...).CombinedOutput(); err != nil {
		t.Skipf("%v: %s", err, out)
	}
	testClient(t, func(t *testing.T, where s3.Options) client {
		path := file(t, name, script)
		run := func(args ...string) []string { return append([]string{program, path}, args...) }
		return commands{
			env: append(awsEnvironment(where), "AWS_ENDPOINT_URL="+where.Endpoint, "PYTHONWARNINGS=error",
				"AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true"), sdk: newSDK(where),
			put: func(key, file string, with headers) []string {
				data, err := json.Marshal(with.metadata)
				if err != nil {
					t.Fatal(err)
				}
				return run("put", key, file, with.cacheControl, string(data))
			},
			cp:    func(from, to string) []string { return run("copy", from, to) },
			mkdir: func(key string) []string { return run("folder", key) },
			get:   func(bucket, key, file string) []string { return run("get", bucket, key, file) },
		}
	})
}

// installed returns the path of a program.
func installed(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv("IMGMILL_CLIENTS") == "" {
		t.Skip("IMGMILL_CLIENTS is not set")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed")
	}
	version, err := exec.Command(path, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, version)
	}
	first, _, _ := strings.Cut(string(version), "\n")
	t.Log(first)
	return path
}

// plainEnvironment returns the environment without what AWS's programs read from it.
func plainEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "AWS_") })
}

// awsEnvironment returns the environment of programs that read AWS's variables.
func awsEnvironment(where s3.Options) []string {
	return append(plainEnvironment(),
		"AWS_ACCESS_KEY_ID="+where.AccessKey, "AWS_SECRET_ACCESS_KEY="+where.Secret, "AWS_SESSION_TOKEN=",
		"AWS_REGION="+where.Region, "AWS_DEFAULT_REGION="+where.Region, "AWS_EC2_METADATA_DISABLED=true")
}

func pairs(m map[string]string) (list []string) {
	for name, value := range m {
		list = append(list, name+"="+value)
	}
	return list
}

func newSDK(where s3.Options) sdk {
	var o awss3.Options
	where.Apply(&o)
	return sdk{awss3.New(o)}
}

// commands is a client that is a program. What it cannot do, the SDK does.
type commands struct {
	env   []string
	sdk   sdk
	put   func(key, file string, with headers) []string
	cp    func(from, to string) []string
	mkdir func(key string) []string // may be nil
	get   func(bucket, key, file string) []string
}

// run runs a command, which must write nothing to standard error.
func (c commands) run(t *testing.T, args []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = c.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%q: %v\n%s%s", args, err, stdout.String(), stderr.String())
	}
}

func (c commands) upload(t *testing.T, key, file string, with headers) {
	t.Helper()
	c.run(t, c.put(key, file, with))
}

func (c commands) copy(t *testing.T, from, to string) {
	t.Helper()
	c.run(t, c.cp(from, to))
}

func (c commands) folder(t *testing.T, key string) {
	t.Helper()
	if c.mkdir == nil {
		c.sdk.folder(t, key)
		return
	}
	c.run(t, c.mkdir(key))
}

func (c commands) fetch(t *testing.T, bucket, key string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fetched")
	c.run(t, c.get(bucket, key, file))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
