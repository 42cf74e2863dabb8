package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// madeFrom is the photograph that made files show.
const madeFrom = "phone-4032x3024-422.jpg"

// madeFiles makes the files of the rows that need one, by sharp and by pillow-heif, in the user's cache,
// and returns their folder. Without these programs it returns the list without the rows, and reports that.
func madeFiles(photos string, list []row, log io.Writer) (string, []row, error) {
	isMade := func(r row) bool { return r.made }
	if !slices.ContainsFunc(list, isMade) {
		return "", list, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, err
	}
	made := filepath.Join(cache, "imgmill-bench", "made")
	if err := os.MkdirAll(made, 0o777); err != nil {
		return "", nil, err
	}
	missing := func(r row) bool {
		_, err := os.Stat(filepath.Join(made, r.file))
		return r.made && err != nil
	}
	if !slices.ContainsFunc(list, missing) {
		return made, list, nil
	}
	dir, err := folder()
	if err != nil {
		return "", nil, err
	}
	for _, maker := range []struct {
		makes func(r row) bool
		find  func() ([]string, error) // the program, with a script of its own
		make  string                   // the script that makes the files
	}{
		{func(r row) bool { return filepath.Ext(r.file) != ".heic" },
			func() ([]string, error) { return findSharp(dir, oneThread, false, log) }, "make.js"},
		{func(r row) bool { return filepath.Ext(r.file) == ".heic" },
			func() ([]string, error) { return findPillow(dir, false, log) }, "make_heic.py"},
	} {
		lacks := func(r row) bool { return missing(r) && maker.makes(r) }
		if !slices.ContainsFunc(list, lacks) {
			continue
		}
		argv, err := maker.find()
		if err == nil {
			fmt.Fprintf(log, "making files in other formats in %s\n", made)
			err = run(log, dir, argv[0], filepath.Join(dir, "peers", maker.make), filepath.Join(photos, madeFrom), made)
		}
		if err != nil {
			if _, ok := err.(*exec.Error); !ok {
				return "", nil, fmt.Errorf("make the files of other formats: %w", err)
			}
			fmt.Fprintf(log, "no rows of other formats: %v\n", err)
			list = slices.DeleteFunc(slices.Clone(list), lacks)
		}
	}
	return made, list, nil
}
