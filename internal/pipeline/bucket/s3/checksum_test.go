package s3_test

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// TestChecksums serves objects with each kind of checksum. The sums of "123456789" are the check values
// of the CRC catalogue (reveng.sourceforge.io/crc-catalogue) and of NIST's and RFC 3174's algorithms.
func TestChecksums(t *testing.T) {
	for header, sum := range map[string]string{
		"X-Amz-Checksum-Crc64nvme": "ae8b14860a799888", "X-Amz-Checksum-Crc32": "cbf43926", "X-Amz-Checksum-Crc32c": "e3069283",
		"X-Amz-Checksum-Sha1":   "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		"X-Amz-Checksum-Sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
	} {
		bytes, err := hex.DecodeString(sum)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			body, suffix, kind string
			want               error
		}{
			{"123456789", "", "FULL_OBJECT", nil},
			{"123456780", "", "FULL_OBJECT", bucket.ErrTransient},
			{"123456780", "-2", "COMPOSITE", nil}, // of the parts' checksums
			{"123456780", "", "COMPOSITE", nil},
		} {
			store := open(t, func(w http.ResponseWriter, r *http.Request) {
				wantHeaders(t, r, map[string]string{"X-Amz-Checksum-Mode": "ENABLED"})
				w.Header().Set("ETag", `"e1"`)
				w.Header().Set("Content-Length", "9")
				w.Header().Set("X-Amz-Checksum-Type", c.kind)
				w.Header().Set(header, base64.StdEncoding.EncodeToString(bytes)+c.suffix)
				_, _ = io.WriteString(w, c.body)
			})
			o, err := store.Get(t.Context(), "photos", "a.jpg", bucket.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(o.Body)
			o.Body.Close()
			if string(got) != c.body {
				t.Errorf("%s: read %q", header, got)
			}
			wantKind(t, header, err, c.want)
		}
	}
}
