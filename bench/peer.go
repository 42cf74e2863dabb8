package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// peer is a program that can be started as a child.
type peer struct {
	name string
	argv []string
}

// errNotItsTask reports that a program has no such format or setting, or that the bench does not use it
// for that.
var errNotItsTask = errors.New("it is not used for this task")

// does reports whether a program is used for a file and an encoding. vipsthumbnail and gm, as built by
// distributions, have libjpeg's normal encoder only, and libwebp as sharp has it. HEIC is read by Pillow
// alone, with pillow-heif: sharp has no decoder of HEVC.
func (p peer) does(file string, e encoding) bool {
	if filepath.Ext(file) == ".heic" {
		return p.name == "imgmill" || p.name == "Pillow"
	}
	switch p.name {
	case "vipsthumbnail", "gm":
		return e.Format == "jpeg" && e.Effort == "normal"
	case "sharp": // writes no animated PNG, and has one effort for other PNG
		return e.Format != "png" || !e.Animated && e.Effort == "normal"
	case "cwebp":
		return e.Format == "webp" && !e.Animated
	case "gif2webp":
		return e.Format == "webp" && e.Animated
	case "ffmpeg":
		return e.Format == "png" && e.Animated
	case "Pillow":
		return !e.Animated && e.Format != "png"
	case "turbojpeg":
		return filepath.Ext(file) == ".jpg" && e.Format == "jpeg"
	}
	return true
}

// absent is a program that cannot be started, and the reason.
type absent struct {
	name   string
	reason error
}

// findPeers finds all programs, imgmill first, and installs those that a package manager provides,
// unless offline. The output of the package managers is written to log.
func findPeers(m mode, offline bool, log io.Writer) (found []peer, missing []absent, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	found = []peer{{"imgmill", []string{self, "-serve", "imgmill"}}}
	add := func(name string, argv []string, err error) {
		if err != nil {
			missing = append(missing, absent{name, err})
			return
		}
		found = append(found, peer{name, argv})
	}
	dir, err := folder()
	if err != nil {
		return nil, nil, err
	}
	argv, err := findSharp(dir, m, offline, log)
	add("sharp", argv, err)
	argv, err = findPillow(dir, offline, log)
	add("Pillow", argv, err)
	argv, err = findTurbojpeg(dir, offline, log)
	add("turbojpeg", argv, err)
	for _, name := range []string{"vipsthumbnail", "gm", "cwebp", "gif2webp", "ffmpeg"} {
		_, err := exec.LookPath(name)
		add(name, []string{self, "-serve", name}, err)
	}
	return found, missing, nil
}

// folder finds the folder of the bench's scripts, in the working directory or above it.
func folder() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := at; ; dir = filepath.Dir(dir) {
		bench := filepath.Join(dir, "bench")
		if _, err := os.Stat(filepath.Join(bench, "peers", "sharp.js")); err == nil {
			return bench, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf(
				"no folder bench/peers at or above %s: run the bench inside the repository", at)
		}
	}
}

var errOffline = errors.New("not installed, and -offline prevents its installation")

// findSharp installs the version of sharp that package.json pins, if necessary.
func findSharp(dir string, m mode, offline bool, log io.Writer) ([]string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "sharp")); err != nil {
		if offline {
			return nil, errOffline
		}
		err := run(log, dir, "npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
		if err != nil {
			return nil, err
		}
	}
	return []string{node, filepath.Join(dir, "peers", "sharp.js"), fmt.Sprint(m.threads())}, nil
}

// findTurbojpeg builds peers/turbojpeg in the user's cache, unless it is built, which takes two minutes.
func findTurbojpeg(dir string, offline bool, log io.Writer) ([]string, error) {
	for _, tool := range []string{"cmake", "nasm"} { // without nasm, libjpeg-turbo would have no SIMD
		if _, err := exec.LookPath(tool); err != nil {
			return nil, err
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	target := filepath.Join(cache, "imgmill-bench", "turbojpeg")
	args := []string{"build", "--release", "--locked", "--quiet", "--target-dir", target}
	if offline {
		args = append(args, "--offline")
	}
	if err := run(log, filepath.Join(dir, "peers", "turbojpeg"), "cargo", args...); err != nil {
		return nil, err
	}
	return []string{filepath.Join(target, "release", "imgmill-bench-turbojpeg")}, nil
}

// findPillow finds a Python that has Pillow and pillow-heif, or creates an environment with them.
func findPillow(dir string, offline bool, log io.Writer) ([]string, error) {
	return findPython(dir, offline, log, "pillow", "PIL.Image, pillow_heif", "Pillow", "pillow-heif")
}

// findJpegli does the same for jpegli, which Pillow gives the pixels.
func findJpegli(dir string, offline bool, log io.Writer) ([]string, error) {
	if _, err := exec.LookPath("jpegtran"); err != nil {
		return nil, err
	}
	argv, err := findPython(dir, offline, log, "jpegli", "PIL.Image, pyjpegli", "Pillow", "pyjpegli==0.3.2")
	return append(argv, "jpegli"), err
}

// findPython returns the command that runs peers/pillow.py by a Python that can import the modules. If there is
// none, it creates an environment of a name in the user's cache and installs the packages.
func findPython(dir string, offline bool, log io.Writer, name, modules string, packages ...string) ([]string, error) {
	script := filepath.Join(dir, "peers", "pillow.py")
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(cache, "imgmill-bench", name)
	made := filepath.Join(home, "bin", "python")
	for _, python := range []string{"python3", "/usr/bin/python3", made} {
		if exec.Command(python, "-c", "import "+modules).Run() == nil {
			return []string{python, script}, nil
		}
	}
	if offline {
		return nil, errOffline
	}
	if err := run(log, dir, "python3", "-m", "venv", home); err != nil {
		return nil, err
	}
	install := append([]string{"-m", "pip", "install", "--quiet"}, packages...)
	return []string{made, script}, run(log, dir, made, install...)
}

func run(log io.Writer, dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
