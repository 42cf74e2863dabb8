package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/minio/crc64nvme"
)

// withChecksum asks for the checksum of an object, which body then verifies. The SDK would verify it
// itself if ChecksumMode were set, but has CRC-64 without vector instructions; S3 gives that one to every
// upload without a checksum of its own.
func withChecksum(o *s3.Options) {
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amz-Checksum-Mode", "ENABLED"))
}

// checksum is the sum that an object must have.
type checksum struct {
	hash.Hash
	name, want string // want is in base64
}

// checksumOf returns the checksum that an answer names, or nil if it names none of the whole object: that
// of an upload in parts may be one of the parts' checksums (Amazon S3 User Guide, "Checking object
// integrity").
func checksumOf(out *s3.GetObjectOutput) *checksum {
	if out.ChecksumType == types.ChecksumTypeComposite {
		return nil
	}
	for _, c := range []struct {
		name  string
		value *string
		hash  func() hash.Hash
	}{
		{"CRC-64/NVME", out.ChecksumCRC64NVME, func() hash.Hash { return crc64nvme.New() }},
		{"CRC-32", out.ChecksumCRC32, func() hash.Hash { return crc32.NewIEEE() }},
		{"CRC-32C", out.ChecksumCRC32C, func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
		{"SHA-1", out.ChecksumSHA1, sha1.New},
		{"SHA-256", out.ChecksumSHA256, sha256.New},
	} {
		if want := aws.ToString(c.value); want != "" && !strings.Contains(want, "-") {
			return &checksum{c.hash(), c.name, want}
		}
	}
	return nil
}

// verify returns an error if what was written is not the object.
func (c *checksum) verify() error {
	if got := base64.StdEncoding.EncodeToString(c.Sum(nil)); got != c.want {
		return fmt.Errorf("the object has the %s %s, but %s arrived", c.name, c.want, got)
	}
	return nil
}
