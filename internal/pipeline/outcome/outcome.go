// Package outcome owns what the pipeline leaves behind about a change, for programs and people that
// read it later: the words of the verdict, the names in a log line, and the metadata names of an
// output. The function, the worker and the tools that read their logs all take these names from
// here.
//
// It never decides a verdict (package mill does) and never writes a log itself. A log line is JSON
// as slog.JSONHandler writes it, behind a JSONWriter.
package outcome

import "log/slog"

// Verdict is how the processing of a change ended. Its text appears in logs, in the reports of S3
// Batch Operations jobs, and in JSON output.
type Verdict string

const (
	// Done means that the target holds the variants of the change.
	Done Verdict = "done"
	// Skipped means that there was nothing to do; the reason says why.
	Skipped Verdict = "skipped"
	// Retry means that something other than the picture failed; the change must be delivered again
	// later.
	Retry Verdict = "retry"
	// Bad means that the picture cannot be processed; the reason says why, and a second delivery
	// would end the same way.
	Bad Verdict = "bad"
)

// Level is the level at which a log reports the verdict.
func (v Verdict) Level() slog.Level {
	if v == Bad || v == Retry {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Names of the metadata that every output carries. An object with MetadataSourceETag is one of our
// outputs; the values record what it was made from.
const (
	MetadataPrefix        = "imgmill-"
	MetadataSourceETag    = MetadataPrefix + "source-etag"
	MetadataSourceVersion = MetadataPrefix + "source-version"
	MetadataSequencer     = MetadataPrefix + "sequencer"
	MetadataRecipe        = MetadataPrefix + "recipe" // the fingerprint of the variant's settings
	MetadataSource        = MetadataPrefix + "source" // a hash of the source's bucket and key
	MetadataFocal         = MetadataPrefix + "focal"  // the focal point of the source that it was cropped by
	// MetadataAlso has the fingerprints, with commas between them, of the larger variants of a set that
	// the output stands for, because the source is no wider.
	MetadataAlso = MetadataPrefix + "also"
)
