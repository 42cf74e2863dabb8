package lambdafn_test

import (
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

func TestPictureTime(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		time.Minute: 57500 * time.Millisecond, 900 * time.Second: 897500 * time.Millisecond, 2500 * time.Millisecond: 1500 * time.Millisecond,
	} {
		if got := lambdafn.PictureTime(timeout); got != want {
			t.Errorf("%s: %s, want %s", timeout, got, want)
		}
	}
}
