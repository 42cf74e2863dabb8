// Package s3 implements the object store contract with the S3 REST API, through the AWS SDK.
//
// It maps the errors of the service to those of package bucket, sends a CRC-32 with every object,
// and verifies the checksum of every object that it reads. It never reads the AWS configuration
// files or searches for credentials (package ambient, below it, does), never creates a bucket, and
// never splits an object into parts. Specification: Amazon S3 API Reference, version 2006-03-01.
//
// Metadata is sent in headers, which can hold printable ASCII only. Other text is encoded as RFC
// 2047 encoded words, which is also how S3 returns metadata that was uploaded as UTF-8, and decoded
// when it is read. Text that is not valid UTF-8 is rejected with ErrInvalid, and so are
// Content-Type, Cache-Control and Content-Disposition outside printable ASCII: these have encodings
// of their own (RFC 6266 for file names), which the caller chooses.
//
// The SDK retries a put whose response was lost. If the put is conditional, the second attempt may
// find the object of the first and report ErrPrecondition: a caller that needs to know compares the
// object in the store.
package s3
