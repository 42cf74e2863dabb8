package codec

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Format describes a picture format. It is all that the rest of the program knows of one:
// detection, decoding, encoding, validation of recipes, command-line flags, default suffixes and
// documentation are derived from it.
type Format struct {
	Name       string   // in recipes, logs and file lists: "jpeg"
	Title      string   // in sentences: "JPEG"
	Aliases    []string // other names that people write: "jpg"
	Extensions []string // file name endings with their dot, the usual one first
	MediaType  string   // IANA media type
	Refused    string   // valid files that end as ErrUnsupported, as documentation lists them; often none
	Abilities
	// Uploaded marks a format that people upload from cameras, phones and the web. Its file names are
	// among the default suffixes even where it cannot be read, so that such an upload ends with a
	// reason and is not passed over in silence. Other formats are read where a recipe lists their
	// suffixes.
	Uploaded bool
	// Settings are the choices of the encoder, in the order of documentation.
	Settings []*setting.Setting

	// Detect reports whether a file that begins with head is of this format. head has up to
	// HeadLength bytes.
	Detect func(head []byte) bool
	// Open reads the header. It is nil if the format cannot be read.
	Open func(s *Stream, o OpenOptions) (Decoder, error)
	// Encoder returns an encoder with the given settings, whose texts were accepted by Settings. It
	// is nil if the format cannot be written.
	Encoder func(v setting.Values) Encoder
}

// Abilities are what a format can hold, as far as this program reads or writes it.
type Abilities struct {
	Lossy, Lossless bool
	Alpha           bool
	Animation       bool
	Poster          bool // programs that know no animations may show another frame than the first
	Profile         bool
	ColourOnly      bool // gray is stored as colour, which no profile of gray describes
	EXIF, XMP, IPTC bool
	GainMap         bool // a file holds a gain map beside the picture
	Palette         bool // colours come from a table: drawings, which lossy compression spoils
	Interpolated    bool // chroma is halved for the look in readers that interpolate it, and not to the means
	Bits            int  // the most bits of a sample
	// MaxEXIF, MaxXMP and MaxIPTC are the most bytes of such a block that a file holds; 0 means no limit.
	// A packet of more than MaxXMP can be divided.
	MaxEXIF, MaxXMP, MaxIPTC int
}

// HeadLength is how many bytes of a file Detect needs: enough for the longest signature, the brands
// of an ISO base media file.
const HeadLength = 32

// Extension is the usual file name ending, without the dot.
func (f *Format) Extension() string { return strings.TrimPrefix(f.Extensions[0], ".") }

func (f *Format) String() string { return f.Name }

// Setting returns the encoder's setting of a name, or nil.
func (f *Format) Setting(name string) *setting.Setting {
	for _, s := range f.Settings {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Set is the formats that a program knows, in the order in which documentation and error texts list
// them.
type Set []*Format

// Detect returns the format of a file that begins with head, or nil.
func (s Set) Detect(head []byte) *Format {
	return s.find(func(f *Format) bool { return f.Detect(head) })
}

// Named returns the format with a name or alias, in any case, or nil.
func (s Set) Named(name string) *Format {
	name = strings.ToLower(name)
	return s.find(func(f *Format) bool { return f.Name == name || slices.Contains(f.Aliases, name) })
}

// Extension returns the format of a file name ending, with its dot and in any case, or nil.
func (s Set) Extension(ext string) *Format {
	ext = strings.ToLower(ext)
	return s.find(func(f *Format) bool { return slices.Contains(f.Extensions, ext) })
}

// Readable returns the formats that can be decoded.
func (s Set) Readable() Set { return s.Where(func(f *Format) bool { return f.Open != nil }) }

// Writable returns the formats that can be encoded.
func (s Set) Writable() Set { return s.Where(func(f *Format) bool { return f.Encoder != nil }) }

// Names lists the names of the formats.
func (s Set) Names() []string {
	names := make([]string, len(s))
	for i, f := range s {
		names[i] = f.Name
	}
	return names
}

// Suffixes lists the file name endings of the formats that are Uploaded: what a source of pictures
// usually holds.
func (s Set) Suffixes() []string {
	return s.Where(func(f *Format) bool { return f.Uploaded }).Endings()
}

// Endings lists the file name endings of all formats of the set.
func (s Set) Endings() []string {
	var endings []string
	for _, f := range s {
		endings = append(endings, f.Extensions...)
	}
	return endings
}

// Nearest returns the format to write a picture in when none is named: its own if that can be
// written, or else a lossless one with alpha for what may be transparent or must stay exact, and a
// lossy one for the rest.
func (s Set) Nearest(h Header) *Format {
	switch {
	case h.Format.Encoder != nil:
		return h.Format
	case h.Layout.HasAlpha(), h.Format.Palette:
		return s.Writable().find(func(f *Format) bool { return f.Lossless && f.Alpha })
	}
	return s.Lossy()
}

// Lossy returns the first lossy format that can be written: the one that a bound on bytes asks for
// when none is named.
func (s Set) Lossy() *Format { return s.Writable().find(func(f *Format) bool { return f.Lossy }) }

func (s Set) find(ok func(*Format) bool) *Format {
	if i := slices.IndexFunc(s, ok); i >= 0 {
		return s[i]
	}
	return nil
}

// Where returns the formats for which ok is true.
func (s Set) Where(ok func(*Format) bool) Set {
	var found Set
	for _, f := range s {
		if ok(f) {
			found = append(found, f)
		}
	}
	return found
}

// OpenOptions apply to one picture.
type OpenOptions struct {
	Limits  Limits
	Threads int // that may share the decoding, the caller's among them; 0 means 1
	// Formats is the set that opens the picture. Formats that contain pictures of others, such as
	// icons, open them with it.
	Formats Set
}

// Open detects the format and reads the header, not the pixels, and refuses what is over a limit.
// Errors wrap ErrNotImage, ErrUnsupported, ErrCorrupt or ErrLimit, or are those of r.
func (s Set) Open(r io.Reader, o OpenOptions) (Decoder, error) {
	stream := newStream(r, o.Limits.Bytes)
	head, _ := stream.Peek(HeadLength) // a short file is no error here; the stream keeps its own
	if stream.err != nil {
		return nil, stream.err
	}
	if len(head) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrNotImage)
	}
	format := s.Detect(head)
	switch {
	case format == nil:
		return nil, fmt.Errorf("%w: it starts with %q", ErrNotImage, head[:min(8, len(head))])
	case format.Open == nil:
		return nil, fmt.Errorf("%w: %s pictures cannot be read yet; use %s",
			ErrUnsupported, format.Title, setting.OneOf(s.Readable().Names()))
	}
	stream.format = format
	o.Formats = s
	d, err := format.Open(stream, o)
	if err != nil {
		return nil, stream.Fault(err)
	}
	return d, o.Limits.Check(d.Header())
}
