package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// lambdaImage reads config.json of aws-lambda-image (github.com/ysugimoto/aws-lambda-image, README.md
// and doc/DIRECTORY.md at commit 0302226).
func (d *draft) lambdaImage(data []byte) error {
	d.program = "aws-lambda-image"
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("is not valid JSON: %w", err)
	}
	resizes, _ := c["resizes"].([]any)
	reduce, reduced := c["reduce"].(map[string]any)
	if len(resizes) == 0 && !reduced {
		return fmt.Errorf("has neither resizes nor reduce, so it is not config.json of aws-lambda-image, or makes nothing")
	}
	d.target = text(c["bucket"])
	if v := text(c["cacheControl"]); v != "" {
		d.aspects = append(d.aspects, pair{"cache_control", strconv.Quote(v)})
	}
	if v := text(c["acl"]); v != "" {
		d.aspects = append(d.aspects, pair{"acl", v})
	}
	keep := c["keepExtension"] == true
	if reduced {
		d.lambdaOutput("reduce", reduce, keep)
	}
	for i, r := range resizes {
		name := fmt.Sprintf("resizes[%d]", i)
		m, ok := r.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is not an object", name)
		}
		d.lambdaOutput(name, m, keep)
	}
	if len(d.outputs) == 0 {
		return fmt.Errorf("has no output that a recipe could make: %s", strings.Join(d.notes, " "))
	}
	if backup, ok := c["backup"].(map[string]any); ok {
		d.note("backup is left out: an upload stays in its bucket, unchanged.")
		if backup["move"] == true {
			d.note("backup.move is left out: imgmill never removes an upload; a lifecycle rule of its bucket can.")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		switch name {
		case "bucket", "cacheControl", "acl", "keepExtension", "reduce", "resizes", "backup":
		case "jpegOptimizer", "optimizers":
			d.note("%s is left out: imgmill has encoders of its own, which effort: high makes search longer.", name)
		default:
			d.note("%s is left out: no setting of aws-lambda-image has that name.", name)
		}
	}
	return nil
}

// lambdaOutput reads reduce or one of resizes.
func (d *draft) lambdaOutput(at string, m map[string]any, keep bool) {
	var o output
	if size := text(m["size"]); size != "" {
		if !d.geometry(at, &o, size, text(m["crop"]), text(m["gravity"])) {
			return
		}
	} else if at != "reduce" {
		d.note("%s is left out: it has no size.", at)
		return
	}
	if f := text(m["format"]); f != "" {
		format := d.formats.Named(strings.ToLower(f))
		if format == nil || format.Encoder == nil {
			d.note("%s is left out: imgmill does not write %s.", at, f)
			return
		}
		o.add("format", format.Name)
	}
	if q, err := strconv.Atoi(text(m["quality"])); err == nil && q >= 1 && q <= 100 {
		o.add("quality", strconv.Itoa(q))
	} else if m["quality"] != nil {
		d.note("%s.quality is left out: %v is not a number from 1 to 100.", at, m["quality"])
	}
	if bg := strings.ToLower(text(m["background"])); regexp.MustCompile(`^(white|black|#[0-9a-f]{6})$`).MatchString(bg) {
		o.add("background", strconv.Quote(bg))
	} else if bg != "" {
		d.note("%s.background is left out: a recipe writes colours as \"#rrggbb\", not as %s.", at, bg)
	}
	if len(o.settings) == 0 {
		o.add("effort", "high") // reduce without a quality: fewer bytes at the same size
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch name {
		case "size", "crop", "gravity", "format", "quality", "background", "directory", "prefix", "suffix", "template", "keepExtension":
		case "orientation":
			if m[name] == false {
				d.note("%s.orientation is left out: imgmill turns every picture upright.", at)
			}
		case "bucket", "acl", "cacheControl":
			d.note("%s.%s is left out: a recipe has one for all variants, under target.", at, name)
		case "jpegOptimizer":
			d.note("%s.jpegOptimizer is left out: imgmill has an encoder of its own.", at)
		default:
			d.note("%s.%s is left out: it is not a setting of aws-lambda-image.", at, name)
		}
	}
	if k, ok := m["keepExtension"].(bool); ok {
		keep = k
	}
	o.name = word(path.Base(text(m["directory"])))
	o.key = d.lambdaKey(at, m, keep)
	d.outputs = append(d.outputs, o)
}

