package template_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestToolsTerraform: Terraform accepts the module, and plans with it what CloudFormation makes of the template: the same
// resources, the same policies to the letter, and every value that the template sets. The provider is .ci/terraform's.
func TestToolsTerraform(t *testing.T) {
	tools := os.Getenv("IMGMILL_TERRAFORM")
	if tools == "" {
		t.Skip("IMGMILL_TERRAFORM is not set; make terraform sets it")
	}
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		if terraform, err = exec.LookPath("tofu"); err != nil {
			t.Skip("neither terraform nor tofu is installed")
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(moduleFolder)); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("deploy.zip", "zip")
	write("rc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"hashicorp/aws\" = %q\n  }\n}\n", tools))
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(terraform, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "rc"), "IMGMILL_SCHEMA="+filepath.Join(tools, "schema.json"),
			"CHECKPOINT_DISABLE=1")
		out, err := cmd.Output()
		if err != nil {
			var stderr []byte
			if e, ok := err.(*exec.ExitError); ok {
				stderr = e.Stderr
			}
			t.Fatalf("terraform %v: %v\n%s%s", args, err, out, stderr)
		}
		return out
	}
	run("fmt", "-check", "-diff")
	t.Logf("%s", run("validate", "-no-color"))

	for name, settings := range map[string]map[string]string{
		"defaults":         {},
		"queue":            {"Trigger": "queue", "OnRemove": "remove", "ReservedConcurrency": "0", "MonthlyBudgetUSD": "5"},
		"every setting":    everySetting,
		"secrets":          {"Notify": "true", "NotifySecrets": "HOOK=whsec_x", "SourceObjectArns": "arn:aws:s3:::photos-input/a*,arn:aws:s3:::photos-input/b*"},
		"existing buckets": {"CreateSourceBucket": "false", "CreateTargetBucket": "false", "NotifyFromTemplate": "false"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := maps.Clone(settings)
			settings["ImgmillName"] = "photos"
			m := newModule(t)
			write("terraform.tfvars.json", m.values(settings))
			run("plan", "-no-color", "-out=plan")
			var plan struct {
				Values struct {
					Root struct {
						Resources []planned `json:"resources"`
					} `json:"root_module"`
				} `json:"planned_values"`
			}
			if err := json.Unmarshal(run("show", "-json", "plan"), &plan); err != nil {
				t.Fatal(err)
			}
			comparePlan(t, form(t, settings), plan.Values.Root.Resources)
		})
	}
}

// planned is a resource of a plan.
type planned struct {
	Type, Name, Address string
	Values              object
}

// values writes the module's variables for parameters of the template.
func (m *module) values(settings map[string]string) string {
	all := object{"name": "photos", "zip": "deploy.zip", "source_bucket": "photos-input", "target_bucket": "photos-output"}
	for parameter, value := range settings {
		switch m.kind(parameter) {
		case "list(string)":
			all[variable(parameter)] = strings.Split(value, ",")
		case "bool":
			all[variable(parameter)] = value == "true"
		default: // Terraform converts numbers
			all[variable(parameter)] = value
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// comparePlan compares the resources of a plan with those of a stack.
func comparePlan(t *testing.T, f *formation, resources []planned) {
	t.Helper()
	claimed := map[string]bool{}
	for id, r := range f.part("Resources") {
		r := r.(object)
		own := resourceTypes[r["Type"].(string)]
		values, there := map[string]bool{}, false
		for _, p := range resources {
			// Some have parts of their own type, such as aws_s3_bucket_public_access_block.
			if p.Name != label(id) || p.Type != own && !slices.Contains(parts[own], p.Type) {
				continue
			}
			there, claimed[p.Address] = there || p.Type == own, true
			leaves(p.Values, true, values)
		}
		if there != f.wanted(r) {
			t.Errorf("%s: the stack has it: %v, the plan has it: %v", id, f.wanted(r), there)
		}
		if !there || !f.wanted(r) {
			continue
		}
		wanted := map[string]bool{}
		leaves(f.properties(id), false, wanted)
		for v := range wanted {
			if !values[renamed.Replace(v)] && !only[v] {
				t.Errorf("%s: the template sets %s, and the plan nowhere of %v", id, renamed.Replace(v), slices.Sorted(maps.Keys(values)))
			}
		}
	}
	for _, p := range resources {
		if !claimed[p.Address] {
			t.Errorf("the plan has %s, which is no resource of the template", p.Address)
		}
	}
}

var (
	// parts are the further resources of one.
	parts = map[string][]string{
		"aws_s3_bucket": {"aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_public_access_block",
			"aws_s3_bucket_ownership_controls", "aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_notification"},
		"aws_iam_role": {"aws_iam_role_policy"}, "aws_lambda_function": {"aws_lambda_function_recursion_config"},
	}
	// renamed are names that CloudFormation makes up.
	renamed = strings.NewReplacer(":role/LambdaResizeRole", ":role/imgmill-photos-function-", ":role/AuditRole", ":role/imgmill-photos-audit-")
	// only are values that the template alone has: where the zip is, and what Terraform has another attribute for.
	only = map[string]bool{"photos-code": true, "code.zip": true, "EMAIL": true, "AlarmTopic": true}
)

// leaves adds the texts and numbers in v, and each policy or other JSON as a whole; of a plan also the keys, which hold what
// some of CloudFormation's lists name.
func leaves(v any, keys bool, to map[string]bool) {
	switch v := v.(type) {
	case object:
		for k, x := range v {
			if keys {
				to[k] = true
			}
			if strings.HasSuffix(k, "PolicyDocument") {
				to[canonical(x)] = true
				continue
			}
			leaves(x, keys, to)
		}
	case []any:
		for _, x := range v {
			leaves(x, keys, to)
		}
	case string:
		var inner object
		if json.Unmarshal([]byte(v), &inner) != nil {
			to[v] = true
			return
		}
		to[canonical(inner)] = true
		if keys {
			leaves(inner, keys, to)
		}
	case nil:
	default:
		to[canonical(v)] = true
	}
}

// canonical writes JSON in one form, with a list of one as a single value, as IAM reads it.
func canonical(v any) string {
	text, _ := json.Marshal(single(v))
	return string(text)
}

func single(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 1 {
			return single(v[0])
		}
		list := []any{}
		for _, x := range v {
			list = append(list, single(x))
		}
		return list
	case object:
		m := object{}
		for k, x := range v {
			m[k] = single(x)
		}
		return m
	}
	return v
}
