package file

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// The file begins with a head:
//
//	 0  16  the text of title
//	16   8  a number that no message up to then exceeds
//
// Records follow. All numbers are little-endian.
//
//	 0   4  mark
//	 4   4  CRC-32C of bytes 8 to 31 and of the payload
//	 8   4  bytes of the payload
//	12   1  kind
//	13   3  zero
//	16   8  number of the message, which grows from record to record
//	24   8  number of the message that this one takes the place of; 0 if there is none
//	32   2  deliveries
//	34   1  not 0 if the message is settled
//	35   1  zero
//	36      payload
//
// The payload of a message that waits is its body. That of a buried one is the time (8 bytes,
// nanoseconds since 1970), the deliveries (2), the length of the reason (4), the reason and the body.
//
// Only the deliveries and the settlement change once a record has been written.
const (
	title      = "imgmill queue 1\n"
	headSize   = 24
	recordSize = 36 // without the payload

	atDeliveries = 32
	atSettled    = 34

	kindWaiting = 1
	kindBuried  = 2

	graveSize  = 14       // what precedes the reason in the payload of a buried message
	maxPayload = 64 << 20 // so that a damaged length asks for no more memory than this
)

var (
	mark       = []byte{0xf1, 'q', 0xfe, 'r'} // no UTF-8, and thus in no body
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// errDamaged means that there is no valid record at an offset.
var errDamaged = errors.New("the record is damaged")

// record is what a record says, without its payload.
type record struct {
	at          int64 // the record's offset
	size        uint32
	kind        byte
	seq, origin uint64
	attempts    int
	settled     bool
}

// end returns the offset behind the record.
func (r record) end() int64 { return r.at + recordSize + int64(r.size) }

// appendHead appends the head of a file.
func appendHead(dst []byte, last uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, title...), last)
}

// appendRecord appends the record of a message that has not been delivered.
func appendRecord(dst []byte, r record, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, mark...)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, r.size)
	dst = append(dst, r.kind, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, r.seq)
	dst = binary.LittleEndian.AppendUint64(dst, r.origin)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, payload...)
	binary.LittleEndian.PutUint32(dst[start+4:], sum(dst[start:], payload))
	return dst
}

// sum returns the checksum of the record that begins with header.
func sum(header, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(header[8:atDeliveries], castagnoli), castagnoli, payload)
}

// readRecord reads the record at an offset, of which left bytes follow. The error is errDamaged if there is none.
func readRecord(r io.Reader, at, left int64) (record, []byte, error) {
	var h [recordSize]byte
	if left < recordSize {
		return record{}, nil, errDamaged
	}
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return record{}, nil, err
	}
	rec := record{
		at: at, size: binary.LittleEndian.Uint32(h[8:]), kind: h[12],
		seq: binary.LittleEndian.Uint64(h[16:]), origin: binary.LittleEndian.Uint64(h[24:]),
		attempts: int(binary.LittleEndian.Uint16(h[atDeliveries:])), settled: h[atSettled] != 0,
	}
	if !bytes.Equal(h[:4], mark) || rec.size > maxPayload || int64(rec.size) > left-recordSize {
		return record{}, nil, errDamaged
	}
	payload := make([]byte, rec.size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return record{}, nil, err
	}
	if binary.LittleEndian.Uint32(h[4:]) != sum(h[:], payload) ||
		rec.kind != kindWaiting && (rec.kind != kindBuried || !isGrave(payload)) {
		return record{}, nil, errDamaged
	}
	return rec, payload, nil
}

// scan calls found with each valid record in turn. It returns the end of the last one, and whether
// anything between records is damaged. What follows the last one is a write that was interrupted, or
// lost.
func scan(f io.ReaderAt, size int64, found func(record)) (end int64, damaged bool, err error) {
	section := func(at int64) io.Reader { return io.NewSectionReader(f, at, size-at) }
	end = headSize
	buffered := bufio.NewReaderSize(section(end), 1<<18)
	for end < size {
		rec, _, err := readRecord(buffered, end, size-end)
		if errors.Is(err, errDamaged) {
			next, err := findRecord(f, end+1, size)
			if err != nil || next == size {
				return end, damaged, err
			}
			damaged, end = true, next
			buffered.Reset(section(end))
			continue
		}
		if err != nil {
			return end, damaged, err
		}
		found(rec)
		end = rec.end()
	}
	return end, damaged, nil
}

// findRecord returns the offset of the first valid record from an offset on, or size.
func findRecord(f io.ReaderAt, from, size int64) (int64, error) {
	chunk := make([]byte, 1<<18)
	for from < size {
		n, err := f.ReadAt(chunk[:min(int64(len(chunk)), size-from)], from)
		if err != nil && err != io.EOF {
			return 0, err
		}
		for i := 0; ; i++ {
			k := bytes.Index(chunk[i:n], mark)
			if k < 0 {
				break
			}
			i += k
			at := from + int64(i)
			_, _, err := readRecord(io.NewSectionReader(f, at, size-at), at, size-at)
			if !errors.Is(err, errDamaged) {
				return at, err
			}
		}
		from += int64(max(1, n-len(mark)+1))
	}
	return size, nil
}

// appendGrave appends the payload of a buried message.
func appendGrave(dst []byte, at time.Time, attempts int, reason string, body []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(at.UnixNano()))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(min(attempts, math.MaxUint16)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(reason)))
	return append(append(dst, reason...), body...)
}

func isGrave(payload []byte) bool {
	return len(payload) >= graveSize && uint64(binary.LittleEndian.Uint32(payload[10:])) <= uint64(len(payload)-graveSize)
}

// grave returns the buried message of a payload.
func grave(payload []byte) queue.Buried {
	reason := graveSize + int(binary.LittleEndian.Uint32(payload[10:]))
	return queue.Buried{
		At:       time.Unix(0, int64(binary.LittleEndian.Uint64(payload))),
		Attempts: int(binary.LittleEndian.Uint16(payload[8:])),
		Reason:   string(payload[graveSize:reason]),
		Body:     payload[reason:],
	}
}

// readHead returns the number in the head of a file. The error is errDamaged if the file is the
// beginning of a head.
func readHead(f *os.File, size int64) (last uint64, err error) {
	head := make([]byte, min(size, headSize))
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return 0, err
	}
	known := head[:min(len(head), len(title))]
	if !bytes.HasPrefix([]byte(title), known) {
		return 0, fmt.Errorf("%s does not hold a queue that this version of imgmill can read: move it away, "+
			"or choose another folder", f.Name())
	}
	if len(head) < headSize {
		return 0, errDamaged
	}
	return binary.LittleEndian.Uint64(head[len(title):]), nil
}
