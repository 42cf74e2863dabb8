package console

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// history is a file of rows as lines of JSON, of which the last one about a key holds.
type history struct {
	file  *os.File
	lines int
	path  string
}

// openHistory opens the file, and returns the rows in it in the order of their uploads. It writes the file
// anew, without what later lines have replaced. A line that was cut off by a crash is left out.
func openHistory(path string) (*history, []*Row, error) {
	kept, err := readHistory(path)
	if err != nil {
		return nil, nil, err
	}
	h := &history{path: path}
	return h, kept, h.rewrite(kept)
}

func readHistory(path string) (kept []*Row, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	byKey := map[string]*Row{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var r Row
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Key != "" && r.Times != nil {
			byKey[r.Key] = &r
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, r := range byKey {
		kept = append(kept, r)
	}
	slices.SortFunc(kept, func(a, b *Row) int { return int(a.ID - b.ID) })
	return kept[max(0, len(kept)-MaxRows):], nil
}

// rewrite replaces the file by one with these rows alone.
func (h *history) rewrite(kept []*Row) (err error) {
	if h.file != nil {
		err = h.file.Close()
	}
	next := h.path + ".new"
	f, createErr := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err = errors.Join(err, createErr); err != nil {
		return err
	}
	h.file, h.lines = f, len(kept)
	w := bufio.NewWriter(f)
	encoder := json.NewEncoder(w)
	for _, r := range kept {
		if err := encoder.Encode(r); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := w.Flush(); err != nil {
		return errors.Join(err, f.Close())
	}
	// Windows does not rename a file that is open.
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(next, h.path); err != nil {
		return err
	}
	h.file, err = os.OpenFile(h.path, os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}

// add appends a row. Now and then, the file is written anew.
func (h *history) add(r *Row) error {
	if h == nil {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := h.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if h.lines++; h.lines < 4*MaxRows {
		return nil
	}
	kept, err := readHistory(h.path)
	if err != nil {
		return err
	}
	return h.rewrite(kept)
}

func (h *history) close() error {
	if h == nil {
		return nil
	}
	return h.file.Close()
}