// lambdaKey returns the template of an output's keys. A directory that begins with a dot is relative to
// that of the upload, any other to the bucket.
func (d *draft) lambdaKey(at string, m map[string]any, keep bool) string {
	file := text(m["prefix"]) + "{stem}" + text(m["suffix"]) + ".{format}"
	if keep {
		file = text(m["prefix"]) + "{stem}" + text(m["suffix"]) + "{ext}"
	}
	directory, relative := text(m["directory"]), false
	switch {
	case m["template"] != nil || m["directory"] != nil && directory == "":
		d.note("%s.template is left out: target.key knows {dir}, the folder of the upload, and no patterns.", at)
		return ""
	case directory == "" || directory == "." || strings.HasPrefix(directory, "./"):
		directory, relative = strings.TrimPrefix(directory, "."), true
	case strings.HasPrefix(directory, ".."):
		d.note("%s.directory is left out: target.key cannot name the folder above that of the upload, as %s does.", at, directory)
		return ""
	}
	if strings.ContainsAny(directory+file[:strings.Index(file, "{stem}")]+text(m["suffix"]), "{}") {
		d.note("%s: its folder or file name has braces, which a recipe uses for placeholders.", at)
		return ""
	}
	directory = strings.Trim(directory, "/")
	if directory != "" {
		directory += "/"
	}
	if relative {
		return "{dir}/" + directory + file
	}
	return directory + "{dir}/" + file
}

// geometryOf is ImageMagick's geometry: width, height or both, and a flag.
var geometryOf = regexp.MustCompile(`^(\d*)(?:x(\d*))?([!^<>%@]?)$`)

// cropOf is the size of a crop, and where it begins.
var cropOf = regexp.MustCompile(`^(\d+)x(\d+)((?:[+-]\d+){0,2})(%?)$`)

// gravities are ImageMagick's, as positions in CSS.
var gravities = map[string]string{
	"": "left top", "northwest": "left top", "north": "top", "northeast": "right top", "west": "left", "center": "center",
	"east": "right", "southwest": "left bottom", "south": "bottom", "southeast": "right bottom",
}

// geometry adds the settings of a size. It reports false, and notes why, if a recipe has no such size.
func (d *draft) geometry(at string, o *output, size, crop, gravity string) bool {
	g := geometryOf.FindStringSubmatch(size)
	if g == nil || g[1] == "" && g[2] == "" || g[3] == "%" || g[3] == "@" || g[3] == "<" {
		d.note("%s is left out: a recipe has sizes in pixels, and none like %s.", at, size)
		return false
	}
	side := func(name, digits string) {
		if digits != "" {
			o.add(name, digits)
		}
	}
	c := cropOf.FindStringSubmatch(crop)
	switch position, known := gravities[strings.ToLower(gravity)]; {
	case crop == "":
		side("width", g[1])
		side("height", g[2])
		switch {
		case g[1] == "" || g[2] == "":
		case g[3] == "!":
			o.add("fit", "fill")
		case g[3] == "^":
			o.add("fit", "outside")
		}
	case c == nil || c[4] != "" || strings.Trim(c[3], "+-0") != "" || g[3] != "^" || c[1] != g[1] || c[2] != cmp.Or(g[2], g[1]) || !known:
		d.note("%s is left out: a recipe can cut what fills a box, as size %q with a crop of the same size does, and no other part.",
			at, "600x600^")
		return false
	default:
		side("width", c[1])
		side("height", c[2])
		o.add("fit", "cover")
		if position != "center" {
			o.add("position", position)
		}
	}
	if g[3] != ">" {
		o.add("enlarge", "true")
	}
	return true
}

// text returns a string or a number as text; of anything else, nothing.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// word returns a text as the name of a variant, or nothing.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(letters, r) {
			return r
		}
		return '-'
	}, s)
	return strings.Trim(s, "-_")
}
