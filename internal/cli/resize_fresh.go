package cli

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgmill/imgmill/internal/service/sync"
)

// openMade opens the facts about the outputs in the folder that -o names: of which file each was made,
// and by which settings. It is nil, so that everything is made, if another run uses it or there is none.
func (f *resizeFlags) openMade(stderr io.Writer) *sync.Known {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil // a machine without a home
	}
	folder, err := filepath.Abs(f.output)
	if err != nil {
		return nil // nor with a working directory
	}
	id := sha256.Sum256([]byte(folder))
	made, err := sync.OpenKnown(filepath.Join(cache, "imgmill", "resize-"+hex.EncodeToString(id[:8])))
	switch {
	case err != nil && !errors.Is(err, fs.ErrPermission):
		warnOn(stderr)("what is fresh is made again: " + oneLine(err.Error()))
	case err == nil && made.Damaged != "":
		warnOn(stderr)("what was known to be fresh was damaged, and is now " + made.Damaged + "; everything is made again")
	}
	return made // nil beside an error
}

// fresh reports whether all outputs are there as they were made of this input, as it is, by the same
// settings.
func (t *task) fresh(made *sync.Known) (bool, error) {
	if made == nil || t.fault != nil {
		return false, nil
	}
	for i := range t.variants {
		found := false
		for _, path := range t.paths(i) {
			fact, ok := t.fact(i, path)
			if !ok {
				continue
			}
			known, err := made.Has(fact)
			if err != nil {
				return false, err
			}
			if known {
				if err := t.inputs.take(path, t.input); err != nil {
					return false, err
				}
				found = true
				break
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

// fact is what is noted when an output has been made. There is none if one of the files is not there.
func (t *task) fact(i int, path string) (fact uint64, ok bool) {
	in, errIn := os.Stat(t.input)
	out, errOut := os.Stat(path)
	input, err := filepath.Abs(t.input)
	if errors.Join(errIn, errOut, err) != nil {
		return 0, false
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %q %q %d %d", input, in.Size(), in.ModTime().UnixNano(),
		t.fingerprints[i], path, out.Size(), out.ModTime().UnixNano()))
	return max(1, binary.LittleEndian.Uint64(sum[:])), true
}
