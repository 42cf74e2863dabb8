package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Parse reads a recipe for a set of formats, fills in the defaults and checks it. Problems call the
// file by name. The error, if any, is Errors: everything that is wrong, each with its line.
func Parse(formats codec.Set, name string, data []byte) (*Recipe, error) {
	r, rd := read(formats, name, data, false)
	if err := rd.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// ParseAnywhere is Parse for where the names of buckets mean nothing: a recipe that names neither has
// those of Default, and is Nameless.
func ParseAnywhere(formats codec.Set, name string, data []byte) (*Recipe, error) {
	r, rd := read(formats, name, data, true)
	if err := rd.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// read is Parse, or ParseAnywhere, that also returns its reader.
func read(formats codec.Set, name string, data []byte, anywhere bool) (*Recipe, *reader) {
	rd := &reader{report: report{file: name, lines: map[string]int{}}, absent: map[string]bool{}}
	doc := rd.document(data)
	if len(rd.problems) > 0 {
		return nil, rd
	}
	r := base(formats)
	everywhere := render.Variant{} // metadata and watermark may stand outside the variants
	rd.recipe(r, &everywhere).read("", doc)
	for i, s := range r.Source.Suffixes {
		r.Source.Suffixes[i] = strings.ToLower(s)
	}
	if p := r.OnBad.Prefix; p != "" && !strings.HasSuffix(p, "/") {
		r.OnBad.Prefix += "/"
	}
	r.Target.Attributes.setDefaults()
	if anywhere && r.Source.Bucket == "" && r.Target.Bucket == "" && !rd.bad("source", "target") {
		r.Nameless = true
		r.nameBuckets()
	}
	r.fill(everywhere)
	_, r.Limits.memoryGiven = rd.lines["limits.memory"]
	if _, given := rd.lines["manifest"]; !given {
		r.Manifest = r.Hashed()
	}
	r.check(&rd.report)
	return r, rd
}

// recipe is the whole file.
func (rd *reader) recipe(r *Recipe, everywhere *render.Variant) value {
	schema := render.NewSchema(r.Formats)
	return rd.object(
		field{"source", rd.object(append([]field{
			{"bucket", rd.text(&r.Source.Bucket)},
			{"prefix", rd.text(&r.Source.Prefix)},
			{"suffixes", rd.texts(&r.Source.Suffixes)},
		}, rd.store(&r.Source.Store)...)...)},
		field{"target", rd.object(append([]field{
			{"bucket", rd.text(&r.Target.Bucket)},
			{"key", rd.parsed(notEmpty(&r.Target.Key))},
			{"set_key", rd.parsed(notEmpty(&r.Target.SetKey))},
			{"url", rd.text(&r.Target.URL)},
			{"keep_replaced", rd.parsed(keep(&r.Target.KeepReplaced))},
			{"overwrite", rd.parsed(word(&r.Target.Overwrite, overwrites))},
			{"cache_control", rd.text(&r.Target.Attributes.CacheControl)},
			{"tags", rd.tags(&r.Target.Attributes.Tags)},
			{"storage_class", rd.oneOf(&r.Target.Attributes.StorageClass, storageClasses)},
			{"acl", rd.oneOf(&r.Target.Attributes.ACL, acls)},
		}, rd.store(&r.Target.Store)...)...)},
		field{"variants", rd.variants(r, schema)},
		field{"rules", rd.rules(r)},
		field{"limits", rd.object(
			field{"pixels", rd.parsed(size(&r.Limits.Pixels, setting.PixelUnits, "200MP"))},
			field{"bytes", rd.parsed(size(&r.Limits.Bytes, setting.ByteUnits, "100MB"))},
			field{"frames", rd.parsed(number(&r.Limits.Frames))},
			field{"memory", rd.parsed(size(&r.Limits.Memory, setting.ByteUnits, "1GiB"))},
			field{"timeout", rd.parsed(duration(&r.Limits.Timeout))},
		)},
		field{"metadata", rd.setting(schema.Setting("metadata"), everywhere)},
		rd.watermark(schema, everywhere),
		field{"object_metadata", rd.objectMetadata(&r.ObjectMetadata)},
		field{"on_remove", rd.parsed(word(&r.OnRemove, removals))},
		field{"on_bad", rd.object(
			field{"record", rd.parsed(truth(&r.OnBad.Record))},
			field{"prefix", rd.text(&r.OnBad.Prefix)},
		)},
		field{"manifest", rd.parsed(truth(&r.Manifest))},
		field{"notify", rd.notify(r)},
		field{"focal_tag", rd.text(&r.FocalTag)},
		field{"gates", rd.gates(&r.Gates)},
	)
}

// oneOf is a text that the check of the whole recipe compares with the known ones.
func (rd *reader) oneOf(into *string, known []string) value {
	v := rd.text(into)
	v.schema = jsonSchema{"enum": known}
	return v
}

// store returns the settings that say where a bucket is.
func (rd *reader) store(s *Store) []field {
	return []field{
		{"endpoint", rd.text(&s.Endpoint)},
		{"region", rd.text(&s.Region)},
		{"path_style", rd.parsed(truth(&s.PathStyle))},
	}
}

func (rd *reader) variants(r *Recipe, schema *render.Schema) value {
	entry := func(key string, v *render.Variant) (*setReader, value) {
		set := &setReader{reader: rd, schema: schema, set: Set{Name: key}, settings: map[*codec.Format]map[string]string{}}
		fields := append(set.fields(), rd.settingFields(schema.Settings, func(s *render.Setting) value { return rd.setting(s, v) })...)
		return set, rd.object(fields...)
	}
	read := func(name string, n ast.Node) {
		for key, node := range rd.entries(name, n, map[string]int{}) {
			v := render.NewVariant(key)
			set, settings := entry(key, &v)
			settings.read(join(name, key), node)
			members := set.members(join(name, key), v)
			r.Variants = append(r.Variants, members...)
			if members[0].Set != "" {
				r.Sets = append(r.Sets, set.set)
			}
		}
		if _, none := n.(*ast.NullNode); len(r.Variants) == 0 && !none && !rd.bad(name) {
			rd.add(name, "has no variants; leave it out to get pictures at most 800 pixels wide")
		}
	}
	v := value{read: read}
	if rd.describes {
		_, any := entry("", &render.Variant{})
		v.schema = jsonSchema{"type": []string{"object", "null"}, "additionalProperties": any.schema}
	}
	return v
}

func (rd *reader) rules(r *Recipe) value {
	entry := func(rule *Rule) value {
		return rd.object(field{"match", rd.text(&rule.Match)}, field{"variants", rd.texts(&rule.Variants)})
	}
	read := func(name string, n ast.Node) {
		if _, none := n.(*ast.NullNode); none {
			return
		}
		rd.list(name, n, func(name string, n ast.Node) {
			var rule Rule
			entry(&rule).read(name, n)
			r.Rules = append(r.Rules, rule)
		})
	}
	return value{read, arrayOf(entry(&Rule{}).schema, "null")}
}

// setting is a variant's setting.
func (rd *reader) setting(s *render.Setting, v *render.Variant) value {
	return rd.parsed(single{func(text string) error {
		canonical, err := s.Parse(text)
		if err == nil {
			s.Set(v, canonical)
		}
		return err
	}, rd.settingSchema(s)})
}

func notEmpty(into *string) single {
	return single{func(s string) error {
		if *into = s; s == "" {
			return fmt.Errorf("is empty; write a template like {key}, or leave it out")
		}
		return nil
	}, jsonSchema{"type": "string", "minLength": 1}}
}

// number reads a whole number above 0.
func number(into *int) single {
	return single{func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is not a whole number; write digits only, like 80", s)
		}
		if n <= 0 {
			return fmt.Errorf("%d is too small; write 1 or more, or leave the line out for the default", n)
		}
		*into = n
		return nil
	}, jsonSchema{"type": "integer", "minimum": 1}}
}

