package cli_test

import (
	"bufio"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestAWSLook deploys, runs every command that examines a deployment, and destroys.
func TestAWSLook(t *testing.T) {
	e := openEmulator(t)
	e.imgmillAny(t, "destroy", "photos", "--yes") // whatever another test left
	e.deploy(t, 0, "photos", firstRecipe, "--memory", "1024")
	t.Run("a picture", e.picture)
	t.Run("examine it", e.look)
	e.imgmill(t, 0, "destroy", "photos", "--yes")
}

// look runs the commands that examine a deployment: test, logs, doctor, failures. It leaves
// everything as it was.
func (e *emulator) look(t *testing.T) {
	if !e.runsFunctions() {
		e.lookWithoutOutputs(t)
		return
	}
	before := e.both(t)
	t.Run("test", e.lookTest)
	t.Run("test keeps", e.lookTestKeeps)
	t.Run("test of a bad picture", e.lookTestBad)
	t.Run("test is interrupted", e.lookTestInterrupted)
	t.Run("logs", e.lookLogs)
	t.Run("cost", e.lookCost)
	t.Run("doctor", e.lookDoctor)
	t.Run("failures", e.lookFailures)
	t.Run("logs of failures", e.lookLogsOfFailures)
	t.Run("test is tried again", e.lookTestAgain)
	t.Run("test of a function that cannot start", e.lookTestBlocked)
	if after := e.both(t); !slices.Equal(before, after) {
		t.Errorf("the buckets held %q and now hold %q", before, after)
	}
}

// both lists source and target.
func (e *emulator) both(t *testing.T) []string {
	t.Helper()
	return append(e.keys(t, "photos-input"), e.keys(t, "photos-output")...)
}

// lookWithoutOutputs is look for moto, whose stacks have no outputs when a change set created them.
func (e *emulator) lookWithoutOutputs(t *testing.T) {
	t.Logf("%s supports neither cloudformation:DescribeStacks with outputs nor functions without Docker", e.name)
	for _, args := range [][]string{{"test", "photos"}, {"logs", "photos"},
		{"failures", "photos"}} {
		wantOutput(t, e.imgmill(t, 1, args...),
			"the deployment photos is incomplete (CREATE_COMPLETE): complete it with imgmill deploy photos")
	}
	wantOutput(t, e.imgmill(t, 1, "doctor", "photos"), "ok     identity ",
		"fault  stack          imgmill-photos is CREATE_COMPLETE, but lacks outputs of the template")
	e.writeLog(t, `{"level":"INFO","msg":"change","key":"a.jpg","verdict":"done","ms":120.5,"bytes_in":2000000,"variants":1,"bytes_out":40000}`,
		"REPORT RequestId: r\tDuration: 130.5 ms\tBilled Duration: 131 ms\tMemory Size: 1024 MB\tMax Memory Used: 70 MB\tInit Duration: 30 ms")
	e.lookCost(t)
}

// writeLog writes lines to the function's log, as if it had run.
func (e *emulator) writeLog(t *testing.T, lines ...string) {
	t.Helper()
	group, stream := aws.String("/aws/lambda/imgmill-photos"), aws.String("by-hand")
	var exists *logstypes.ResourceAlreadyExistsException
	if _, err := e.cloud.Logs.CreateLogGroup(t.Context(),
		&cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil &&
		!errors.As(err, &exists) {
		t.Fatal(err)
	}
	if _, err := e.cloud.Logs.CreateLogStream(t.Context(),
		&cloudwatchlogs.CreateLogStreamInput{LogGroupName: group,
			LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream}
	for _, l := range lines {
		in.LogEvents = append(in.LogEvents, logstypes.InputLogEvent{Message: &l,
			Timestamp: aws.Int64(time.Now().UnixMilli())})
	}
	if _, err := e.cloud.Logs.PutLogEvents(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// lookCost compares the means of cost --from with the log itself.
func (e *emulator) lookCost(t *testing.T) {
	var pictures, in, billed float64
	for l, err := range logs.Read(t.Context(), e.cloud, "/aws/lambda/imgmill-photos",
		time.Now().Add(-time.Hour)) {
		switch {
		case err != nil:
			t.Fatal(err)
		case l.Verdict == "done":
			pictures++
			in += float64(l.BytesIn)
		case l.Report != nil:
			billed += l.Report.BilledMS
		}
	}
	out, _ := command(t, 0, "cost", "--from", "photos", "--since", "1h", "--uploads", "50",
		"--json")
	var bill struct {
		Load    price.Load
		USD     float64
		Assumes []string
	}
	if err := json.Unmarshal([]byte(out), &bill); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	l := bill.Load
	if pictures == 0 || math.Abs(l.Milliseconds-billed/pictures) > 1e-6 ||
		math.Abs(l.Megabytes-in/1e6/pictures) > 1e-6 {
		t.Errorf("the log has %g pictures of %g bytes in %g ms; %+v", pictures, in, billed, l)
	}
	if l.Uploads != 50 || l.Variants != 1 || l.VariantMegabytes <= 0 || l.Region != "us-east-1" ||
		l.Arch != runtime.GOARCH || l.MemoryMB != 1024 ||
		l.Trigger != "direct" || l.LogRetentionDays != 14 || bill.USD <= 0 {
		t.Errorf("%s", out)
	}
	wantOutput(t, out, fmt.Sprintf("means from the log of photos: %d picture", int(pictures)))
	wantOutput(t, e.imgmill(t, 1, "cost", "--from", "no-such"), "not deployed",
		"name another region with --region")
}

func (e *emulator) lookTest(t *testing.T) {
	output := e.imgmill(t, 0, "test", "photos")
	wantOutput(t, output, "uploaded  s3://photos-input/imgmill-test-",
		"small     s3://photos-output/imgmill-test-", "320×240, ", "function  done ", " of 1024 MB")
}

func (e *emulator) lookTestKeeps(t *testing.T) {
	file := filepath.Join(e.dir, "p.JPG")
	if err := os.WriteFile(file, sample.Photo(1000, 500), 0o600); err != nil {
		t.Fatal(err)
	}
	out, stderr := command(t, 0, "test", "photos", file, "--keep", "--json")
	var r struct {
		Key      string
		Variants []struct {
			Key           string
			Width, Height int
		}
		Function struct{ Verdict string }
		Left     []string
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(r.Variants) != 1 || r.Variants[0].Width != 320 || r.Variants[0].Height != 160 ||
		r.Function.Verdict != "done" ||
		len(r.Left) != 2 || strings.Count(stderr, "left: s3://") != 2 {
		t.Fatalf("%s%s", out, stderr)
	}
	if !slices.Contains(e.keys(t, "photos-input"), r.Key) ||
		!slices.Contains(e.keys(t, "photos-output"), r.Variants[0].Key) {
		t.Errorf("not kept: %s", out)
	}
	e.remove(t, r.Key)
}

func (e *emulator) lookTestBad(t *testing.T) {
	photo := sample.Photo(400, 300)
	file := filepath.Join(e.dir, "cut.jpg")
	if err := os.WriteFile(file, photo[:len(photo)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, e.imgmill(t, 1, "test", "photos", file), "the function reports bad: ",
		"\nRun imgmill doctor photos to find the cause\n")
}

// lookTestBlocked tests a function whose binary is for another processor: the reason is there within
// seconds, and doctor has it, too.
func (e *emulator) lookTestBlocked(t *testing.T) {
	file := e.deployedBinary(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	arch, machine := "arm64", elf.EM_AARCH64
	if runtime.GOARCH == arch {
		arch, machine = "amd64", elf.EM_X86_64
	}
	binary.LittleEndian.PutUint16(data[18:], uint16(machine)) // e_machine (System V ABI, "ELF Header")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	e.deploy(t, 0, "photos", firstRecipe, "--memory", "1024", "--arch", arch, "--binary", file)
	start := time.Now()
	output := e.imgmill(t, 1, "test", "photos", "--timeout", "2m")
	wantOutput(t, output, "the function cannot start: ", "its binary is for another processor than the function")
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it takes %v", took)
	}
	e.deploy(t, 0, "photos", firstRecipe, "--memory", "1024")
}

// lookTestInterrupted presses Ctrl-C while test waits for a picture, here for ever, since the
// function may not run.
func (e *emulator) lookTestInterrupted(t *testing.T) {
	name := aws.String("imgmill-photos")
	if _, err := e.cloud.Function.PutFunctionConcurrency(t.Context(),
		&lambda.PutFunctionConcurrencyInput{FunctionName: name,
			ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	before := len(e.keys(t, "photos-input"))
	p := run(t, "test", "photos", "--timeout", "5m")
	for end := time.Now().Add(waitTimeout); len(e.keys(t,
		"photos-input")) == before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("test uploads nothing")
		}
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.find(t, 0, regexp.MustCompile("^imgmill: interrupted; the picture and its variants are removed$"))
	if after := len(e.keys(t, "photos-input")); after != before {
		t.Errorf("%d objects are left", after-before)
	}
	wantOutput(t, e.imgmill(t, 1, "test", "photos", "--timeout", "1s"),
		"the variants did not appear within 1s; the function's log has no line about the picture")
	if _, err := e.cloud.Function.DeleteFunctionConcurrency(t.Context(),
		&lambda.DeleteFunctionConcurrencyInput{FunctionName: name}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(waitTimeout); ; time.Sleep(time.Second) { // the two events that never ran
		if out, _ := command(t, 0, "failures", "photos"); strings.Count(out, "imgmill-test-") == 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the throttled events do not reach the failure queue")
		}
	}
	wantOutput(t, e.imgmill(t, 0, "failures", "photos", "retry", "--all"), "2 failures sent back.")
}

func (e *emulator) lookLogs(t *testing.T) {
	out := e.imgmill(t, 0, "logs", "photos")
	wantOutput(t, out, "  done     holiday.JPG  ", "  done     imgmill-test-", " to 1 variant, ",
		"  report   ")
	if strings.Contains(out, "START") {
		t.Errorf("the log shows the start of invocations:\n%s", out)
	}
	out = e.imgmill(t, 0, "logs", "photos", "--errors", "--since", "30m")
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, "  bad      imgmill-test-") {
		t.Errorf("its errors:\n%s", out)
	}
	kinds := map[logs.Kind]int{}
	for lines := bufio.NewScanner(strings.NewReader(e.imgmill(t, 0, "logs", "photos",
		"--json"))); lines.Scan(); {
		var line logs.Line
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		kinds[line.Kind]++
	}
	if kinds[logs.KindChange] < 4 || kinds[logs.KindReport] < 4 || kinds[logs.KindMark] < 8 ||
		kinds[logs.KindOther] != 0 {
		t.Errorf("%v", kinds)
	}
}

func (e *emulator) lookDoctor(t *testing.T) {
	e.target(t, "photos-output")
	wantOutput(t, e.imgmill(t, 0, "doctor", "photos"), "ok     stack ", "ok     notifications ",
		"ok     code ", "ok     role ", "ok     failures ", "1 bad picture")
	e.target(t, "no-such-bucket")
	wantOutput(t, e.imgmill(t, 1, "doctor", "photos", "--json"), `{"check":"environment","state":"fault","text":"IMGMILL_TARGET_BUCKET is \"no-such-bucket\"`, "1 fault, ")
}

// target makes the function write to another bucket. It also sets the numbers again: ministack
// stores those of a stack as text, so the SDK refuses its lambda:GetFunctionConfiguration.
func (e *emulator) target(t *testing.T, bucket string) {
	t.Helper()
	name := aws.String("imgmill-photos")
	_, err := e.cloud.Function.UpdateFunctionConfiguration(t.Context(),
		&lambda.UpdateFunctionConfigurationInput{
			FunctionName: name, MemorySize: aws.Int32(1024), Timeout: aws.Int32(120),
			EphemeralStorage: &lambdatypes.EphemeralStorage{Size: aws.Int32(512)},
			Environment: &lambdatypes.Environment{Variables: map[string]string{recipe.EnvSourceBucket: "photos-input",
				recipe.EnvTargetBucket: bucket}}})
	if err != nil {
		t.Fatal(err)
	}
	w := lambda.NewFunctionUpdatedV2Waiter(e.cloud.Function,
		func(o *lambda.FunctionUpdatedV2WaiterOptions) { o.MinDelay = 100 * time.Millisecond })
	if err := w.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: name},
		waitTimeout); err != nil {
		t.Fatal(err)
	}
}

// lookFailures: the function fails three times while its target is missing, and succeeds once the
// failure is sent back.
func (e *emulator) lookFailures(t *testing.T) {
	const key = "sent back.jpg"
	e.target(t, "no-such-bucket")
	e.put(t, "photos-input", key, sample.Photo(400, 300))
	list := ""
	for end := time.Now().Add(10 * waitTimeout); list == ""; time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatal("the failure does not reach the queue")
		}
		list, _ = command(t, 0, "failures", "photos")
	}
	wantOutput(t, list, "  3      "+key+"  ", "no-such-bucket")
	if again, _ := command(t, 0, "failures", "photos"); again != list {
		t.Errorf("listed twice:\n%s%s", list, again)
	}
	wantOutput(t, e.imgmill(t, 0, "failures", "photos", "show", "1"), `"condition": "RetriesExhausted"`)
	wantOutput(t, e.imgmill(t, 1, "doctor", "photos"), "1 pending in imgmill-photos-failures",
		"3 failed attempts")
	e.target(t, "photos-output")
	wantOutput(t, e.imgmill(t, 3, "failures", "photos", "retry", "1", "2"),
		"1  "+key+"  sent back\n2  -  not sent: ", "1 failure sent back.")
	e.await(t, "photos-output", key)
	wantOutput(t, e.imgmill(t, 0, "failures", "photos"), "No failures.")
	e.remove(t, key)
}

// lookLogsOfFailures: the lines of the Go runtime about failed invocations are shown, too, and
// every line is parsed.
func (e *emulator) lookLogsOfFailures(t *testing.T) {
	out := e.imgmill(t, 0, "logs", "photos", "--errors")
	wantOutput(t, out, "  retry    sent back.jpg  ", "  failed   the invocation")
	for lines := bufio.NewScanner(strings.NewReader(e.imgmill(t, 0, "logs", "photos",
		"--json"))); lines.Scan(); {
		var line logs.Line
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Kind == logs.KindOther {
			t.Errorf("not parsed (%v): %s", err, lines.Text())
		}
	}
}

// lookTestAgain: the first attempt fails, the target is restored, and a further attempt succeeds.
func (e *emulator) lookTestAgain(t *testing.T) {
	e.target(t, "no-such-bucket")
	p := run(t, "test", "photos", "--timeout", "5m")
	p.find(t, 0, regexp.MustCompile("^The function reports retry: .*no-such-bucket"))
	p.find(t, 0, regexp.MustCompile("^Waiting for the next attempt, which Lambda makes a minute after the first"))
	e.target(t, "photos-output")
	err := <-p.ended
	if p.ended <- err; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// remove deletes a picture and its variant.
func (e *emulator) remove(t *testing.T, key string) {
	t.Helper()
	for _, bucket := range []string{"photos-input", "photos-output"} {
		if _, err := e.cloud.Store.DeleteObject(t.Context(),
			&awss3.DeleteObjectInput{Bucket: &bucket, Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
	}
}

// imgmillAny is imgmill with any exit code.
func (e *emulator) imgmillAny(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "imgmill", args...).CombinedOutput()
	return string(out)
}
