package cputest

import (
	"syscall"
	"testing"
	"unsafe"
)

// Guarded returns memory for n values between two inaccessible pages. The values touch the page
// after them if end is set, and the page before them otherwise.
func Guarded[T byte | int16 | uint16 | uint32 | uint64](t testing.TB, n int, end bool) []T {
	t.Helper()
	var one T
	size, page := n*int(unsafe.Sizeof(one)), syscall.Getpagesize()
	whole := (size+page-1)/page*page + 2*page
	mem, err := syscall.Mmap(-1, 0, whole,
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{mem[:page], mem[whole-page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	from := page
	if end {
		from = whole - page - size
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[from])), n)
}
