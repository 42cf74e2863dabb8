package render

import (
	"fmt"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Idle lists the settings of a variant that have no effect beside others that it has. They do no harm,
// but whoever wrote them expects something of them.
func (s *Schema) Idle(v Variant) (idle []Problem) {
	add := func(name, beside string) {
		idle = append(idle, Problem{name, fmt.Sprintf("has no effect beside %s; leave out one of the two", beside)})
	}
	if v.Position != "" && v.Position != Center && v.Fit != Cover && (v.Fit != Contain || v.Position.Focal()) {
		text := "has no effect without fit: cover, which cuts something off; add it, or leave this out"
		if !v.Position.Focal() {
			text = "has no effect without fit: cover or contain; add one, or leave this out"
		}
		idle = append(idle, Problem{"position", text})
	}
	if v.Watermark.Image == "" || v.Watermark.Image == NoWatermark {
		for _, x := range s.Settings {
			if strings.HasPrefix(x.Name, watermarkPrefix) && x.Name != watermarkImage && x.Given(&v) {
				idle = append(idle, Problem{x.Name, "has no effect without " + watermarkImage + ", which names the overlay; add that, or leave this out"})
			}
		}
	}
	if v.Format == nil {
		return idle
	}
	if v.Frames > 1 && v.Poster > 1 && v.Format.Animation && !v.Format.Poster {
		add("poster", "frames")
	}
	for _, own := range v.Format.Settings {
		for _, beside := range own.IdleBeside {
			name, text, only := strings.Cut(beside, ": ")
			other := s.Setting(name)
			if s.Setting(own.Name).Given(&v) && other.Given(&v) && (!only || other.Text(&v) == text) {
				add(own.Name, name)
				break
			}
		}
	}
	return idle
}

// lossless returns those of a variant's settings without each of which its encoder, which has no
// quality, would have one.
func (s *Schema) lossless(v Variant) (names []string) {
	for _, own := range v.Format.Settings {
		others := setting.Values{}
		for name, text := range v.Encoding {
			if name != own.Name {
				others[name] = text
			}
		}
		if _, lossy := v.Format.Encoder(others).(codec.LossyEncoder); lossy {
			names = append(names, own.Name)
		}
	}
	return names
}
