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

// floors are the packages from the bottom up; a package imports only from floors below its own. Folders below a package
// stand on its floor and may use it.
var floors = [][]string{
	{"internal/plane", "internal/cpu", "internal/exif", "internal/sample"},
	{"internal/resample", "internal/dct"},
	{"internal/jpeg"},
	{"internal/codec"},
	{"internal/render"},
	{"internal/recipe", "internal/event", "internal/bucket", "internal/queue"},
	{"internal/mill"},
	{"internal/lambdafn", "internal/worker", "internal/devcloud", "internal/price", "internal/pack", "deploy"},
	{"internal/deploy"},
	{"internal/cli"},
	{"cmd/imgmill", "cmd/bootstrap", "bench"},
}

// engine is how many of the floors know no network and no environment.
const engine = 5

// forbidden imports, direct or not, each with its reason.
var forbidden = []struct{ from, to, reason string }{
	{"cmd/bootstrap", module + "internal/cli", "the function needs no command line"},
	{"cmd/bootstrap", module + "internal/devcloud", "the function talks to a cloud, it is none"},
	{"cmd/bootstrap", module + "internal/worker", "Lambda polls for the function"},
	{"cmd/bootstrap", module + "internal/deploy", "the function does not deploy itself"},
	{"cmd/bootstrap", "github.com/versity/versitygw", "20 MB of server"},
	{"cmd/bootstrap", "github.com/nats-io/nats-server/v2", "10 MB of server"},
	{"cmd/bootstrap", "github.com/aws/aws-sdk-go-v2/config", "the search for credentials costs start-up time; Lambda gives them"},
	{"cmd/bootstrap", "net/rpc", "build with the tag lambda.norpc"},
}

// onlyImporter names for a module the one package whose business it is.
var onlyImporter = map[string]string{
	"github.com/versity/versitygw":      "internal/devcloud",
	"github.com/nats-io/nats-server/v2": "internal/devcloud",
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

// floorOf is the floor of a package, and the entry of floors that it belongs to.
func floorOf(pkg string) (int, string) {
	for i, floor := range floors {
		for _, p := range floor {
			if pkg == p || strings.HasPrefix(pkg, p+"/") {
				return i, p
			}
		}
	}
	return -1, ""
}

func TestPackagesImportOnlyFromLowerFloors(t *testing.T) {
	packages := list(t)
	if len(packages) < len(floors) {
		t.Fatalf("go list gave %d packages", len(packages))
	}
	for name, p := range packages {
		if strings.TrimSuffix(module, "/") == p.ImportPath {
			continue // this test
		}
		floor, room := floorOf(name)
		if floor < 0 {
			t.Errorf("%s stands on no floor; give it one in floors_test.go and docs/architecture.md", name)
			continue
		}
		for _, imported := range p.Imports {
			short, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if to, toRoom := floorOf(short); to >= floor && toRoom != room {
				t.Errorf("%s (floor %d) imports %s (floor %d): only lower floors may be imported", name, floor, short, to)
			}
		}
	}
}

func TestEngineKnowsNoNetworkAndNoEnvironment(t *testing.T) {
	for name, p := range list(t) {
		floor, _ := floorOf(name)
		if floor < 0 || floor >= engine || name == "internal/sample" {
			continue
		}
		for _, imported := range append([]string{"net", "net/http", "os/exec"}, "github.com/aws/aws-sdk-go-v2/aws") {
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
