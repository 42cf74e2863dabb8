package cli

import (
	"context"
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
func (f *resizeFlags) openMade(to storage, stderr io.Writer) *sync.Known {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil // a machine without a home
	}
	folder, err := to.identity(f.output)
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
func (t *task) fresh(ctx context.Context, made *sync.Known, in content) (bool, error) {
	if made == nil || t.fault != nil || in.state == "" {
		return false, nil
	}
	for i := range t.variants {
		found := false
		for _, name := range t.paths(i, in) {
			known, err := t.isMade(ctx, made, i, name, in)
			if err != nil {
				return false, err
			}
			if known {
				if err := t.inputs.take(name, t.input); err != nil {
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

// isMade reports whether output i is there under a name, as it was made of the input. A store is asked for its
// state only if there was such an output once.
func (t *task) isMade(ctx context.Context, made *sync.Known, i int, name string, in content) (bool, error) {
	known, err := t.has(made, i, name, in, "")
	if err != nil || !known {
		return false, err
	}
	out, err := t.to.state(ctx, name)
	if err != nil || out == "" {
		return false, err
	}
	return t.has(made, i, name, in, out)
}

func (t *task) has(made *sync.Known, i int, name string, in content, out string) (bool, error) {
	fact, err := t.fact(i, name, in, out)
	if err != nil {
		return false, err
	}
	return made.Has(fact)
}

// note adds that output i was made of the input under a name, where its state is out now.
func (t *task) note(made *sync.Known, i int, name string, in content, out string) error {
	if made == nil || in.state == "" || out == "" {
		return nil
	}
	for _, state := range []string{"", out} {
		fact, err := t.fact(i, name, in, state)
		if err == nil {
			err = made.Add(fact)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fact is what is noted of an output: that it was made, or, with its state, what it was then.
func (t *task) fact(i int, name string, in content, out string) (uint64, error) {
	input, err := t.from.identity(t.input)
	if err != nil {
		return 0, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", input, in.state, t.fingerprints[i], name, out))
	return max(1, binary.LittleEndian.Uint64(sum[:])), nil
}
