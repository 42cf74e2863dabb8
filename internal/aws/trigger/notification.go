// Package trigger handles the notifications by which the source bucket triggers a deployment: which
// ones the recipe needs, and how to write them into the bucket's notification configuration beside
// those of others (Amazon S3 User Guide, "Amazon S3 Event Notifications").
//
// It never changes or removes an entry that does not belong to the deployment.
package trigger

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Notification is one entry of a bucket's notification configuration.
type Notification struct {
	ID string
	// ARN is the destination: a topic, a queue or a function.
	ARN    string
	Events []string
	// Prefix and Suffix filter keys. They are form-encoded, as S3 stores them.
	Prefix, Suffix string
}

// String identifies the entry as the console shows it.
func (n Notification) String() string {
	return fmt.Sprintf("%s (%s, prefix %q, suffix %q) to %s", n.ID, strings.Join(n.Events, " "),
		n.Prefix, n.Suffix, n.ARN)
}

// MaxEntries is S3's limit on the entries of one bucket.
const MaxEntries = 100

// Wanted returns the notifications that the recipe needs on its source bucket. There is one for
// each suffix of the recipe as .jpg, .JPG and .Jpg, since S3 compares case, or a single one without a suffix if the recipe accepts pictures whatever their key. The destination is
// the work queue, or the function if workQueue is empty. Both are ARNs.
func Wanted(n deployment.Names, r *recipe.Recipe, function, workQueue string) []Notification {
	events := []string{"s3:ObjectCreated:*"}
	if r.OnRemove == recipe.Remove {
		events = append(events, "s3:ObjectRemoved:*")
	}
	if len(r.Gates.Tags) > 0 || r.FocalTag != "" {
		events = append(events, "s3:ObjectTagging:Put")
	}
	destination := function
	if workQueue != "" {
		destination = workQueue
	}
	var list []Notification
	for _, s := range filterSuffixes(r.Source.Suffixes) {
		id := n.Stack + "-" + strings.TrimPrefix(s, ".")
		if s == "" {
			id = n.Stack + "-all"
		}
		list = append(list, Notification{id, destination, events, filterValue(r.Source.Prefix),
			filterValue(s)})
	}
	return list
}

// filterSuffixes returns the suffixes in lower case, in upper case and with a capital, without those that another one covers: S3
// refuses entries that overlap.
func filterSuffixes(suffixes []string) []string {
	if len(suffixes) == 0 {
		return []string{""}
	}
	var all []string
	for _, s := range suffixes {
		lower, upper := strings.ToLower(s), strings.ToUpper(s)
		all = append(all, lower, upper)
		if dot := strings.LastIndexByte(lower, '.'); dot == 0 && len(lower) > 1 { // as cameras and people write it
			all = append(all, upper[:2]+lower[2:])
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(a) - len(b) })
	var list []string
	for _, s := range all {
		if !slices.ContainsFunc(list, func(shorter string) bool {
			return strings.HasSuffix(s, shorter)
		}) {
			list = append(list, s)
		}
	}
	return list
}

// filterValue encodes text for a filter: spaces as + and special characters percent-encoded (Amazon
// S3 User Guide, "Configuring event notifications using object key name filtering").
func filterValue(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }

// Owns reports whether an entry belongs to the deployment. The ID alone does not decide: imgmill-a-
// is also the start of the IDs of a deployment named a-b.
func Owns(n deployment.Names, x Notification) bool {
	to, err := arn.Parse(x.ARN)
	if err != nil || !strings.HasPrefix(x.ID, n.Stack+"-") {
		return false
	}
	return to.Service == "lambda" && to.Resource == "function:"+n.Stack || to.Service == "sqs" &&
		to.Resource == n.WorkQueue()
}

// Split separates the deployment's entries from those of others.
func Split(n deployment.Names, list []Notification) (ours, others []Notification) {
	for _, x := range list {
		if Owns(n, x) {
			ours = append(ours, x)
		} else {
			others = append(others, x)
		}
	}
	return ours, others
}

// Overlap reports whether S3 would refuse the two entries on one bucket: they share an event, and a
// key could pass both filters by S3's rule, which compares the prefixes alone and the suffixes
// alone.
func Overlap(a, b Notification) bool {
	if !eitherHas(a.Prefix, b.Prefix, strings.HasPrefix) ||
		!eitherHas(a.Suffix, b.Suffix, strings.HasSuffix) {
		return false
	}
	for _, x := range a.Events {
		for _, y := range b.Events {
			x, anyX := strings.CutSuffix(x, "*")
			y, anyY := strings.CutSuffix(y, "*")
			if x == y || anyX && strings.HasPrefix(y, x) || anyY && strings.HasPrefix(x, y) {
				return true
			}
		}
	}
	return false
}

func eitherHas(a, b string, has func(string, string) bool) bool { return has(a, b) || has(b, a) }

// Same reports whether two lists hold the same entries in any order.
func Same(a, b []Notification) bool {
	return slices.Equal(sortedTexts(a), sortedTexts(b))
}

func sortedTexts(list []Notification) []string {
	var all []string
	for _, n := range list {
		n.Events = slices.Sorted(slices.Values(n.Events))
		all = append(all, n.String())
	}
	slices.Sort(all)
	return all
}
