package stack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestConcurrencyIsBounded: a new deployment runs few instances at a time, in accounts that can
// reserve them and in those that cannot. What was deployed before stays.
func TestConcurrencyIsBounded(t *testing.T) {
	type values = map[string]string
	for _, test := range []struct {
		name              string
		limit, unreserved int
		given, current    values
		reserved          string
		instances         int
		note, err         string
	}{
		{name: "a usual account", limit: 1000, unreserved: 1000, reserved: "10", instances: 10},
		{name: "just enough", limit: 110, unreserved: 110, reserved: "10", instances: 10},
		{name: "a new account", limit: 10, unreserved: 10, reserved: "0", instances: 10,
			note: "AWS requires an account to keep 100 unreserved, and this one has 10,"},
		{name: "others have reserved", limit: 1000, unreserved: 105, reserved: "0", instances: 105,
			note: "to keep 100 unreserved, and this one has 105,"},
		{name: "too many asked for", limit: 100, unreserved: 100, given: values{"ReservedConcurrency": "50"},
			err: "at most 0 can be reserved"},
		{name: "none asked for", limit: 1000, unreserved: 1000, given: values{"ReservedConcurrency": "0"},
			reserved: "0", instances: 1000, note: "add --concurrency 10 to bound the cost"},
		{name: "a queue", limit: 1000, unreserved: 1000, given: values{"Trigger": "queue", "MaximumConcurrency": "50"},
			reserved: "0", instances: 50},
		{name: "more from the queue", limit: 1000, unreserved: 1000,
			given: values{"Trigger": "queue", "ReservedConcurrency": "5"},
			err:   "the queue would pass events on to 10 instances"},
		{name: "a bound of no queue", limit: 1000, unreserved: 1000, given: values{"MaximumConcurrency": "5"},
			err: "--max-concurrency has no effect without a queue"},
		{name: "its own reservation", limit: 110, unreserved: 100,
			current:  values{"Trigger": "direct", "ReservedConcurrency": "10"},
			reserved: "10", instances: 10},
		{name: "deployed without a bound", limit: 1000, unreserved: 1000,
			current:  values{"Trigger": "direct", "ReservedConcurrency": "0"},
			reserved: "0", instances: 1000, note: "add --concurrency 10"},
		{name: "to a queue", limit: 1000, unreserved: 990,
			current: values{"Trigger": "direct", "ReservedConcurrency": "10"},
			given:   values{"Trigger": "queue", "MaximumConcurrency": "50"}, reserved: "0", instances: 50},
		{name: "from a queue", limit: 1000, unreserved: 1000,
			current: values{"Trigger": "queue", "ReservedConcurrency": "0"},
			given:   values{"Trigger": "direct"}, reserved: "10", instances: 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := clienttest.Open(t, func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"AccountLimit": {"ConcurrentExecutions": %d, "UnreservedConcurrentExecutions": %d}}`,
					test.limit, test.unreserved)
			})
			p := &Plan{Parameters: values{}, Unreserved: deployment.DefaultAccountLimit, Settings: Settings{
				Names: photosNames(t), Recipe: recipe.Default(formats.All()), Given: test.given}}
			if test.current != nil {
				p.Current = &deployment.Deployment{Names: photosNames(t), Parameters: test.current}
			}
			if err := p.chooseParameters(); err != nil {
				t.Fatal(err)
			}
			err := planConcurrency(t.Context(), c, p)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("the error is %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Parameters["ReservedConcurrency"]; got != test.reserved {
				t.Errorf("%s are reserved, want %s", got, test.reserved)
			}
			if got := deployment.Instances(p.Parameters, p.Unreserved); got != test.instances {
				t.Errorf("%d instances may run, want %d", got, test.instances)
			}
			notes := strings.Join(p.Notes, "\n")
			if !strings.Contains(notes, test.note) || (notes == "") != (test.note == "") {
				t.Errorf("the notes are %q, want %q", notes, test.note)
			}
		})
	}
}
