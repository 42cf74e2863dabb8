package recipe

import (
	"strings"
	"testing"
)

// TestProblems expects all problems of a file at once, by line, in these words.
func TestProblems(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"empty file", "", `
imgmill.yaml:1: source.bucket: is missing; name the bucket
imgmill.yaml:1: target.bucket: is missing; name the bucket`},
		{"only comments", "# nothing\n\n", `
imgmill.yaml:1: source.bucket: is missing; name the bucket
imgmill.yaml:1: target.bucket: is missing; name the bucket`},
		{"missing bucket in a section", "# c\nsource:\n  prefix: a/\ntarget: {bucket: b-2}\n", `
imgmill.yaml:2: source.bucket: is missing; name the bucket`},
		{"not YAML", "source: {bucket: a\n", `
imgmill.yaml:1: this is not YAML: could not find flow mapping end token '}'`},
		{"a tab", "source: {bucket: a-1}\ntarget:\n\tbucket: b-2\n", `
imgmill.yaml:3: this is not YAML: found a tab; indent with spaces`},
		{"endpoints", "source: {bucket: in-1, endpoint: localhost:9000}\n" +
			"target: {bucket: out-1, endpoint: 'http://me:secret@a', path_style: perhaps}\n", `
imgmill.yaml:1: source.endpoint: "localhost:9000" is not a URL; write one like http://127.0.0.1:9000
imgmill.yaml:2: target.path_style: "perhaps" is neither true nor false
imgmill.yaml:2: target.endpoint: contains credentials; take them out, and pass them in the environment or a profile`},
		{"not a mapping", "- a\n- b\n", `
imgmill.yaml:1: is a list; write settings below it, each as name: value`},
		{"two documents", buckets + "---\nsource: {bucket: x}\n", `
imgmill.yaml:4: a second document begins here; a recipe is a single one`},
		{"unknown settings", buckets + "varients: {}\nvariants:\n  thumb:\n    widht: 3\n    height: 5\n    shape: round\n", `
imgmill.yaml:3: varients: unknown setting; did you mean variants?
imgmill.yaml:6: variants.thumb.widht: unknown setting; did you mean width?
imgmill.yaml:8: variants.thumb.shape: unknown setting; known here: background, black_point_compensation, colour, colours, dither, effort, embedded, enlarge, exact, filter, fit, format, formats, frames, hdr, height, intent, linear_light, look, lossless, max_bytes, metadata, near_lossless, position, poster, progressive, quality, sharp_chroma, sizes, subsampling, watermark, width, widths`},
		{"twice", buckets + "manifest: true\nvariants:\n  a: {width: 1}\n  a: {width: 2, width: 3}\nmanifest: false\n", `
imgmill.yaml:6: variants.a: is already on line 5; keep one of them
imgmill.yaml:7: manifest: is already on line 3; keep one of them`},
		{"every bad value of a variant", buckets + `variants:
  ok: {width: 1}
  a:
    width: 0
    height: 65536
    fit: squeeze
    enlarge: yes
    format: tiff
    quality: 101
    max_bytes: 300
    background: #fff
    metadata: all
  b: {width: 8OO, height: -1, format: avif, quality: high, max_bytes: lots, background: "#ffff"}
  c: {format: xcf}
  d: {format: png, quality: 80, max_bytes: 300KB}
  e: {width: [1], height: {a: 1}}
  f: {format: webp, lossless: true, max_bytes: 300KB}
  g: {format: jpeg, width: 9, frames: all}
  h: {frames: all, max_bytes: 300KB}
  i: {format: webp, hdr: keep}
`, `
imgmill.yaml:6: variants.a.width: 0 is out of range; write a number from 1 to 65535
imgmill.yaml:7: variants.a.height: 65536 is out of range; write a number from 1 to 65535
imgmill.yaml:8: variants.a.fit: "squeeze" is not valid; use inside, cover, contain, fill or outside
imgmill.yaml:9: variants.a.enlarge: "yes" is neither true nor false
imgmill.yaml:10: variants.a.format: tiff can be read but not written yet; use jpeg, png, gif or webp
imgmill.yaml:11: variants.a.quality: 101 is out of range; write a number from 1 to 100
imgmill.yaml:12: variants.a.max_bytes: "300" is too small; write a size like 300KB
imgmill.yaml:13: variants.a.background: has no value; write one, or leave the line out (text that starts with # needs quotes)
imgmill.yaml:14: variants.a.metadata: "all" is not valid; use strip, copyright or keep
imgmill.yaml:15: variants.b.width: "8OO" is not a whole number; write digits only, like 800
imgmill.yaml:15: variants.b.height: -1 is out of range; write a number from 1 to 65535
imgmill.yaml:15: variants.b.format: avif can be neither read nor written yet; use jpeg, png, gif or webp
imgmill.yaml:15: variants.b.quality: "high" is not valid; use auto or a whole number
imgmill.yaml:15: variants.b.max_bytes: "lots" is not a size; write a number and a unit, like 300KB
imgmill.yaml:15: variants.b.background: "#ffff" is not a colour; write "#rrggbb" in quotes, white or black
imgmill.yaml:16: variants.c.format: "xcf" is not a picture format; use jpeg, png, gif or webp
imgmill.yaml:17: variants.d.quality: png has no such setting; leave it out or use format jpeg or webp
imgmill.yaml:17: variants.d.max_bytes: png is lossless, so its files cannot be made to fit; use format jpeg or webp
imgmill.yaml:18: variants.e.width: is a list; write a single value
imgmill.yaml:18: variants.e.height: is a mapping; write a single value
imgmill.yaml:19: variants.f.max_bytes: lossless files cannot be made to fit; leave out max_bytes or lossless
imgmill.yaml:20: variants.g.frames: jpeg holds no animations; use format png, gif or webp
imgmill.yaml:21: variants.h.max_bytes: animations cannot be made to fit; leave it out or write frames: first
imgmill.yaml:22: variants.i.hdr: webp holds no gain maps; use format jpeg`},
		{"bad filters and subsamplings", buckets + `variants:
  a:
    width: 5
    filter: lanczos
    linear_light: 2.2
    subsampling: 420
    progressive: 1
  b: {format: png, width: 5, subsampling: 4:4:4, progressive: true}
  c: {subsampling: 4:1:1}
  d:
    subsampling: 4:4:4
    filter: box
    linear_light: true
`, `
imgmill.yaml:6: variants.a.filter: "lanczos" is not valid; use lanczos3, catmull-rom, mitchell, linear or box
imgmill.yaml:7: variants.a.linear_light: "2.2" is neither true nor false
imgmill.yaml:8: variants.a.subsampling: "420" is not valid; use 4:2:0, 4:2:2 or 4:4:4
imgmill.yaml:9: variants.a.progressive: "1" is neither true nor false
imgmill.yaml:10: variants.b.subsampling: png has no such setting; leave it out or use format jpeg
imgmill.yaml:10: variants.b.progressive: png has no such setting; leave it out or use format jpeg
imgmill.yaml:11: variants.c.subsampling: "4:1:1" is not valid; use 4:2:0, 4:2:2 or 4:4:4
imgmill.yaml:14: variants.d.filter: has no effect without width or height; give one, or leave it out
imgmill.yaml:15: variants.d.linear_light: has no effect without width or height; give one, or leave it out`},
		{"variants that make no sense", buckets + `variants:
  nothing: {}
  nothing2:
  cover: {width: 5, fit: cover}
  fill: {height: 5, fit: fill}
  larger: {quality: 5, enlarge: true}
  -x: {width: 1}
  a/b: {width: 1}
`, `
imgmill.yaml:4: variants.nothing: would not change a picture; give it width or height, or format, quality, effort, subsampling, progressive, colours, dither, lossless, near_lossless, exact, sharp_chroma, max_bytes, frames, poster, metadata, colour, hdr or watermark.image
imgmill.yaml:5: variants.nothing2: would not change a picture; give it width or height, or format, quality, effort, subsampling, progressive, colours, dither, lossless, near_lossless, exact, sharp_chroma, max_bytes, frames, poster, metadata, colour, hdr or watermark.image
imgmill.yaml:6: variants.cover.fit: cover needs both width and height
imgmill.yaml:7: variants.fill.fit: fill needs both width and height
imgmill.yaml:8: variants.larger.enlarge: has no effect without width or height; give one, or leave it out
imgmill.yaml:9: variants.-x: "-x" is not a valid name; use at most 64 letters, digits, - and _, beginning with a letter or digit
imgmill.yaml:10: variants.a/b: "a/b" is not a valid name; use at most 64 letters, digits, - and _, beginning with a letter or digit`},
		{"no variants", buckets + "variants: {}\n", `
imgmill.yaml:3: variants: has no variants; leave it out to get pictures at most 800 pixels wide`},
		{"variants as a list", buckets + "variants: [thumb]\nrules: [{match: a, variants: [thumb]}]\n", `
imgmill.yaml:3: variants: is a list; write settings below it, each as name: value`},
		{"buckets", "source:\n  bucket: s3://photos/in\ntarget:\n  bucket: Photos_Out\n", `
imgmill.yaml:2: source.bucket: "s3://photos/in" is not a bucket name; write the name alone, without s3:// and without a path
imgmill.yaml:4: target.bucket: "Photos_Out" is not a bucket name; write 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends`},
		{"source", "target: {bucket: out-1}\nsource:\n  bucket: in-1\n  prefix: /a\n  suffixes:\n    - jpg\n    - .png\n    - .PNG\n    - .a/b\n    - .é\n    -\n", `
imgmill.yaml:4: source.prefix: "/a" starts with a slash; keys do not, so write "a"
imgmill.yaml:6: source.suffixes[0]: "jpg" is not a file name extension; write it with its dot, like .jpg
imgmill.yaml:8: source.suffixes[2]: ".png" is listed twice; remove one
imgmill.yaml:9: source.suffixes[3]: ".a/b" is not a file name extension; write it with its dot, like .jpg
imgmill.yaml:10: source.suffixes[4]: ".é" is not a file name extension; write it with its dot, like .jpg
imgmill.yaml:11: source.suffixes[5]: has no value; write one, or leave the line out (text that starts with # needs quotes)`},
		{"rules", buckets + `variants: {thumb: {width: 1}, large: {width: 2}}
rules:
  - {match: "a/**", variants: [tumb, thumb, thumb]}
  - {match: "a[", variants: [large]}
  - {variants: []}
  - {match: b}
  - match: c
    variants: all
  - thumb
  - {match: d, variants: [enormous]}
`, `
imgmill.yaml:5: rules[0].variants[0]: there is no variant "tumb"; did you mean thumb?
imgmill.yaml:5: rules[0].variants[2]: "thumb" is listed twice; remove one
imgmill.yaml:6: rules[1].match: "a[" is not a valid glob; close every [ and {, and end with no lone backslash
imgmill.yaml:7: rules[2].match: is missing; write a glob like avatars/**
imgmill.yaml:8: rules[3].variants: is missing; list variants, or write [] for none
imgmill.yaml:10: rules[4].variants: is a single value; write a list, like [a, b]
imgmill.yaml:11: rules[5]: is a single value; write settings below it, each as name: value
imgmill.yaml:12: rules[6].variants[0]: there is no variant "enormous"; known here: large, thumb`},
		{"limits and events", buckets + `limits:
  pixels: 0
  bytes: -5
  frames: 0
  timeout: 60
metadata: none
on_remove: delete
on_bad:
  prefix: /failed
manifest: 1
`, `
imgmill.yaml:4: limits.pixels: "0" is too small; write a size like 200MP
imgmill.yaml:5: limits.bytes: "-5" is not a size; write a number and a unit, like 100MB
imgmill.yaml:6: limits.frames: 0 is too small; write 1 or more, or leave the line out for the default
imgmill.yaml:7: limits.timeout: "60" is not a duration; write a number and a unit, like 60s or 2m
imgmill.yaml:8: metadata: "none" is not valid; use strip, copyright or keep
imgmill.yaml:9: on_remove: "delete" is not valid; use keep or remove
imgmill.yaml:11: on_bad.prefix: "/failed/" starts with a slash; keys do not, so write "failed/"
imgmill.yaml:12: manifest: "1" is neither true nor false`},
		{"attributes", `source: {bucket: in-1}
target:
  bucket: out-1
  cache_control: "max-age=1\u00e9"
  storage_class: GLACIER
  acl: public-read-write
  tags:
    aws:x: y
    "": y
    a: "b\n"
    ok: "Größe 1"
object_metadata: [author, md5chksum, "a b", Author]
`, `
imgmill.yaml:4: target.cache_control: "max-age=1é" is not printable ASCII; write a header like public, max-age=86400
imgmill.yaml:5: target.storage_class: "GLACIER" is not valid; use STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, REDUCED_REDUNDANCY or EXPRESS_ONEZONE
imgmill.yaml:6: target.acl: "public-read-write" is not valid; use private, public-read, authenticated-read, bucket-owner-read or bucket-owner-full-control
imgmill.yaml:8: target.tags.aws:x: begins with aws:, which is reserved; choose another name
imgmill.yaml:9: target.tags.: is too long or empty; a tag has a name of 1 to 128 letters and a value of at most 256
imgmill.yaml:10: target.tags.a: has a character that tags cannot hold; use letters, digits, spaces and + - = . _ : / @
imgmill.yaml:12: object_metadata[1]: "md5chksum" describes the file that was uploaded, and would be wrong for a variant; leave it out
imgmill.yaml:12: object_metadata[2]: "a b" is not a name of metadata; write it without x-amz-meta-
imgmill.yaml:12: object_metadata[3]: "author" is listed twice; remove one`},
		{"object metadata", buckets + "object_metadata: all\n", `
imgmill.yaml:3: object_metadata: "all" is not valid; use none, copy or a list of names, like [author]`},
		{"too many tags", "source: {bucket: in-1}\ntarget: {bucket: out-1, tags: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, k: 1}}\n", `
imgmill.yaml:2: target.tags: has 11 tags; an object has at most 10`},
		{"reserved keys", "source: {bucket: in-1, prefix: .imgmill/a}\ntarget: {bucket: out-1, key: '.imgmill/{key}'}\non_bad: {prefix: .imgmill/bad}\n", `
imgmill.yaml:1: source.prefix: begins with .imgmill/, where imgmill keeps records of its own; choose another folder
imgmill.yaml:2: target.key: begins with .imgmill/, where imgmill keeps records of its own; choose another folder
imgmill.yaml:3: on_bad.prefix: begins with .imgmill/, where imgmill keeps records of its own; choose another folder`},
		{"copies without records", buckets + "on_bad: {prefix: a/, record: false}\n", `
imgmill.yaml:3: on_bad.record: false keeps no reason beside the copies under on_bad.prefix; leave one of them out`},
		{"negative time", buckets + "limits: {timeout: -1s}\n", `
imgmill.yaml:3: limits.timeout: -1s is too short; write a duration like 60s`},
		{"anchors, aliases, tags and merges", "source: &s {bucket: in-1}\ntarget: *s\nmanifest: !!bool true\nvariants:\n  a: {width: 1}\n  <<: {b: 1}\n", `
imgmill.yaml:1: source: is an anchor, alias or tag, which recipes do not use; write settings below it, each as name: value
imgmill.yaml:2: target: is an anchor, alias or tag, which recipes do not use; write settings below it, each as name: value
imgmill.yaml:3: manifest: is an anchor, alias or tag, which recipes do not use; write a single value
imgmill.yaml:6: variants: this is not a name; write it as plain text`},
		{"lines of a file from Windows", "source:\r\n  bucket: in-1\r\n\r\n  # c\r\n  prefux: a\r\ntarget:\r\n  bucket: out-1\r\n", `
imgmill.yaml:5: source.prefux: unknown setting; did you mean prefix?`},
		{"too large", strings.Repeat("# a comment\n", 6000), `
imgmill.yaml:1: the file has 72000 bytes; a recipe has at most 32768`},
	} {
		t.Run(test.name, func(t *testing.T) { wantProblems(t, test.yaml, test.want) })
	}
}

