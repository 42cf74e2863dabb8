package render

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/resample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Setting is one setting of a variant: how it is described, and where a Variant holds it.
type Setting struct {
	setting.Setting
	NeedsSize bool            // has no meaning in a variant without width and height
	Rewrites  bool            // makes a variant of the picture's own size worth making
	Formats   []*codec.Format // that have it; nil for a setting of every format
	Aliases   []string        // other texts that Parse understands, beside Choices

	set   func(v *Variant, text string) // text is canonical, or "" for the default
	text  func(v *Variant) string       // canonical, or "" where the variant does not name it
	parse func(text string) (string, error)
}

// Schema is every setting that a variant may have with a set of formats, in the order of
// documentation.
type Schema struct {
	Formats  codec.Set
	Settings []*Setting
}

// animated returns the formats that animations can be written in.
func animated(formats codec.Set) codec.Set {
	return formats.Writable().Where(func(f *codec.Format) bool { return f.Animation })
}

// NewSchema returns the settings of every variant, and those of the formats that can be written.
func NewSchema(formats codec.Set) *Schema {
	s := &Schema{Formats: formats}
	s.add(
		whole("width", "height", func(v *Variant) *int { return &v.Width }),
		whole("height", "width", func(v *Variant) *int { return &v.Height }),
		choice("fit", "how the picture fills the box of width and height, named as in CSS and sharp",
			func(v *Variant) *Fit { return &v.Fit }, Inside, Cover, Contain, Fill, Outside),
		&Setting{
			Setting: setting.Setting{
				Name: "position", Type: setting.Position, Choices: []string{string(FocalPosition), string(Attention)}, Default: string(Center),
				Help: "the part that fit: cover shows, and where fit: contain puts the picture; focal: what the upload, its " +
					"faces or its camera say matters; attention: the part that draws most attention, with the faces",
			},
			NeedsSize: true,
			set:       func(v *Variant, text string) { v.Position = Position(text) },
			text:      func(v *Variant) string { return string(v.Position) },
		},
		needsSize(truth("enlarge", "allow a result that is larger than the picture",
			func(v *Variant) *bool { return &v.Enlarge })),
		needsSize(choice("filter", "the resampling filter, from sharp to soft",
			func(v *Variant) *resample.Filter { return &v.Filter },
			resample.Lanczos3, resample.CatmullRom, resample.Mitchell, resample.Linear, resample.Box)),
		needsSize(choice("embedded", "whether a thumbnail in the file may stand for the picture: where four tiles of both look the same at the variant's size, or never",
			func(v *Variant) *Embedded { return &v.Embedded }, AutoEmbedded, NeverEmbedded)),
		needsSize(truth("linear_light", "average light, not sRGB levels: "+
			"fine bright detail keeps its brightness; takes several times as long",
			func(v *Variant) *bool { return &v.LinearLight })),
		s.format(),
	)
	for _, f := range formats.Writable() {
		for _, own := range f.Settings {
			if have := s.Setting(own.Name); have != nil {
				have.share(own, f)
			} else {
				s.add(ofFormat(own, f))
			}
		}
	}
	s.add(
		&Setting{
			Setting: setting.Setting{
				Name: "max_bytes", Type: setting.Bytes, Min: minBytes, Example: "300KB", Absent: "no limit",
				Help: "use the best quality whose file is no larger; without a format, that is a JPEG",
			},
			Rewrites: true,
			set: func(v *Variant, text string) {
				v.MaxBytes, _ = strconv.ParseInt(text, 10, 64) // canonical, or "" for 0
			},
			text: func(v *Variant) string { return number(v.MaxBytes) },
		},
		choice("look", "how a picture of quality: auto looks beside one without loss: nobody notices a difference without the other one, "+
			"beside it, or where one takes the other's place",
			func(v *Variant) *Look { return &v.Look }, Good, High, VisuallyLossless),
		&Setting{
			Setting: setting.Setting{
				Name: "background", Type: setting.Colour, Default: "#ffffff",
				Help: "the colour behind transparent pixels, and around fit: contain",
			},
			set: func(v *Variant, text string) { v.Background = rgb(text) },
			text: func(v *Variant) string {
				return fmt.Sprintf("#%02x%02x%02x", v.Background[0], v.Background[1], v.Background[2])
			},
		},
		rewrites(&Setting{
			Setting: setting.Setting{
				Name: "frames", Type: setting.Int, Min: 2, Choices: []string{"first", "all"}, Default: "first", Example: "100",
				Help: "how many frames of an animation to keep, from the first on: more than one take longer, " +
					"and need a format that holds animations: " + setting.OneOf(animated(formats).Names()),
			},
			set:  func(v *Variant, text string) { v.Frames = parseFrames(text) },
			text: func(v *Variant) string { return framesText(v.Frames) },
		}),
		rewrites(&Setting{
			Setting: setting.Setting{
				Name: "poster", Type: setting.Int, Min: 1, Default: "1", Example: "10",
				Help: "the frame of an animation that a still shows, the last one if there are fewer; also what " +
					"an animated PNG shows in programs that know no animations",
			},
			set:  func(v *Variant, text string) { v.Poster, _ = strconv.Atoi(text) }, // canonical, or "" for the default
			text: func(v *Variant) string { return number(int64(v.Poster)) },
		}),
		rewrites(choice("metadata",
			"what to keep of EXIF, XMP and IPTC data: nothing, who made the picture and who may use it, or everything, including the place",
			func(v *Variant) *Metadata { return &v.Metadata }, Strip, Copyright, Keep)),
		rewrites(choice("colour", "the colour space of the pixels: converted to sRGB, converted to Display P3, or the picture's own with its profile",
			func(v *Variant) *Colour { return &v.Colour }, SRGB, DisplayP3, KeepSpace)),
		choice("intent", "how to render the colours of a profile that the variant's space cannot hold: by the relative colorimetric or the perceptual intent",
			func(v *Variant) *Intent { return &v.Intent }, RelativeIntent, PerceptualIntent),
		rewrites(choice("hdr", "what becomes of a gain map, by which HDR displays brighten a picture: dropped, or kept in a JPEG, reduced as the picture is",
			func(v *Variant) *HDR { return &v.HDR }, DropHDR, KeepHDR)),
		truth("black_point_compensation", "make the darkest colour of a profile black", func(v *Variant) *bool { return &v.BlackPoint }),
	)
	s.add(watermarkSettings()...)
	return s
}

