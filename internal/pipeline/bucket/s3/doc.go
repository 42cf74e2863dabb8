// Package s3 is the object store contract over the S3 REST API, by way of the AWS SDK.
//
// It maps what the service answers to the errors of package bucket, sends a CRC-32 with every object and checks the one
// that comes back. It never reads the environment or the AWS files (package ambient, below it, does), never creates a
// bucket, and never splits an object into parts. Specification: Amazon S3 API Reference, version 2006-03-01.
//
// Metadata travels in headers, which carry printable ASCII only. Other text is sent as RFC 2047 encoded words, which is
// also how S3 itself gives back metadata that it was handed as UTF-8; reading undoes it. Text that is not UTF-8 is
// refused with ErrInvalid, and so are Content-Type, Cache-Control and Content-Disposition outside printable ASCII: these
// have encodings of their own (RFC 6266 for file names), which the caller chooses.
//
// A put is sent again by the SDK when its answer was lost. With a condition, the second attempt may then find the first
// one's object and report ErrPrecondition: who needs to know compares the object that is there.
package s3
