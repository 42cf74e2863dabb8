// Command bootstrap is the Lambda function, for the runtime provided.al2023. It makes the variants
// of the pictures in S3 events.
//
// The recipe is the text in IMGMILL_RECIPE or, if that is empty, the file imgmill.yaml beside the
// binary. IMGMILL_SOURCE_BUCKET and IMGMILL_TARGET_BUCKET, if set, replace the recipe's buckets, so
// that one zip serves every deployment; a recipe may then name none. If the recipe is invalid, the function ends before the
// first event, and reports all mistakes in the log and as the error of the invocation.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

func main() {
	log := outcome.NewLog(os.Stdout)
	h, err := start(log)
	if err != nil {
		log.Error("cannot start", outcome.AttrError, err.Error())
		if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
			if err := reportInitError(api, err); err != nil {
				log.Error("cannot report the error to Lambda", outcome.AttrError, err.Error())
			}
		}
		os.Exit(1)
	}
	lambda.Start(func(ctx context.Context, payload json.RawMessage) (any, error) {
		id := ""
		if lc, ok := lambdacontext.FromContext(ctx); ok {
			id = lc.AwsRequestID
		}
		return h.Handle(ctx, id, payload)
	})
}

func start(log *slog.Logger) (*lambdafn.Handler, error) {
	memory := memorySize(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	if memory > 0 {
		// The garbage collector works harder near this limit, so that the function is not killed.
		debug.SetMemoryLimit(memory / 10 * 9)
	}
	r, err := readRecipe(os.Getenv(recipe.EnvRecipe), os.Getenv("LAMBDA_TASK_ROOT"))
	if err != nil {
		return nil, err
	}
	source, target := os.Getenv(recipe.EnvSourceBucket), os.Getenv(recipe.EnvTargetBucket)
	if r.Nameless && (source == "" || target == "") {
		return nil, fmt.Errorf("the recipe names no buckets: add source.bucket and target.bucket, or set %s and %s",
			recipe.EnvSourceBucket, recipe.EnvTargetBucket)
	}
	r, err = r.WithBuckets(source, target)
	if err != nil {
		return nil, fmt.Errorf(
			"the recipe with the buckets from %s and %s: %w", recipe.EnvSourceBucket, recipe.EnvTargetBucket, err)
	}
	store, err := s3.Open(s3.Environment(os.Getenv))
	if err != nil {
		return nil, err
	}
	if memory > 0 {
		r = r.WithMemory(recipe.DecodingMemory(memory))
	}
	m := mill.New(store, r)
	m.TagEvents = true // deploy asks S3 for them if the recipe has gates.tag
	given := s3.Environment(os.Getenv)
	keys := credentials.NewStaticCredentialsProvider(given.AccessKey, given.Secret, given.Session)
	if r.Gates.Rekognition != nil {
		m.Moderation = moderate.Open(given.Region, os.Getenv, keys)
	}
	if m.Notify, err = notify.Open(r.Notify, notify.Options{Getenv: os.Getenv, Credentials: keys}); err != nil {
		return nil, err
	}
	return &lambdafn.Handler{Process: m.ProcessWithin, Mill: m, Log: log}, nil
}

// reportInitError reports an error at the start to the runtime API, which returns it as the result
// of the invocation (AWS Lambda Developer Guide, "Using the Lambda runtime API for custom
// runtimes", Initialization error).
func reportInitError(api string, cause error) error {
	const kind = "Imgmill.CannotStart"
	body, err := json.Marshal(map[string]any{
		"errorMessage": cause.Error(), "errorType": kind, "stackTrace": []string{},
	})
	if err != nil {
		return err
	}
	url := "http://" + api + "/2018-06-01/runtime/init/error"
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Lambda-Runtime-Function-Error-Type", kind)
	// The transport has no proxy, because the API is on this machine.
	client := http.Client{Transport: &http.Transport{}, Timeout: 2 * time.Second}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the runtime API returned %s", resp.Status)
	}
	return nil
}

// memorySize returns the function's memory size in bytes, or 0 if mb, its size in MB, is no number.
func memorySize(mb string) int64 {
	n, err := strconv.ParseInt(mb, 10, 32)
	if err != nil || n <= 0 {
		return 0
	}
	return n << 20
}

// readRecipe parses the text or, if it is empty, the file imgmill.yaml in the folder root.
func readRecipe(text, root string) (*recipe.Recipe, error) {
	if text != "" {
		return recipe.ParseAnywhere(formats.All(), recipe.EnvRecipe, []byte(text))
	}
	name := filepath.Join(root, "imgmill.yaml")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(
			"no recipe: set %s to its text, or add imgmill.yaml to the zip (there is no %s)", recipe.EnvRecipe, name)
	}
	if err != nil {
		return nil, err
	}
	return recipe.ParseAnywhere(formats.All(), "imgmill.yaml", data)
}
