package cpu

import "testing"

func TestPlain(t *testing.T) {
	had := Vector()
	if had != (Name() != "") {
		t.Fatalf("vector is %v with instruction set %q", had, Name())
	}
	outer := Plain()
	inner := Plain()
	inner()
	if Vector() {
		t.Error("vector kernels are on within Plain")
	}
	outer()
	if Vector() != had {
		t.Error("restore does not restore")
	}
}
