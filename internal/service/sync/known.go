package sync

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	stdsync "sync"

	"github.com/gofrs/flock"
)

// Known is a set of facts on disk, each of which is a hash of 64 bits. It is a table with open
// addressing, 8 bytes a slot, in a file that only its size describes:
//
//	0        8                 16                    8·(slots+1)
//	| magic  | slot 0          | slot 1      | ...   |
//
// A fact is at the slot that its hash names, or in one of the following ones up to an empty (zero)
// slot. Facts are only added. A file that lacks some, after a kill or a loss of power, costs requests
// and nothing worse: whatever it does not hold is found out again. One that cannot be a table, as after a
// failure of the disk, is set aside. It takes no memory worth mention, so that it may hold a hundred million facts.
type Known struct {
	mu    stdsync.RWMutex // for replacing the file by a larger one, and for adding
	path  string
	file  *os.File
	lock  *flock.Flock // nil if the set is only read
	slots uint64       // a power of two
	used  uint64
	// Damaged is the new name of a damaged file that was set aside for this one, or "".
	Damaged string
}

const (
	knownMagic = "imgmill1"
	firstSlots = 1 << 12
	cluster    = 32 // slots that are read at a time
)

// ErrKnownInUse means that another process uses the file.
var ErrKnownInUse = errors.New("is in use by another imgmill")

// OpenKnown opens the set in a file, or makes one. A file that is something else is an error, and stays
// as it is.
func OpenKnown(path string) (k *Known, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	k = &Known{path: path, lock: flock.New(path+".lock", flock.SetPermissions(0o600))}
	if ok, err := k.lock.TryLock(); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	} else if !ok {
		return nil, fmt.Errorf("the checkpoint %s %w; wait for that one, or use --checkpoint with none or another file", path, ErrKnownInUse)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("checkpoint: %w", errors.Join(err, k.Close()))
			k = nil
		}
	}()
	if err = k.open(); !errors.Is(err, errDamaged) {
		return k, err
	}
	k.Damaged = path + ".damaged"
	if err = errors.Join(k.file.Close(), os.Rename(path, k.Damaged)); err != nil {
		return k, err
	}
	return k, k.open()
}

// ReadKnown opens the set in a file for reading, also while another process uses it. What is added is
// forgotten. Without a file that holds a set, it is nil.
func ReadKnown(path string) (*Known, error) {
	k := &Known{path: path}
	err := k.open()
	if err == nil {
		return k, nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errDamaged) {
		err = nil
	}
	if err = errors.Join(err, k.Close()); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return nil, nil
}

// errDamaged means that a file was a set once.
var errDamaged = errors.New("damaged")

// open opens the file.
func (k *Known) open() (err error) {
	flags := os.O_RDWR | os.O_CREATE
	if k.lock == nil {
		flags = os.O_RDONLY
	}
	if k.file, err = os.OpenFile(k.path, flags, 0o600); err != nil {
		return err
	}
	info, err := k.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 && k.lock == nil {
		return errDamaged
	}
	if info.Size() == 0 {
		k.slots = firstSlots
		return format(k.file, k.slots)
	}
	magic := make([]byte, min(int64(len(knownMagic)), info.Size()))
	if _, err := k.file.ReadAt(magic, 0); err != nil {
		return err
	}
	lost := len(bytes.Trim(magic, "\x00")) == 0 // zeros are what a loss of power leaves
	if !lost && !strings.HasPrefix(knownMagic, string(magic)) {
		return fmt.Errorf("%s is not a checkpoint of imgmill; name another file", k.path)
	}
	k.slots, k.used = uint64(info.Size())/8-1, 0
	if lost || len(magic) < len(knownMagic) || info.Size()%8 != 0 || k.slots < cluster || k.slots&(k.slots-1) != 0 {
		return errDamaged
	}
	err = k.each(func(uint64) error { k.used++; return nil })
	if err == nil && k.used > k.slots/4*3 {
		return errDamaged // it has never been so full, and a search might not end
	}
	return err
}

// format makes an empty table of a file.
func format(f *os.File, slots uint64) error {
	if err := f.Truncate(int64(8 * (slots + 1))); err != nil { // a hole: zeros
		return err
	}
	_, err := f.WriteAt([]byte(knownMagic), 0)
	return err
}

// each calls f with every fact.
func (k *Known) each(f func(uint64) error) error {
	r := io.NewSectionReader(k.file, 8, int64(8*k.slots))
	buf := make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(r, buf)
		for i := 0; i+8 <= n; i += 8 {
			if sum := binary.LittleEndian.Uint64(buf[i:]); sum != 0 {
				if err := f(sum); err != nil {
					return err
				}
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Close closes the file. A nil set has none.
func (k *Known) Close() error {
	if k == nil {
		return nil
	}
	var err error
	if k.file != nil {
		err = k.file.Close()
	}
	if k.lock != nil {
		err = errors.Join(err, k.lock.Close())
	}
	return err
}

// Has reports whether a fact is known. A nil set knows nothing.
func (k *Known) Has(sum uint64) (bool, error) {
	if k == nil {
		return false, nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, found, err := k.probe(sum)
	return found, err
}

// probe returns the slot of a fact, or the empty one where it belongs.
func (k *Known) probe(sum uint64) (slot uint64, found bool, err error) {
	var buf [8 * cluster]byte
	for at := sum & (k.slots - 1); ; {
		n := min(cluster, k.slots-at)
		if _, err := k.file.ReadAt(buf[:8*n], int64(8*(at+1))); err != nil {
			return 0, false, fmt.Errorf("checkpoint: %w", err)
		}
		for i := range n {
			switch binary.LittleEndian.Uint64(buf[8*i:]) {
			case sum:
				return at + i, true, nil
			case 0:
				return at + i, false, nil
			}
		}
		at = (at + n) & (k.slots - 1)
	}
}

// Add adds a fact. A nil set, and one that is only read, forgets it.
func (k *Known) Add(sum uint64) error {
	if k == nil || k.lock == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.used+1 > k.slots/4*3 {
		if err := k.grow(); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return k.add(sum)
}

func (k *Known) add(sum uint64) error {
	slot, found, err := k.probe(sum)
	if err != nil || found {
		return err
	}
	var buf [8]byte
	binary.LittleEndian.PutUint64(buf[:], sum)
	if _, err := k.file.WriteAt(buf[:], int64(8*(slot+1))); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	k.used++
	return nil
}

// grow replaces the file by one of four times as many slots.
func (k *Known) grow() error {
	f, err := os.OpenFile(k.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	larger := &Known{file: f, slots: 4 * k.slots}
	if err = format(f, larger.slots); err == nil {
		err = k.each(larger.add)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := k.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), k.path); err != nil {
		return err
	}
	k.file, err = os.OpenFile(k.path, os.O_RDWR, 0o600)
	k.slots, k.used = larger.slots, larger.used
	return err
}

// fact returns the hash of a fact, which is never zero.
func fact(parts ...string) uint64 {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return max(1, binary.LittleEndian.Uint64(h.Sum(nil)))
}
