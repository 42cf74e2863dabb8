package cpu

import "testing"

func TestPlain(t *testing.T) {
	had := Vector()
	if had != (Name() != "") {
		t.Fatalf("Vector() = %v with instruction set %q", had, Name())
	}
	outer := Plain()
	inner := Plain()
	inner()
	if Vector() {
		t.Error("Vector() = true before the outer restore")
	}
	outer()
	if Vector() != had {
		t.Error("restore does not restore Vector")
	}
}