func size(into *int64, units []setting.Unit, example string) single {
	return single{func(s string) error {
		n, err := setting.ParseSize(s, units, example)
		if err == nil && n == 0 {
			err = fmt.Errorf("%q is too small; write a size like %s", s, example)
		}
		*into = n
		return err
	}, jsonSchema{"type": []string{"string", "integer"}, "examples": []string{example}}}
}

func duration(into *time.Duration) single {
	return single{func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a duration; write a number and a unit, like 60s or 2m", s)
		}
		if *into = d; d <= 0 {
			return fmt.Errorf("%s is too short; write a duration like 60s", s)
		}
		return nil
	}, jsonSchema{"type": "string", "examples": []string{"60s"}}}
}

// keep reads a time that may be 0, of days, or forever.
func keep(into *time.Duration) single {
	return single{func(s string) error {
		if s == "forever" {
			*into = Forever
			return nil
		}
		if days, ok := strings.CutSuffix(s, "d"); ok {
			if n, err := strconv.ParseUint(days, 10, 16); err == nil {
				*into = time.Duration(n) * 24 * time.Hour
				return nil
			}
		}
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration; write days, like 30d, hours, like 12h, or forever", s)
		}
		*into = d
		return nil
	}, jsonSchema{"type": []string{"string", "integer"}, "examples": []string{"30d", "12h", "forever"}}}
}

func truth(into *bool) single {
	return single{func(s string) error {
		switch strings.ToLower(s) {
		case "true":
			*into = true
		case "false":
			*into = false
		default:
			return fmt.Errorf("%q is neither true nor false", s)
		}
		return nil
	}, jsonSchema{"type": "boolean"}}
}

func word[T ~string](into *T, known []T) single {
	return single{func(s string) error {
		if slices.Contains(known, T(s)) {
			*into = T(s)
			return nil
		}
		return errors.New(notOneOf(s, known))
	}, jsonSchema{"enum": known}}
}