// TestKeyProblems: what a target key can be, and what goes together with it.
func TestKeyProblems(t *testing.T) {
	const two = "variants: {s: {width: 1}, xs: {width: 2}}\n"
	for _, test := range []struct{ name, yaml, want string }{
		{"unknown placeholder", key("{dir}/{stern}"), "target.key: unknown placeholder {stern}; did you mean {stem}?"},
		{"no such thing", key("{key}{date-of-day}"), "target.key: unknown placeholder {date-of-day}; known here: {dir}, {ext}, {format}, {hash}, {height}, {key}, {stem}, {variant}, {width}"},
		{"open brace", key("{key"), "target.key: unmatched brace; write placeholders as {key}"},
		{"closing brace", key("{key}}"), "target.key: unmatched brace; write placeholders as {key}"},
		{"empty", key(""), "target.key: is empty; write a template like {key}, or leave it out"},
		{"slash first", key("/{key}"), "target.key: starts with a slash, which would make a folder with an empty name; remove the slash"},
		{"folder", key("{key}/"), "target.key: ends with a slash; end it with a file name, like {stem}{ext}"},
		{"folder by placeholder", key("{stem}/{dir}/"), "target.key: ends with a slash; end it with a file name, like {stem}{ext}"},
		{"constant", key("{variant}/latest.jpg"), "target.key: would be the same for many pictures; add {key} or {stem}"},
		{"control character", key(`a\n{key}`), "target.key: contains a control character; remove it"},
		{"two variants, one key", key("{key}") + two, "target.key: variants s and xs could get the same key; add {variant}, as in {variant}/{key}"},
		{"sizes may agree", key("{width}x{height}/{key}") + two, "target.key: variants s and xs could get the same key; add {variant}, as in {variant}/{key}"},
		{"the name runs into a size", key("{stem}-{variant}{width}.jpg") + "variants: {a: {width: 11}, a1: {width: 1}}",
			"target.key: variants a and a1 could get the same key; put {variant} between slashes, as in {variant}/{key}"},
		{"a size runs into the name", key("{stem}/{width}{variant}") + "variants: {a: {width: 11}, 1a: {width: 1}}",
			"target.key: variants a and 1a could get the same key; put {variant} between slashes, as in {variant}/{key}"},
		{"a letter runs into the name", key("{width}a{variant}/{key}") + "variants: {x: {width: 11}, ax: {width: 1}}",
			"target.key: variants x and ax could get the same key; put {variant} between slashes, as in {variant}/{key}"},
		{"the name runs into a letter", key("{variant}a{width}/{key}") + "variants: {x: {width: 11}, xa: {width: 1}}",
			"target.key: variants x and xa could get the same key; put {variant} between slashes, as in {variant}/{key}"},
		{"formats agree", key("{key}.{format}") + "variants: {a: {width: 1, format: jpeg}, b: {width: 2, format: jpg}}",
			"target.key: variants a and b could get the same key; add {variant}, as in {variant}/{key}"},
		{"removal with a size", key("{width}/{key}") + "on_remove: remove\n",
			"on_remove: remove cannot find outputs of variant resized by the size or format of a picture that is gone; put {key} or {stem} before {width}, {height} and {format} in target.key, or write keep"},
		{"removal with a format", key("{format}/{stem}") + "variants: {a: {width: 1}}\non_remove: remove\n",
			"on_remove: remove cannot find outputs of variant a by the size or format of a picture that is gone; put {key} or {stem} before {width}, {height} and {format} in target.key, or write keep"},
		{"manifest and stem", key("{dir}/{stem}") + "manifest: true\n",
			"target.key: variant resized could get the key of a manifest (.imgmill.json); end target.key with .{format}, list source.suffixes, or set manifest: false"},
		{"manifest and literal", key("{key}.imgmill.JSON") + "manifest: true\n",
			"target.key: variant resized could get the key of a manifest (.imgmill.json); end target.key with .{format}, list source.suffixes, or set manifest: false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(all, "r.yaml", []byte(test.yaml))
			if err == nil {
				t.Fatalf("accepted:\n%s", test.yaml)
			}
			line := "r.yaml:2: "
			if strings.HasPrefix(test.want, "on_remove") {
				line = "r.yaml:" + map[bool]string{true: "4: ", false: "3: "}[strings.Contains(test.yaml, "variants")]
			}
			if got := err.Error(); got != line+test.want {
				t.Errorf("\n got %s\nwant %s", got, line+test.want)
			}
		})
	}
	for _, fine := range []string{
		key("{key}"), key("{dir}/{stem}{ext}"), key("sizes/{dir}/{stem}_{width}x{height}.{format}"),
		key("{variant}/{key}") + two, key("{dir}/{stem}-{variant}{ext}") + two, key("{variant}-{key}") + two, key("{key}.{variant}") + two,
		key("{width}x{height}/{variant}/{key}") + two, key("{variant}/{width}x{height}/{key}") + two,
		// "s1x…" and "xs1x…" differ in their first letter already.
		key("{variant}{width}/{key}") + two,
		key("{key}.{format}") + "variants: {a: {width: 1, format: jpeg}, b: {width: 2, format: png}}",
		key("{variant}/{stem}.{format}") + "variants: {a: {width: 1, format: png}, b: {max_bytes: 3KB}}\non_remove: remove\n",
		key("{variant}/{stem}-{width}.{format}") + "variants: {a: {width: 1, format: png}, b: {width: 2}}\non_remove: remove\n",
		key("{key}") + "on_remove: remove\nmanifest: true\n",
	} {
		parse(t, fine)
	}
}

