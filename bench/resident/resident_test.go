package resident

import "testing"

func TestHighWater(t *testing.T) {
	if got := highWater("VmPeak:\t 9 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 7 kB\n"); got != 12345<<10 {
		t.Errorf("got %d", got)
	}
	if got := highWater("VmPeak:\t 9 kB\n"); got != 0 {
		t.Errorf("got %d from a status without VmHWM", got)
	}
}
