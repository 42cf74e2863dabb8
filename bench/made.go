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

// madeFiles makes the files of the rows that need one, by sharp, in the user's cache, and returns their
// folder. Without node or sharp it returns the list without these rows, and reports that.
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
	argv, err := findSharp(dir, oneThread, false, log)
	if err == nil {
		fmt.Fprintf(log, "making files in other formats in %s\n", made)
		err = run(log, dir, argv[0], filepath.Join(dir, "peers", "make.js"), filepath.Join(photos, madeFrom), made)
	}
	if err != nil {
		if _, ok := err.(*exec.Error); !ok {
			return "", nil, fmt.Errorf("make the files of other formats: %w", err)
		}
		fmt.Fprintf(log, "no rows of other formats: %v\n", err)
		return "", slices.DeleteFunc(slices.Clone(list), isMade), nil
	}
	return made, list, nil
}
