package event

import "testing"

func TestCompareSequencers(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"0055AED6DCD90281E5", "0055AED6DCD90281E5", 0},
		{"0055AED6DCD90281E5", "0055AED6DCD90281E6", -1},
		{"0055AED6DCD90281E6", "0055AED6DCD90281E5", 1},
		{"00617f08299329d189", "00617F08299329D189", 0}, // notifications and EventBridge differ in case
		{"00617f08299329d18a", "00617F08299329D189", 1},
		{"0055", "00550000", 0},            // the shorter is padded on the right, not on the left
		{"0055", "00550001", -1},           // so 0055 is earlier here
		{"1", "0F", 1},                     // and 1 is later here, although the number is smaller
		{"9", "A", -1},                     // hexadecimal digits sort as text
		{"", "0000", 0},                    // unknown is the earliest
		{"", "0000000000000001", -1},       // everything else is later
		{"FFFFFFFFFFFFFFFFFFFF", "F0", 1},  // longer than any integer
		{"0055AED6DCD90281E5", "0056", -1}, // length does not decide
	}
	for _, test := range tests {
		if got := CompareSequencers(test.a, test.b); got != test.want {
			t.Errorf("CompareSequencers(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := CompareSequencers(test.b, test.a); got != -test.want {
			t.Errorf("CompareSequencers(%q, %q) = %d, want %d", test.b, test.a, got, -test.want)
		}
	}
}
