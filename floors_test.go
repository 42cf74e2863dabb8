package imgmill_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/imgmill/imgmill/"

// wings are the folders from the bottom up. A package imports only from its own wing and from wings
// below it; folders of one line stand side by side and do not import one another.
var wings = [][]string{
	{"internal/engine"},
	{"internal/pipeline"},
	{"internal/service", "internal/aws"},
	{"internal/cli"},
	{"cmd", "bench"},
}

// forbidden imports, direct or not, each with its reason.
var forbidden = []struct{ from, to, reason string }{
	{"cmd/bootstrap", module + "internal/cli", "the function needs no command line"},
	{"cmd/bootstrap", module + "internal/service/devcloud", "the function talks to a cloud, it does not embed one"},
	{"cmd/bootstrap", module + "internal/service/worker", "Lambda polls for the function"},
	{"cmd/bootstrap", module + "internal/pipeline/queue", "Lambda polls for the function"},
	{"cmd/bootstrap", "github.com/aws/aws-sdk-go-v2/service/sqs", "Lambda polls for the function"},
	{"cmd/bootstrap", "github.com/nats-io/nats.go", "Lambda polls for the function"},
	{"cmd/bootstrap", module + "internal/aws", "the function does not deploy itself"},
	{"cmd/bootstrap", "github.com/versity/versitygw", "20 MB of server"},
	{"cmd/bootstrap", "github.com/nats-io/nats-server/v2", "10 MB of server"},
	{"cmd/imgmill", "github.com/nats-io/nats-server/v2", "10 MB of server, which tests alone start"},
	{"cmd/bootstrap", "github.com/aws/aws-sdk-go-v2/config", "the search for credentials costs start-up time; Lambda gives them"},
	{"cmd/bootstrap", "github.com/prometheus/client_golang", "Lambda counts for the function"},
	{"cmd/bootstrap", "go.opentelemetry.io/otel", "a function that ends between two events cannot send spans by itself"},
	{"cmd/imgmill", "google.golang.org/grpc", "28 MB, with all that it keeps the linker from leaving out"},
	{"cmd/bootstrap", "net/rpc", "build with the tag lambda.norpc"},
	{"cmd/bootstrap", "text/template", "the linker then keeps every exported method of every type"},
}

// onlyImporter names for a module the one package whose business it is.
var onlyImporter = map[string]string{
	"github.com/versity/versitygw":      "internal/service/devcloud",
	"github.com/nats-io/nats-server/v2": "a test",
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

// list gives the project's packages by path below the module.
func list(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-tags", "lambda.norpc", "-json=ImportPath,Imports,Deps,Standard", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]listed{}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// wingOf returns the height of the wing that a package stands in and the wing's folder, or -1.
func wingOf(pkg string) (int, string) {
	for height, folders := range wings {
		for _, folder := range folders {
			if strings.HasPrefix(pkg, folder+"/") || pkg == folder {
				return height, folder
			}
		}
	}
	return -1, ""
}

func TestPackagesImportOnlyDownwards(t *testing.T) {
	found := map[string]bool{}
	for name, p := range list(t) {
		if strings.TrimSuffix(module, "/") == p.ImportPath {
			continue // the module root, which is documented as a facade over the engine
		}
		height, wing := wingOf(name)
		if height < 0 {
			t.Errorf("%s stands in no wing; move it into one, or add the wing to floors_test.go and docs/architecture.md", name)
			continue
		}
		found[wing] = true
		for _, imported := range p.Imports {
			short, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if to, toWing := wingOf(short); to >= height && toWing != wing {
				t.Errorf("%s imports %s: %s is not below %s", name, short, toWing, wing)
			}
		}
	}
	for _, folders := range wings {
		for _, folder := range folders {
			if !found[folder] {
				t.Errorf("there is no package in %s", folder)
			}
		}
	}
}

func TestEngineKnowsNoNetworkAndNoEnvironment(t *testing.T) {
	for name, p := range list(t) {
		if _, wing := wingOf(name); wing != "internal/engine" || name == "internal/engine/sample" || name == "internal/engine/jpeg/jpegtest" {
			continue
		}
		for _, imported := range []string{"net", "net/http", "os/exec", "github.com/aws/aws-sdk-go-v2/aws"} {
			if slices.Contains(p.Deps, imported) {
				t.Errorf("%s reaches %s: the engine turns bytes into planes and knows no network", name, imported)
			}
		}
		if slices.Contains(p.Imports, "os") || slices.Contains(p.Imports, "time") {
			t.Errorf("%s imports os or time: the engine knows no environment and no clock", name)
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	packages := list(t)
	for _, f := range forbidden {
		p, ok := packages[f.from]
		if !ok {
			t.Errorf("there is no package %s", f.from)
		}
		for _, dep := range p.Deps {
			if dep == f.to || strings.HasPrefix(dep, f.to+"/") {
				t.Errorf("%s reaches %s: %s", f.from, dep, f.reason)
			}
		}
	}
	for name, p := range packages {
		for _, imported := range p.Imports {
			for m, owner := range onlyImporter {
				if name != owner && (imported == m || strings.HasPrefix(imported, m+"/")) {
					t.Errorf("%s imports %s: only %s does", name, imported, owner)
				}
			}
		}
	}
}
