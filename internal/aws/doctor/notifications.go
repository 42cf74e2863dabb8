package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/trigger"
)

// getNotifications is the permission to read a bucket's notifications.
const getNotifications = "s3:GetBucketNotification"

// wanted returns the notifications that the deployed recipe needs, and false if the recipe could
// not be read.
func (e *examination) wanted() ([]trigger.Notification, bool) {
	r := e.recipe()
	if r == nil {
		return nil, false
	}
	return trigger.Wanted(e.names, r, e.d.FunctionARN, e.d.WorkQueueARN), true
}

// checkNotifications compares the notifications of the source bucket with those that the recipe
// needs. It counts every entry with the right destination, whatever its ID: a stack that was
// created without deploy has others.
func checkNotifications(ctx context.Context, e *examination) {
	cfg, err := trigger.Read(ctx, e.Cloud, e.d.SourceBucket)
	switch {
	case client.IsCode(err, "NoSuchBucket"):
		e.fault("create a bucket of that name, then "+e.redeploy(),
			"the source bucket %s does not exist", e.d.SourceBucket)
		return
	case err != nil:
		e.unseen("the notifications of "+e.d.SourceBucket, getNotifications, err)
		return
	}
	wanted, known := e.wanted()
	if !known {
		e.unseen("the notifications that the recipe needs", "s3:GetObject on the function's zip",
			e.codeErr)
		return
	}
	var ours []trigger.Notification
	for _, n := range trigger.Entries(cfg) {
		if n.ARN == wanted[0].ARN {
			ours = append(ours, n)
		}
	}
	missing, extra := compareNotifications(wanted, ours)
	switch {
	case len(ours) == 0:
		e.fault(e.redeploy(), "%s sends no notifications to %s", e.d.SourceBucket, wanted[0].ARN)
	case len(missing) > 0:
		e.fault(e.redeploy(), "%s sends no notifications about %s, which the recipe needs",
			e.d.SourceBucket, patterns(missing))
	case len(extra) > 0:
		e.warn(e.redeploy(),
			"%s also sends notifications about %s, which the recipe does not need: the function runs for nothing, or twice",
			e.d.SourceBucket, patterns(extra))
	default:
		e.ok("%s notifies %s about %s", e.d.SourceBucket, wanted[0].ARN, patterns(ours))
	}
}

// compareNotifications returns the wanted entries that no existing one covers, and the existing
// ones that cover no wanted one.
func compareNotifications(
	wanted, existing []trigger.Notification,
) (missing, extra []trigger.Notification) {
	covers := func(wide, narrow trigger.Notification) bool {
		return strings.HasPrefix(narrow.Prefix, wide.Prefix) &&
			strings.HasSuffix(narrow.Suffix, wide.Suffix) &&
			!slices.ContainsFunc(narrow.Events,
				func(e string) bool { return !slices.Contains(wide.Events, e) })
	}
	// The template's own notifications have an entry for each event: entries with the same filter
	// count as one.
	var merged []trigger.Notification
	for _, n := range existing {
		i := slices.IndexFunc(merged, func(m trigger.Notification) bool {
			return m.Prefix == n.Prefix && m.Suffix == n.Suffix
		})
		if i < 0 {
			n.Events = slices.Clone(n.Events)
			merged = append(merged, n)
			continue
		}
		merged[i].Events = append(merged[i].Events, n.Events...)
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(merged, func(m trigger.Notification) bool { return covers(m, w) }) {
			missing = append(missing, w)
		}
	}
	for _, m := range merged {
		useful := slices.ContainsFunc(wanted,
			func(w trigger.Notification) bool { return covers(m, w) || trigger.Overlap(m, w) })
		if !useful {
			extra = append(extra, m)
		}
	}
	return missing, extra
}

// patterns lists entries as glob patterns, each once. One in lower case stands for its three spellings, if
// all of them are there.
func patterns(list []trigger.Notification) string {
	var all []string
	spellings := map[string]int{} // by prefix and suffix in lower case
	for _, n := range list {
		spellings[n.Prefix+"*"+strings.ToLower(n.Suffix)]++
	}
	for _, n := range list {
		pattern := n.Prefix + "*" + n.Suffix
		if lower := n.Prefix + "*" + strings.ToLower(n.Suffix); pattern != lower && spellings[lower] == 3 {
			continue
		}
		if !slices.ContainsFunc(n.Events, func(e string) bool {
			return strings.HasPrefix(e, "s3:ObjectCreated")
		}) {
			pattern += " (" + strings.Join(n.Events, " ") + ")"
		}
		if !slices.Contains(all, pattern) {
			all = append(all, pattern)
		}
	}
	return strings.Join(all, " ")
}

// checkOverlap looks for notifications of others about the same pictures: S3 refuses ours beside
// them.
func checkOverlap(ctx context.Context, e *examination) {
	cfg, err := trigger.Read(ctx, e.Cloud, e.d.SourceBucket)
	wanted, known := e.wanted()
	if err != nil || !known {
		return // checkNotifications reports it
	}
	others, overlaps := 0, false
	for _, n := range trigger.Entries(cfg) {
		if n.ARN == wanted[0].ARN {
			continue
		}
		others++
		if slices.ContainsFunc(wanted, func(w trigger.Notification) bool {
			return trigger.Overlap(w, n)
		}) {
			overlaps = true
			e.fault("change its prefix or suffix so that it differs from the recipe's, or serve both through EventBridge or an SNS topic; then "+e.redeploy(),
				"%s on %s overlaps with the recipe: S3 allows only one destination for an event", n,
				e.d.SourceBucket)
		}
	}
	if !overlaps {
		e.ok("%s on %s, none about the recipe's pictures", plural(others, "other notification"),
			e.d.SourceBucket)
	}
}
