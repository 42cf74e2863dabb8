package plane

import (
	"reflect"
	"testing"
)

func TestTransposedSwapsSizesAndSpans(t *testing.T) {
	l := NewLayout(YCbCr, false, 5, 8, 2, 1)
	want := Layout{Model: YCbCr, Planes: []Size{{8, 5, 8, 5}, {8, 3, 8, 2.5}, {8, 3, 8, 2.5}}}
	if got := l.Transposed(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if again := l.Transposed().Transposed(); !reflect.DeepEqual(again, l) {
		t.Errorf("transposed twice: %+v, want %+v", again, l)
	}
	if l.Planes[0].Width != 5 {
		t.Error("the layout itself was changed")
	}
}
