package deployment

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of tags of a resource, of which one is TagName (AWS Tagging User Guide, "Tag naming limits and
// requirements").
const (
	maxTags     = 50 - 1
	maxTagKey   = 128
	maxTagValue = 256
)

// tagText are the characters that every service of AWS accepts in a tag.
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]*$`)

// ParseTags reads tags from a text such as team=web,env=prod. An empty text has none.
func ParseTags(text string) (map[string]string, error) {
	tags := map[string]string{}
	if text == "" {
		return tags, nil
	}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		_, twice := tags[key]
		switch {
		case !ok || key == "":
			return nil, fmt.Errorf("%q is not KEY=VALUE; write them as team=web,env=prod", pair)
		case strings.TrimSpace(key) != key || strings.TrimSpace(value) != value:
			return nil, fmt.Errorf("%q has a space at the start or the end of its key or value; write team=web,env=prod", pair)
		case !tagText.MatchString(pair) || utf8.RuneCountInString(key) > maxTagKey || utf8.RuneCountInString(value) > maxTagValue:
			return nil, fmt.Errorf("%q is not a tag of AWS: letters, digits, spaces and _.:/=+-@, at most %d before the = and %d after it",
				pair, maxTagKey, maxTagValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"), strings.HasPrefix(key, "imgmill:"):
			return nil, fmt.Errorf("%q: the keys aws:... and imgmill:... are taken; choose another one", key)
		case twice:
			return nil, fmt.Errorf("%q is given twice; leave one out", key)
		}
		tags[key] = value
	}
	if len(tags) > maxTags {
		return nil, errors.New("AWS allows 50 tags, of which one is " + TagName)
	}
	return tags, nil
}

// TagsText writes tags as ParseTags reads them, sorted.
func TagsText(tags map[string]string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		pairs = append(pairs, key+"="+tags[key])
	}
	return strings.Join(pairs, ",")
}

// OwnTags returns the stack's tags without those that imgmill and AWS set.
func (d *Deployment) OwnTags() map[string]string {
	tags := maps.Clone(d.Tags)
	maps.DeleteFunc(tags, func(key, _ string) bool {
		return key == TagName || strings.HasPrefix(key, "aws:")
	})
	return tags
}
