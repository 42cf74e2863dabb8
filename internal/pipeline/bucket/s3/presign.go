package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// PresignPut returns a URL to which anybody may PUT an object under a key, for a while. The bytes need no
// checksum, which a browser would have to compute first.
func (s *Store) PresignPut(ctx context.Context, name, key string, valid time.Duration) (string, error) {
	p := s3.NewPresignClient(s.client, s3.WithPresignExpires(valid), s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}))
	r, err := p.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: &key})
	if err != nil {
		return "", fmt.Errorf("presign %s/%s: %w", name, key, err)
	}
	return r.URL, nil
}
