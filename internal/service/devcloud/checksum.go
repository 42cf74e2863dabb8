package devcloud

import (
	"encoding/base64"
	"hash"
	"io"

	"github.com/minio/crc64nvme"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3response"
)

// summed is the body of an upload without a checksum. S3 stores CRC64NVME then. The gateway takes it from
// a body that offers it, as those with a trailing checksum do; it would compute it itself, without vector
// instructions, in as much time as the ETag takes.
type summed struct {
	io.Reader
	sum hash.Hash64
}

var _ middlewares.ChecksumReader = summed{}

// withChecksum returns the body of an upload, summed if nothing else gives a checksum.
func withChecksum(in s3response.PutObjectInput) io.Reader {
	if r, ok := in.Body.(middlewares.ChecksumReader); ok && r.Algorithm() != "" || in.Body == nil || in.ChecksumAlgorithm != "" {
		return in.Body
	}
	for _, given := range []*string{
		in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumSHA1, in.ChecksumSHA256, in.ChecksumCRC64NVME, in.ChecksumSHA512,
		in.ChecksumMD5, in.ChecksumXXHASH64, in.ChecksumXXHASH3, in.ChecksumXXHASH128,
	} {
		if given != nil {
			return in.Body
		}
	}
	sum := crc64nvme.New()
	return summed{io.TeeReader(in.Body, sum), sum}
}

// Algorithm implements middlewares.ChecksumReader.
func (s summed) Algorithm() string { return "crc64nvme" }

// Checksum implements middlewares.ChecksumReader. It is that of what was read so far.
func (s summed) Checksum() string { return base64.StdEncoding.EncodeToString(s.sum.Sum(nil)) }
