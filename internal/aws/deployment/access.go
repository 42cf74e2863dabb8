package deployment

import (
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// maxAccess bounds the length of a list of ARNs. A role has room for 10,240 characters of policies (IAM
// User Guide, "IAM and AWS STS quotas"), and the list of the target is in four statements.
const maxAccess = 1500

// Access returns the template's parameters SourceObjectArns and TargetObjectArns: the objects that the
// recipe reads and writes in the two buckets. One is empty if keys may begin in any way.
func Access(r *recipe.Recipe, partition, source, target string) (sources, targets string) {
	return objectARNs(r.SourceAccess(), partition, source), objectARNs(r.TargetAccess(), partition, target)
}

// objectARNs returns patterns for the objects of a bucket whose keys begin with one of the prefixes.
func objectARNs(prefixes []string, partition, bucket string) string {
	var arns []string
	for _, p := range prefixes {
		if i := strings.IndexAny(p, "*?$,"); i >= 0 { // they mean something in a pattern, or in the list
			p = p[:i]
		}
		if p == "" {
			return ""
		}
		arns = append(arns, "arn:"+partition+":s3:::"+bucket+"/"+p+"*")
	}
	if text := strings.Join(slices.Compact(arns), ","); len(text) <= maxAccess {
		return text
	}
	return ""
}
