package tiff

import (
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Tags (TIFF 6.0 and its supplements; BigTIFF; DNG 1.7; ICC.1 annex B.4; Exif 3.0).
const (
	tagNewSubfileType    = 254
	tagImageWidth        = 256
	tagImageLength       = 257
	tagBitsPerSample     = 258
	tagCompression       = 259
	tagPhotometric       = 262
	tagFillOrder         = 266
	tagStripOffsets      = 273
	tagOrientation       = 274
	tagSamplesPerPixel   = 277
	tagRowsPerStrip      = 278
	tagStripByteCounts   = 279
	tagPlanarConfig      = 284
	tagT4Options         = 292
	tagPredictor         = 317
	tagColorMap          = 320
	tagTileWidth         = 322
	tagTileLength        = 323
	tagTileOffsets       = 324
	tagTileByteCounts    = 325
	tagSubIFDs           = 330
	tagInkSet            = 332
	tagExtraSamples      = 338
	tagSampleFormat      = 339
	tagSMinSampleValue   = 340
	tagSMaxSampleValue   = 341
	tagJPEGTables        = 347
	tagJPEGInterchange   = 513
	tagJPEGLength        = 514
	tagYCbCrCoefficients = 529
	tagYCbCrSubSampling  = 530
	tagReferenceBW       = 532
	tagCFAPattern        = 33422
	tagICCProfile        = 34675
	tagDNGVersion        = 50706
)

// Photometric interpretations.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgb         = 2
	palette     = 3
	mask        = 4
	separated   = 5
	yCbCr       = 6
	cieLab      = 8
	iccLab      = 9
	ituLab      = 10
	cfa         = 32803
	linearRaw   = 34892
)

// Sample formats.
const (
	unsigned = 1
	signed   = 2
	float    = 3
	untyped  = 4 // read as unsigned
)

// Meanings of extra samples.
const (
	unspecified  = 0
	associated   = 1
	unassociated = 2
	// none stands for a picture without alpha.
	none = -1
)

// maxSamples bounds the samples of a pixel; a picture of more is measurement data.
const maxSamples = 64

// maxTile bounds the sides of a tile that is larger than the picture.
const maxTile = 1 << 14

// fields are the values of a directory that decoding depends on.
type fields struct {
	width, height  int
	bits, samples  int
	compression    int
	photometric    int
	lsbFirst       bool // FillOrder 2
	planar         bool // PlanarConfiguration 2
	predictor      int
	format         int
	low, high      float64 // sample values that stand for black and white; equal if not declared
	tiled          bool
	blockW, blockH int // of a tile or strip, in pixels
	offsets        entry
	counts         entry // of no values if missing
	extra          []int // meanings of extra samples
	extraGiven     bool
	inkSet         int
	t4Options      int
	colourMap      entry
	subX, subY     int        // YCbCr subsampling
	coefficients   [3]float64 // of luma: red, green, blue
	reference      [6]float64 // black and white of Y, Cb and Cr
	jpegTables     entry
}

// fields reads the values of a directory.
func (c *container) fields(d *directory) (*fields, error) {
	f := &fields{
		bits: 1, samples: 1, compression: uncompressed, photometric: -1, predictor: 1,
		format: unsigned, inkSet: 1, subX: 2, subY: 2,
		coefficients: [3]float64{0.299, 0.587, 0.114},
		reference:    [6]float64{0, 255, 128, 255, 128, 255},
	}
	seen := map[uint16]bool{}
	rows := math.MaxInt32
	for _, e := range d.entries {
		if seen[e.tag] || e.count == 0 {
			continue
		}
		seen[e.tag] = true
		if err := c.field(f, &rows, e); err != nil {
			return nil, err
		}
	}
	if f.width <= 0 || f.height <= 0 {
		return nil, c.s.Corrupt(d.at, "a size of %d×%d", f.width, f.height)
	}
	if !f.tiled {
		f.blockW, f.blockH = f.width, min(rows, f.height)
	}
	if f.blockW <= 0 || f.blockH <= 0 {
		return nil, c.s.Corrupt(d.at, "strips or tiles of %d×%d", f.blockW, f.blockH)
	}
	if isFax(f.compression) || f.compression == webpFile {
		f.predictor = 1 // which these schemes do not have
	}
	if f.photometric < 0 {
		// The tag is required. Fax programs leave it out, and mean black on white.
		f.photometric = whiteIsZero
		if f.samples >= 3 {
			f.photometric = rgb
		}
	}
	return f, nil
}