// minBytes is the least bound on bytes: a JPEG's headers and tables alone take most of it.
const minBytes = 1000

func (s *Schema) add(settings ...*Setting) { s.Settings = append(s.Settings, settings...) }

// Setting returns the setting of a name, or nil.
func (s *Schema) Setting(name string) *Setting {
	if i := slices.IndexFunc(s.Settings, func(x *Setting) bool { return x.Name == name }); i >= 0 {
		return s.Settings[i]
	}
	return nil
}

// whole is a setting of a side in pixels.
func whole(name, other string, field func(*Variant) *int) *Setting {
	return &Setting{
		Setting: setting.Setting{
			Name: name, Type: setting.Int, Min: 1, Max: MaxSide, Example: "800",
			Help: name + " in pixels", Absent: "follows from the " + other,
		},
		set:  func(v *Variant, text string) { *field(v), _ = strconv.Atoi(text) }, // canonical, or "" for 0
		text: func(v *Variant) string { return number(int64(*field(v))) },
	}
}

// number returns the text of a number for which 0 means absent.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// choice is a setting of a word; the first is the default.
func choice[T ~string](name, help string, field func(*Variant) *T, choices ...T) *Setting {
	s := &Setting{
		Setting: setting.Setting{Name: name, Type: setting.Choice, Help: help, Default: string(choices[0])},
		set:     func(v *Variant, text string) { *field(v) = T(text) },
		text:    func(v *Variant) string { return string(*field(v)) },
	}
	for _, c := range choices {
		s.Choices = append(s.Choices, string(c))
	}
	return s
}

// rewrites marks a setting with which a variant of the picture's own size is worth making.
func rewrites(s *Setting) *Setting {
	s.Rewrites = true
	return s
}

func truth(name, help string, field func(*Variant) *bool) *Setting {
	return &Setting{
		Setting: setting.Setting{Name: name, Type: setting.Bool, Help: help, Default: "false"},
		set:     func(v *Variant, text string) { *field(v) = text == "true" },
		text: func(v *Variant) string {
			if *field(v) {
				return "true"
			}
			return ""
		},
	}
}

func needsSize(s *Setting) *Setting {
	s.NeedsSize = true
	return s
}

// rgb reads a canonical colour.
func rgb(text string) (c [3]uint8) {
	n, _ := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24) // canonical
	return [3]uint8{uint8(n >> 16), uint8(n >> 8), uint8(n)}
}

// use returns the clause of an error that recommends formats: "; use jpeg or png". Without formats
// it is empty.
func use(what string, formats codec.Set) string {
	if len(formats) == 0 {
		return ""
	}
	return "; use " + what + setting.OneOf(formats.Names())
}

