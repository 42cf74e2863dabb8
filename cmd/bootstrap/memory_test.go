package main

import "testing"

func TestMemorySize(t *testing.T) {
	for mb, want := range map[string]int64{
		"": 0, "-1": 0, "many": 0, "99999999999": 0, "128": 128 << 20, "1769": 1769 << 20,
	} {
		if got := memorySize(mb); got != want {
			t.Errorf("%q MB: %d bytes, want %d", mb, got, want)
		}
	}
}
