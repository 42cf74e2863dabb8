package migrate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// resizeImages reads the parameters of the Firebase extension Resize Images, one NAME=value in each
// line, as firebase ext:export writes them (github.com/firebase/extensions, storage-resize-images,
// functions/src/config.ts and resize-image.ts).
func (d *draft) resizeImages(data []byte) error {
	d.program = "Firebase Resize Images"
	params := map[string]string{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("line %d is neither JSON nor NAME=value; name config.json of aws-lambda-image, "+
				"or the .env file of Firebase Resize Images", i+1)
		}
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		params[strings.TrimSpace(name)] = value
	}
	if params["IMG_SIZES"] == "" {
		return fmt.Errorf("has no IMG_SIZES, so it is not the .env file of Firebase Resize Images")
	}
	if bucket := params["IMG_BUCKET"]; bucket != "" {
		d.note("Pictures were in the Cloud Storage bucket %s; imgmill reads a bucket of S3 or of a store that speaks S3.", bucket)
	}
	if err := d.firebaseSizes(params); err != nil {
		return err
	}
	if v := params["CACHE_CONTROL_HEADER"]; v != "" {
		d.aspects = append(d.aspects, pair{"cache_control", strconv.Quote(v)})
	}
	if params["MAKE_PUBLIC"] == "true" {
		d.aspects = append(d.aspects, pair{"acl", "public-read"})
	}
	d.firebasePaths(params["EXCLUDE_PATH_LIST"], "[]")
	if include := params["INCLUDE_PATH_LIST"]; include != "" {
		d.firebasePaths(include, "")
		d.rules = append(d.rules, pair{"**", "[]"})
	}
	d.sections = append(d.sections, pair{"object_metadata", "copy"})
	if params["FAILED_IMAGES_PATH"] != "" {
		d.note("FAILED_IMAGES_PATH is left out: the reason of a failure is recorded under .imgmill/bad/, and on_bad.prefix can name " +
			"a folder for copies, where no variant is written.")
	}
	if v := params["DELETE_ORIGINAL_FILE"]; v != "" && v != "false" {
		d.note("DELETE_ORIGINAL_FILE is left out: imgmill never removes an upload; a lifecycle rule of its bucket can.")
	}
	if params["DO_BACKFILL"] == "true" {
		d.note("DO_BACKFILL: imgmill sync makes the variants of pictures that are there already.")
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		switch name {
		case "IMG_BUCKET", "IMG_SIZES", "IMAGE_TYPE", "OUTPUT_OPTIONS", "RESIZED_IMAGES_PATH", "CACHE_CONTROL_HEADER", "MAKE_PUBLIC",
			"INCLUDE_PATH_LIST", "EXCLUDE_PATH_LIST", "FAILED_IMAGES_PATH", "DELETE_ORIGINAL_FILE", "DO_BACKFILL", "IS_ANIMATED":
		case "LOCATION", "PROJECT_ID", "FUNCTION_MEMORY", "REGENERATE_TOKEN", "BACKFILL_BATCH_SIZE", "EVENTARC_CHANNEL": // of Firebase alone
		case "SHARP_OPTIONS":
			if v := strings.ReplaceAll(params[name], " ", ""); v != "" && v != "{}" {
				d.note("SHARP_OPTIONS is left out: write the settings of imgmill that do the same.")
			}
		case "CONTENT_FILTER_LEVEL":
			if params[name] != "" && params[name] != "OFF" {
				d.note("CONTENT_FILTER_LEVEL is left out: it asks a model of Google's.")
			}
		default:
			if params[name] != "" && !strings.HasPrefix(name, "firebaseextensions.") && !strings.HasPrefix(name, "ALLOWED_EVENT_TYPES") {
				d.note("%s is left out.", name)
			}
		}
	}
	return nil
}

