package template_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/export"
	awsstack "github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// printed describes a deployment that is printed for other tools: of a recipe, with values of parameters. The test sets all of
// them, as if the recipe and flags asked for them.
func printed(t *testing.T, settings map[string]string) export.Deployment {
	t.Helper()
	names, err := deployment.NamesFor("photos")
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: photos-input, prefix: up/, suffixes: [.jpg]}\ntarget: {bucket: photos-output}\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := awsstack.Draft(awsstack.Settings{Names: names, Recipe: r})
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(plan.Parameters, settings)
	return export.Deployment{Names: names, Parameters: plan.Parameters, Notifications: plan.Notifications(), Zip: "deploy.zip", Version: "v1.2.3"}
}

// everySetting sets all that adds resources or permissions.
var everySetting = map[string]string{"Trigger": "queue", "OnRemove": "remove", "RemoveReplaced": "true", "SetTags": "true", "SetAcl": "true",
	"SourceKmsKeyArn": sourceKey, "TargetKmsKeyArn": targetKey, "AlarmEmail": "me@example.com", "AuditSchedule": "rate(1 day)",
	"MonthlyBudgetUSD": "10", "GateTags": "true", "GateRekognition": "true", "FocalTag": "true", "ReadOverlays": "true",
	"Notify": "true", "Architecture": "x86_64", "MemoryMB": "3008", "TimeoutSeconds": "300",
	"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
	"NotifyBusArns":          "arn:aws:events:us-east-1:123456789012:event-bus/a,arn:aws:events:us-east-1:123456789012:event-bus/b",
	"NotifyTopicArns":        "arn:aws:sns:us-east-1:123456789012:t", "NotifyQueueArns": "arn:aws:sqs:us-east-1:123456789012:q"}

// TestToolsCDK: cdk synth makes of the app that imgmill prints what CloudFormation makes of the template.
func TestToolsCDK(t *testing.T) {
	tools := os.Getenv("IMGMILL_CDK")
	if tools == "" {
		t.Skip("IMGMILL_CDK is not set; make cdk sets it")
	}
	if err := os.WriteFile(filepath.Join(tools, "deploy.zip"), []byte("zip"), 0o644); err != nil {
		t.Fatal(err)
	}
	synth := func(t *testing.T, app string) (string, error) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(tools, "app.ts"), []byte(app), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"tsc", "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--types", "node", "app.ts"},
			{"cdk", "synth", "--quiet", "--no-version-reporting", "--no-notices", "--app", filepath.Join("node_modules", ".bin", "tsx") + " app.ts"},
		} {
			cmd := exec.Command(filepath.Join("node_modules", ".bin", args[0]), args[1:]...)
			cmd.Dir = tools
			cmd.Env = append(os.Environ(), "CDK_DISABLE_CLI_TELEMETRY=true", "HOOK=whsec_x")
			if out, err := cmd.CombinedOutput(); err != nil {
				return string(out), err
			}
		}
		text, err := os.ReadFile(filepath.Join(tools, "cdk.out", "imgmill-photos.template.json"))
		return string(text), err
	}
	for name, settings := range map[string]map[string]string{
		"defaults": {}, "every setting": everySetting, "existing buckets": {"CreateSourceBucket": "false", "CreateTargetBucket": "false"},
	} {
		t.Run(name, func(t *testing.T) {
			d := printed(t, settings)
			app, err := export.CDK(d)
			if err != nil {
				t.Fatal(err)
			}
			text, err := synth(t, app)
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, text, app)
			}
			all := maps.Clone(d.Parameters)
			all["NotifyFromTemplate"], all["CodeKey"] = "false", "code.zip"
			compareSynthesized(t, form(t, all), text)
			if n := strings.Count(text, `"s3:ObjectCreated:*"`); n != 3 { // .jpg, .JPG and .Jpg
				t.Errorf("pictures notify %d times", n)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		app, err := export.CDK(printed(t, map[string]string{"MemoryMB": "64"}))
		if err != nil {
			t.Fatal(err)
		}
		if out, err := synth(t, app); err == nil || !strings.Contains(out, `memoryMb: "64" is not valid; the minimum is 128`) {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// compareSynthesized compares the resources of a synthesized stack with those of the template. Notifications, permissions to
// send them to existing buckets, and the place of the code are the construct's own.
func compareSynthesized(t *testing.T, f *formation, text string) {
	t.Helper()
	text = regexp.MustCompile(`"ImgmillResources([A-Za-z]+)[0-9A-F]{8}"`).ReplaceAllString(text, `"$1"`)
	text = regexp.MustCompile(`\$\{ImgmillResources([A-Za-z]+)[0-9A-F]{8}`).ReplaceAllString(text, `$${$1`)
	var root object
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	if root["Parameters"] != nil {
		delete(root["Parameters"].(object), "BootstrapVersion")
	}
	synthesized := &formation{t: t, root: root, settings: map[string]string{}, refers: map[string]bool{}}
	for id, r := range synthesized.part("Resources") {
		if _, ok := f.part("Resources")[id]; !ok && !strings.HasPrefix(id, "Bucket") && !strings.HasPrefix(id, "ImgmillFunction") &&
			!strings.HasPrefix(id, "Source") && id != "CDKMetadata" {
			t.Errorf("the app has %s, a %v, which the template has not", id, r.(object)["Type"])
		}
	}
	for id, r := range f.part("Resources") {
		made, ok := synthesized.part("Resources")[id].(object)
		if ok != f.wanted(r.(object)) {
			t.Errorf("%s: the template has it: %v, the app has it: %v", id, f.wanted(r.(object)), ok)
			continue
		}
		if !ok {
			continue
		}
		want, got := f.properties(id), synthesized.value(made["Properties"]).(object)
		if id == "SourceBucket" {
			delete(got, "NotificationConfiguration")
		}
		if id == "ImageResizerFunction" {
			delete(want, "Code")
			delete(got, "Code")
		}
		got["Tags"] = onlyName(got["Tags"])
		if want["Tags"] = onlyName(want["Tags"]); want["Tags"] == nil {
			got["Tags"] = nil // the tags of the stack
		}
		if a, b := untyped(want), untyped(got); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: the template has\n%v\nand the app\n%v", id, a, b)
		}
		for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
			if r.(object)[policy] != made[policy] {
				t.Errorf("%s: the %s is %v, in the app %v", id, policy, r.(object)[policy], made[policy])
			}
		}
	}
}

// onlyName returns our own tag.
func onlyName(tags any) any {
	list, _ := tags.([]any)
	for _, tag := range list {
		if tag.(object)["Key"] == "imgmill:name" {
			return tag
		}
	}
	return nil
}

// untyped writes numbers and booleans as texts, since the YAML of the template is read so, and JSON in one form.
func untyped(v any) any {
	switch v := v.(type) {
	case object:
		m := object{}
		for k, x := range v {
			m[k] = untyped(x)
		}
		return m
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, untyped(x))
		}
		return list
	case string, nil:
		return v
	}
	return canonical(v)
}