// TestTogetherAfterOthers: a bad value elsewhere hides no other problem, and brings up none that
// only follows from it.
func TestTogetherAfterOthers(t *testing.T) {
	wantProblems(t, key("{key}")+"variants: {a: {width: 1, quality: 0}, b: {width: 2}}\nlimits: {frames: x}\n", `
imgmill.yaml:2: target.key: variants a and b could get the same key; add {variant}, as in {variant}/{key}
imgmill.yaml:3: variants.a.quality: 0 is out of range; write a number from 1 to 100
imgmill.yaml:4: limits.frames: "x" is not a whole number; write digits only, like 80`)
	wantProblems(t, key("{key}.{format}")+"variants: {a: {width: 1, format: bmp}, b: {width: 2, format: png}}\n", `
imgmill.yaml:3: variants.a.format: bmp can be read but not written yet; use jpeg, png, gif or webp`)
	wantProblems(t, "source: {bucket: one}\ntarget: {bucket: one, kye: x}\n", `
imgmill.yaml:2: target.kye: unknown setting; did you mean key?`)
}

func TestValidateByHand(t *testing.T) {
	r := Default(all)
	r.Target.Bucket = ""
	r.Variants[0].Width = -1
	r.Limits.Frames = 0
	r.OnRemove = "perhaps"
	r.OnBad.Prefix = "bad"
	err := r.Validate()
	want := `target.bucket: is missing; name the bucket
variants.resized.width: -1 is out of range; write a number from 1 to 65535
limits.frames: is too small; write a limit like 500
on_remove: "perhaps" is not valid; use keep or remove
on_bad.prefix: "bad" is not a folder; write "bad/"`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	r = Default(all)
	r.Variants = nil
	if err := r.Validate(); err == nil || !strings.Contains(err.Error(), "has no variants") {
		t.Errorf("no variants: %v", err)
	}
	r = Default(all)
	r.Variants = append(r.Variants, r.Variants[0])
	if err := r.Validate(); err == nil || !strings.Contains(err.Error(), "the name of two variants") {
		t.Errorf("the same name twice: %v", err)
	}
}

// key is a file with a target key.
func key(template string) string {
	return "source: {bucket: photos-input}\ntarget: {bucket: photos-output, key: \"" + template + "\"}\n"
}

func wantProblems(t *testing.T, yaml, want string) {
	t.Helper()
	r, err := Parse(all, "imgmill.yaml", []byte(yaml))
	if err == nil {
		t.Fatalf("accepted as %+v:\n%s", r, yaml)
	}
	if got := "\n" + err.Error(); got != want {
		t.Errorf("%s\ngot:%s\nwant:%s", yaml, got, want)
	}
	for _, p := range err.(Errors) {
		if p.Line < 1 || p.Line > strings.Count(yaml, "\n")+1 {
			t.Errorf("line %d of %d: %v", p.Line, strings.Count(yaml, "\n"), p)
		}
	}
}
