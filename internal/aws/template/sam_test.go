package template_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/export"
)

// TestSAMIsTheTemplate: the printed template, without any parameter, makes what deploy's parameters make of the template.
func TestSAMIsTheTemplate(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"defaults": {}, "every setting": everySetting,
		"existing buckets": {"CreateSourceBucket": "false", "CreateTargetBucket": "false"},
	} {
		t.Run(name, func(t *testing.T) {
			d := printed(t, settings)
			text, err := export.SAM(d)
			if err != nil {
				t.Fatal(err)
			}
			all := maps.Clone(d.Parameters)
			all["NotifyFromTemplate"], all["CodeKey"] = "false", "code.zip"
			want, got := form(t, all), formOf(t, text, nil)
			for id, r := range want.part("Resources") {
				if want.wanted(r.(object)) != got.wanted(got.part("Resources")[id].(object)) {
					t.Errorf("%s: the template has it: %v", id, want.wanted(r.(object)))
				}
				if !want.wanted(r.(object)) {
					continue
				}
				a, b := want.properties(id), got.properties(id)
				if id == "ImageResizerFunction" {
					if b["Code"] != "deploy.zip" {
						t.Errorf("the code is %v", b["Code"])
					}
					delete(a, "Code")
					delete(b, "Code")
				}
				if id == "SourceBucket" {
					checkNotifications(t, b["NotificationConfiguration"].(object), settings["Trigger"] == "queue")
					delete(b, "NotificationConfiguration")
				}
				if !reflect.DeepEqual(a, b) {
					t.Errorf("%s: deploy makes\n%v\nand the printed template\n%v", id, a, b)
				}
			}
		})
	}
}

// checkNotifications: one for each event and suffix, in lower and upper case.
func checkNotifications(t *testing.T, configuration object, queue bool) {
	t.Helper()
	kind, to := "LambdaConfigurations", "Function"
	if queue {
		kind, to = "QueueConfigurations", "Queue"
	}
	list, _ := configuration[kind].([]any)
	seen := map[string]bool{}
	for _, n := range list {
		o := n.(object)
		seen[fmt.Sprint(o["Event"], o["Filter"])] = true
		if !strings.HasPrefix(o[to].(string), "arn:aws:") || !strings.Contains(fmt.Sprint(o["Filter"]), "up/") {
			t.Errorf("%v", o)
		}
	}
	if len(list) < 2 || len(seen) != len(list) || len(configuration) != 1 {
		t.Errorf("the notifications are %v", configuration)
	}
}

// TestSAMHasNoSecret: the secrets of notify must be given, and are in no file.
func TestSAMHasNoSecret(t *testing.T) {
	d := printed(t, map[string]string{"Notify": "true"})
	d.Secrets = []string{"HOOK"}
	text, err := export.SAM(d)
	if err != nil {
		t.Fatal(err)
	}
	if p := formOf(t, text, nil).part("Parameters")["NotifySecrets"].(object); p["Default"] != nil || p["NoEcho"] != "true" {
		t.Errorf("the parameter is %v", p)
	}
}

// TestToolsSAM: cfn-lint accepts the printed template, and sam.
func TestToolsSAM(t *testing.T) {
	lint, sam := tool(t, "cfn-lint"), tool(t, "sam")
	dir := t.TempDir()
	for name, settings := range map[string]map[string]string{"defaults": {}, "everything": everySetting} {
		text, err := export.SAM(printed(t, settings))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{lint, "--", file}, {sam, "validate", "--lint", "--region", "us-east-1", "--template-file", file}} {
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s %v: %v\n%s", name, args, err, out)
			}
		}
	}
}