// field reads one entry into f.
func (c *container) field(f *fields, rows *int, e entry) (err error) {
	small := func(dst *int) {
		var v uint64
		if v, err = c.integer(e, 0); err == nil {
			*dst = int(min(v, math.MaxInt32))
		}
	}
	flag := func(dst *bool) {
		var v int
		small(&v)
		*dst = v == 2
	}
	switch e.tag {
	case tagImageWidth:
		small(&f.width)
	case tagImageLength:
		small(&f.height)
	case tagBitsPerSample:
		return c.depth(f, e)
	case tagCompression:
		small(&f.compression)
	case tagPhotometric:
		small(&f.photometric)
	case tagFillOrder:
		flag(&f.lsbFirst)
	case tagSamplesPerPixel:
		small(&f.samples)
	case tagRowsPerStrip:
		small(rows)
		if *rows == 0 { // means unknown, to some writers
			*rows = math.MaxInt32
		}
	case tagPlanarConfig:
		flag(&f.planar)
	case tagPredictor:
		small(&f.predictor)
	case tagSampleFormat:
		small(&f.format)
	case tagSMinSampleValue:
		f.low, err = c.real(e, 0)
	case tagSMaxSampleValue:
		f.high, err = c.real(e, 0)
	case tagTileWidth:
		f.tiled = true
		small(&f.blockW)
	case tagTileLength:
		f.tiled = true
		small(&f.blockH)
	case tagStripOffsets, tagTileOffsets:
		f.offsets = e
	case tagStripByteCounts, tagTileByteCounts:
		f.counts = e
	case tagExtraSamples:
		f.extraGiven = true
		f.extra, err = c.integers(e, maxSamples)
	case tagInkSet:
		small(&f.inkSet)
	case tagT4Options:
		small(&f.t4Options)
	case tagColorMap:
		f.colourMap = e
	case tagJPEGTables:
		f.jpegTables = e
	case tagYCbCrSubSampling:
		var v []int
		if v, err = c.integers(e, 2); err == nil && len(v) == 2 {
			f.subX, f.subY = v[0], v[1]
		}
	case tagYCbCrCoefficients:
		var v []float64
		if v, err = c.reals(e, 3); v != nil {
			copy(f.coefficients[:], v)
		}
	case tagReferenceBW:
		var v []float64
		if v, err = c.reals(e, 6); v != nil {
			copy(f.reference[:], v)
		}
	}
	return err
}

// depth reads BitsPerSample: one value for each sample, all equal.
func (c *container) depth(f *fields, e entry) error {
	bits, err := c.integers(e, maxSamples)
	if err != nil {
		return err
	}
	f.bits = bits[0]
	for _, n := range bits {
		if n != f.bits {
			return fmt.Errorf("%w: TIFF whose samples have %d and %d bits", codec.ErrUnsupported, f.bits, n)
		}
	}
	return nil
}

// colours is how many samples of a pixel are colour.
func (f *fields) colours() int {
	switch f.photometric {
	case rgb, yCbCr, cieLab, iccLab:
		return 3
	case separated:
		return 4
	}
	return 1
}

// alpha returns which sample is alpha and what it means: associated, unassociated, or none. A sample
// of unspecified meaning is no alpha. The tag is required where there are extra samples; one sample
// that it does not explain counts as unassociated alpha, which is what most readers take it for.
func (f *fields) alpha() (sample, meaning int) {
	n := f.colours()
	if !f.extraGiven && f.samples == n+1 && f.photometric != separated {
		return n, unassociated
	}
	for i, m := range f.extra {
		if n+i < f.samples && (m == associated || m == unassociated) {
			return n + i, m
		}
	}
	return 0, none
}

// fullRange reports whether YCbCr samples are those of JFIF: luma coefficients of BT.601, and the
// whole range of values in use.
func (f *fields) fullRange() bool {
	want := [9]float64{0.299, 0.587, 0.114, 0, 255, 128, 255, 128, 255}
	for i, v := range append(f.coefficients[:], f.reference[:]...) {
		if math.Abs(v-want[i]) > 0.002 {
			return false
		}
	}
	return true
}

