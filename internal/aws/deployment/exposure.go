package deployment

import (
	"slices"
	"strconv"

	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Unreservable is the part of an account's concurrency that AWS keeps for functions without a
// reservation (AWS Lambda Developer Guide, "Configuring reserved concurrency for a function").
const Unreservable = 100

// DefaultAccountLimit is how many instances of all functions an account may run at a time, unless
// AWS has set another limit (AWS Lambda Developer Guide, "Lambda quotas").
const DefaultAccountLimit = 1000

// Instances returns how many instances of the function run at a time at most. The parameters are
// those of the stack, and account is what the account leaves to functions without a reservation.
func Instances(parameters map[string]string, account int) int {
	n := account
	if reserved, err := strconv.Atoi(parameters["ReservedConcurrency"]); err == nil && reserved > 0 {
		n = reserved
	}
	if parameters["Trigger"] != "queue" {
		return n
	}
	if most, err := strconv.Atoi(parameters["MaximumConcurrency"]); err == nil {
		n = min(n, most)
	}
	return n
}

// Exposure returns what bounds the cost of uploads to a deployment in a region. Parameters and
// account are those of Instances. The recipe may be nil if it is not known.
func Exposure(region string, parameters map[string]string, account int, r *recipe.Recipe) price.Exposure {
	e := price.Exposure{Region: region, Arch: "arm64", Trigger: parameters["Trigger"], Variants: 1,
		Instances: Instances(parameters, account)}
	if parameters["Architecture"] == "x86_64" {
		e.Arch = "amd64"
	}
	// Numbers of a stack are valid; Limit refuses others.
	e.MemoryMB, _ = strconv.Atoi(parameters["MemoryMB"])
	e.TimeoutSeconds, _ = strconv.Atoi(parameters["TimeoutSeconds"])
	if r != nil {
		e.Variants, e.Manifest = len(r.Variants), r.Manifest
		e.RecordsBad, e.CopiesBad = r.OnBad.Record, r.OnBad.Prefix != ""
		e.Moderated = r.Gates.Rekognition != nil
		e.Ignores = slices.ContainsFunc(r.Rules, func(rule recipe.Rule) bool { return len(rule.Variants) == 0 })
	}
	return e
}
