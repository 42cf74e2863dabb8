package pack

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
)

// ErrBinary reports a binary that the function could not run.
var ErrBinary = errors.New("not a binary for this function")

// foreign lists the first bytes of files that people pass by mistake.
var foreign = []struct{ magic, what string }{
	{"MZ", "a program for Windows"},
	{"\xcf\xfa\xed\xfe", "a program for macOS"},
	{"\xca\xfe\xba\xbe", "a program for macOS"},
	{"#!", "a script"},
	{"PK", "a zip, not the binary in it"},
}

// machine returns the architecture of a binary that provided.al2023 can run without anything else:
// a static executable for Linux (System V ABI, "Object Files").
func machine(binary []byte) (string, error) {
	bad := func(format string, args ...any) (string, error) {
		return "", fmt.Errorf("%w: %s", ErrBinary, fmt.Sprintf(format, args...))
	}
	for _, f := range foreign {
		if bytes.HasPrefix(binary, []byte(f.magic)) {
			return bad("it is %s; build it with GOOS=linux CGO_ENABLED=0", f.what)
		}
	}
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		return bad("it is not an ELF file: %v", err)
	}
	interpreted := slices.ContainsFunc(f.Progs,
		func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return bad("its ELF tables cannot be read: %v", err)
	}
	switch {
	case f.OSABI != elf.ELFOSABI_NONE && f.OSABI != elf.ELFOSABI_LINUX:
		return bad("it is not for Linux (%s)", f.OSABI)
	case interpreted || len(libraries) > 0:
		return bad("it is dynamically linked; build it with CGO_ENABLED=0")
	case f.Type != elf.ET_EXEC && !positionIndependent(f):
		return bad("it is not an executable (%s)", f.Type)
	case f.Machine == elf.EM_AARCH64 && f.Class == elf.ELFCLASS64 && f.Data == elf.ELFDATA2LSB:
		return ARM64, nil
	case f.Machine == elf.EM_X86_64 && f.Class == elf.ELFCLASS64:
		return AMD64, nil
	}
	return bad("it is for %s, %s; Lambda runs %s and %s", f.Machine, f.Class, ARM64, AMD64)
}

// positionIndependent reports whether a file is an executable and not a shared library, which has
// the same type.
func positionIndependent(f *elf.File) bool {
	flags, err := f.DynValue(elf.DT_FLAGS_1)
	return err == nil && f.Type == elf.ET_DYN && len(flags) > 0 &&
		elf.DynFlag1(flags[0])&elf.DF_1_PIE != 0
}