// validate refuses what cannot be decoded, by its name.
func (c *container) validate(f *fields) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: TIFF with "+format, append([]any{codec.ErrUnsupported}, args...)...)
	}
	if name, ok := refused[f.compression]; ok {
		return refuse("%s compression", name)
	}
	if !supported[f.compression] {
		return refuse("compression %d", f.compression)
	}
	switch {
	case f.photometric == ituLab:
		return refuse("ITU Lab colours")
	case f.photometric == mask:
		return refuse("a transparency mask as its first picture")
	case f.photometric == 32844 || f.photometric == 32845:
		return refuse("LogLuv colours")
	case f.photometric == cfa || f.photometric == linearRaw:
		return refuse("sensor data")
	case f.photometric > iccLab || f.photometric == 7:
		return refuse("photometric interpretation %d", f.photometric)
	case f.photometric == separated && f.inkSet != 1:
		return refuse("inks other than cyan, magenta, yellow and black")
	case f.samples > maxSamples:
		return refuse("%d samples in a pixel", f.samples)
	case f.samples < f.colours():
		return c.s.Corrupt(0, "samples per pixel: %d, want %d", f.samples, f.colours())
	}
	if f.tiled && (f.blockW > max(f.width, maxTile) || f.blockH > max(f.height, maxTile)) {
		return refuse("tiles of %d×%d pixels", f.blockW, f.blockH)
	}
	if err := c.validateSamples(f, refuse); err != nil {
		return err
	}
	if f.photometric == yCbCr && (f.subX != 1 || f.subY != 1) {
		return c.validateSubsampling(f, refuse)
	}
	return nil
}

func (c *container) validateSamples(f *fields, refuse func(string, ...any) error) error {
	switch {
	case f.bits < 1 || f.bits > 64 || f.bits > 32 && f.bits != 64:
		return refuse("%d-bit samples", f.bits)
	case f.format == float && f.bits != 16 && f.bits != 24 && f.bits != 32 && f.bits != 64:
		return refuse("%d-bit floating-point samples", f.bits)
	case f.format > untyped || f.format < unsigned:
		return refuse("complex samples")
	case f.photometric == palette && (f.bits > 16 || f.format == float):
		return refuse("a %d-bit palette", f.bits)
	case isFax(f.compression) && (f.bits != 1 || f.samples != 1 && !f.planar):
		return refuse("CCITT compression of samples of more than one bit")
	case f.compression == webpFile && (f.bits != 8 || f.planar || f.samples != 3 && f.samples != 4):
		return refuse("WebP compression of %d-bit samples, %d in a pixel", f.bits, f.samples)
	case (f.compression == jpegNew || f.compression == jpegOld) && f.bits != 8:
		return refuse("JPEG compression of %d-bit samples", f.bits)
	case (f.photometric == cieLab || f.photometric == iccLab) && (f.bits != 8 && f.bits != 16 || f.format == float):
		return refuse("%d-bit L*a*b* samples", f.bits)
	}
	if f.compression == jpegNew || f.compression == jpegOld {
		return nil
	}
	switch f.predictor {
	case 1:
	case 2:
		if f.bits != 8 && f.bits != 16 && f.bits != 32 && f.bits != 64 {
			return refuse("a horizontal predictor of %d-bit samples", f.bits)
		}
	case 3:
		if f.format != float {
			return refuse("a floating-point predictor of integers")
		}
	default:
		return refuse("predictor %d", f.predictor)
	}
	return nil
}

// validateSubsampling holds subsampled chroma to what section 21 allows.
func (c *container) validateSubsampling(f *fields, refuse func(string, ...any) error) error {
	power := func(n int) bool { return n == 1 || n == 2 || n == 4 }
	switch {
	case !power(f.subX) || !power(f.subY):
		return c.s.Corrupt(0, "chroma subsampling of %d×%d", f.subX, f.subY)
	case f.compression == jpegNew || f.compression == jpegOld:
		return nil
	case f.bits != 8 || f.format == float:
		return refuse("%d-bit subsampled chroma", f.bits)
	case f.samples != 3 || f.planar:
		return refuse("subsampled chroma beside further samples or in planes")
	case f.predictor != 1:
		return refuse("a predictor of subsampled chroma")
	case f.blockH%f.subY != 0 && f.blockH < f.height || f.tiled && (f.blockW%f.subX != 0 || f.blockH%f.subY != 0):
		return refuse("strips that end within a chroma sample")
	}
	return nil
}