// format is the setting of the output's format, which also understands aliases.
func (s *Schema) format() *Setting {
	writable := s.Formats.Writable().Names()
	instead := use("", s.Formats.Writable())
	var aliases []string
	for _, f := range s.Formats.Writable() {
		aliases = append(aliases, f.Aliases...)
	}
	return &Setting{
		Setting: setting.Setting{
			Name: "format", Type: setting.Choice, Choices: writable,
			Example: strings.Join(writable[:min(1, len(writable))], ""), // the first
			Help:    "the format to write", Absent: "the picture's own, or the nearest that can be written",
		},
		Rewrites: true,
		Aliases:  aliases,
		set:      func(v *Variant, text string) { v.Format = s.Formats.Named(text) },
		text: func(v *Variant) string {
			if v.Format == nil {
				return ""
			}
			return v.Format.Name
		},
		parse: func(text string) (string, error) {
			f := s.Formats.Named(text)
			switch {
			case f == nil:
				return "", fmt.Errorf("%q is not a picture format%s", text, instead)
			case f.Encoder != nil:
				return f.Name, nil
			case f.Open != nil:
				return "", fmt.Errorf("%s can be read but not written yet%s", f.Name, instead)
			}
			return "", fmt.Errorf("%s can be neither read nor written yet%s", f.Name, instead)
		},
	}
}

// Parse returns the canonical text of a value. Errors are those of setting.Setting.Parse.
func (s *Setting) Parse(text string) (string, error) {
	if s.parse != nil {
		return s.parse(text)
	}
	return s.Setting.Parse(text)
}

// Set stores a canonical text, or the default if text is "".
func (s *Setting) Set(v *Variant, text string) { s.set(v, text) }

// Text returns the canonical text of the value that a variant has: its own, or the default.
func (s *Setting) Text(v *Variant) string {
	if text := s.text(v); text != "" {
		return text
	}
	return s.Default
}

// Given reports whether a variant has another value than the default.
func (s *Setting) Given(v *Variant) bool {
	if s.Formats == nil {
		return s.Text(v) != s.Default
	}
	return s.givenFor(v.Format, s.text(v))
}

// Problem is one bad setting of a variant, by the setting's name.
type Problem struct{ Setting, Text string }

// Problems lists everything that is wrong with a variant.
func (s *Schema) Problems(v Variant) []Problem {
	var p []Problem
	add := func(setting, format string, args ...any) {
		p = append(p, Problem{setting, fmt.Sprintf(format, args...)})
	}
	for _, x := range s.Settings {
		text := x.text(&v)
		if text == "" {
			continue
		}
		if _, err := x.Parse(text); err != nil {
			add(x.Name, "%v", err)
			continue
		}
		if x.Formats != nil {
			for _, why := range x.misfits(v.Format, text) {
				add(x.Name, "%s", why)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Encoding)) {
		if x := s.Setting(name); x == nil || x.Formats == nil {
			add(name, "no format has such a setting")
		}
	}
	switch v.Fit {
	case Cover, Contain, Fill, Outside:
		if v.Width == 0 || v.Height == 0 {
			add("fit", "%s needs both width and height", v.Fit)
		}
	}
	if v.Colour == KeepSpace && v.Watermark.Image != "" && v.Watermark.Image != NoWatermark {
		add("colour", "an overlay cannot be converted to every space that a picture may have; write srgb or p3 beside watermark.image")
	}
	if v.Frames > 1 && v.MaxBytes > 0 {
		add("max_bytes", "animations cannot be made to fit; leave it out or write frames: first")
		return p
	}
	if v.Frames > 1 && v.Encoding["quality"] == autoQuality {
		add("quality", "auto is for stills; give a number, or write frames: first")
	}
	if v.Look != "" && v.Look != Good && v.Set == "" && v.Encoding["quality"] != autoQuality {
		add("look", "has no effect without quality: auto; write that, or leave it out")
	}
	if f := v.Format; v.Frames > 1 && f != nil {
		if _, ok := f.Encoder(v.Encoding).(codec.FrameEncoder); !ok {
			add("frames", "%s holds no animations%s", f.Name, use("format ", animated(s.Formats)))
		}
	}
	if f := v.Format; v.Colour == DisplayP3 && f != nil && !f.Profile {
		able := s.Formats.Writable().Where(func(f *codec.Format) bool { return f.Profile })
		add("colour", "%s holds no profiles%s", f.Name, use("format ", able))
	}
	if f := v.Format; v.HDR == KeepHDR && f != nil && !f.GainMap {
		able := s.Formats.Writable().Where(func(f *codec.Format) bool { return f.GainMap })
		add("hdr", "%s holds no gain maps%s", f.Name, use("format ", able))
	}
	if f := v.Format; v.MaxBytes > 0 && f != nil {
		if _, ok := f.Encoder(v.Encoding).(codec.LossyEncoder); ok {
			return p
		}
		if f.Lossy {
			add("max_bytes", "lossless files cannot be made to fit; leave out %s",
				setting.OneOf(append([]string{"max_bytes"}, s.lossless(v)...)))
			return p
		}
		lossy := s.Formats.Writable().Where(func(f *codec.Format) bool { return f.Lossy })
		add("max_bytes", "%s is lossless, so its files cannot be made to fit%s", f.Name, use("format ", lossy))
	}
	return p
}