// firebaseSizes adds an output for each size, fitted inside it and never enlarged, in the format of the
// upload or in others.
func (d *draft) firebaseSizes(params map[string]string) error {
	var types []string
	for t := range strings.SplitSeq(params["IMAGE_TYPE"], ",") {
		switch t = strings.TrimSpace(t); {
		case t == "" || t == "false":
			if strings.Contains(params["IMAGE_TYPE"], ",") {
				d.note("IMAGE_TYPE: the original's own type is left out beside others; a set has formats that are named.")
			}
		default:
			f := d.formats.Named(t)
			if f == nil || f.Encoder == nil {
				d.note("IMAGE_TYPE: %s is left out, because imgmill does not write it.", t)
			} else if !slices.Contains(types, f.Name) {
				types = append(types, f.Name)
			}
		}
	}
	options := d.firebaseOptions(params["OUTPUT_OPTIONS"], types)
	animated := params["IS_ANIMATED"] == "true"
	for _, t := range types {
		if animated && d.formats.Named(t).Animation {
			options[t] = append(options[t], pair{"frames", "all"})
		}
	}
	folder := strings.Trim(params["RESIZED_IMAGES_PATH"], "/")
	if folder != "" {
		folder += "/"
	}
	extension := ".{format}"
	if len(types) == 0 {
		extension = "{ext}"
	}
	for size := range strings.SplitSeq(params["IMG_SIZES"], ",") {
		size = strings.TrimSpace(size)
		w, h, ok := strings.Cut(size, "x")
		if width, err := strconv.ParseUint(w, 10, 16); !ok || err != nil || width == 0 {
			return fmt.Errorf("IMG_SIZES: %q is not a size; write WIDTHxHEIGHT, such as 200x200", size)
		}
		if height, err := strconv.ParseUint(h, 10, 16); err != nil || height == 0 {
			return fmt.Errorf("IMG_SIZES: %q is not a size; write WIDTHxHEIGHT, such as 200x200", size)
		}
		o := output{name: size, key: "{dir}/" + folder + "{stem}_" + size + extension}
		o.add("width", w)
		o.add("height", h)
		switch len(types) {
		case 0:
			if animated {
				o.add("frames", "all")
			}
		case 1:
			o.add("format", types[0])
			o.settings = append(o.settings, options[types[0]]...)
		default:
			o.set = true
			var list []string
			for _, t := range types {
				var own []string
				for _, p := range options[t] {
					own = append(own, p.name+": "+p.value)
				}
				list = append(list, t+": {"+strings.Join(own, ", ")+"}")
			}
			o.add("formats", "{"+strings.Join(list, ", ")+"}")
		}
		d.outputs = append(d.outputs, o)
	}
	if len(types) > 0 && slices.Contains(types, "jpeg") {
		d.note("The names of JPEGs ended in .jpeg; they end in .jpg now.")
	}
	return nil
}

// firebaseOptions reads the options of sharp for each type that a recipe has as well.
func (d *draft) firebaseOptions(text string, types []string) map[string][]pair {
	options := map[string][]pair{}
	if text == "" {
		return options
	}
	var byType map[string]map[string]any
	if err := json.Unmarshal([]byte(text), &byType); err != nil {
		d.note("OUTPUT_OPTIONS is left out: it is not valid JSON (%v).", err)
		return options
	}
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		f := d.formats.Named(t)
		if f == nil || !slices.Contains(types, f.Name) {
			d.note("OUTPUT_OPTIONS: those of %s are left out, because no picture is converted to it.", t)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(byType[t])) {
			value := fmt.Sprint(byType[t][name])
			own := map[string]string{"quality": "quality", "progressive": "progressive", "chromaSubsampling": "subsampling", "lossless": "lossless"}[name]
			if own != "" && f.Setting(own) != nil {
				if canonical, err := f.Setting(own).Parse(value); err == nil {
					options[f.Name] = append(options[f.Name], pair{own, canonical})
					continue
				}
			}
			d.note("OUTPUT_OPTIONS: %s of %s is left out.", name, t)
		}
	}
	return options
}

// firebasePaths adds a rule for each of a list of folders, in which * stands for any number of folders.
func (d *draft) firebasePaths(list, variants string) {
	for p := range strings.SplitSeq(list, ",") {
		p = strings.Trim(strings.TrimSpace(p), "/")
		if p == "" {
			continue
		}
		glob := strings.ReplaceAll(escapeGlob.Replace(p), "*", "**") + "/**"
		d.rules = append(d.rules, pair{glob, variants})
	}
}

var escapeGlob = strings.NewReplacer("?", `\?`, "[", `\[`, "{", `\{`)
