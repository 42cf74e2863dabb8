package stack

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// policy is an IAM policy document as far as deciding needs it (IAM User Guide, "Policy evaluation logic" and "IAM JSON policy
// element reference"). It decides what documents say, not what AWS would: policies of the organization are not among them.
type policy struct {
	Statement statements
}

// statements are one or a list.
type statements []statement

func (s *statements) UnmarshalJSON(data []byte) error {
	var one statement
	if json.Unmarshal(data, &one) == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(data, (*[]statement)(s))
}

type statement struct {
	Effect      string
	Principal   principal
	Action      words
	NotAction   words
	Resource    words
	NotResource words
	Condition   map[string]map[string]words
}

// words are one or a list of texts; numbers and truth values stand for their texts.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var list []any
	if json.Unmarshal(data, &list) != nil {
		var one any
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		list = []any{one}
	}
	for _, v := range list {
		*w = append(*w, fmt.Sprint(v))
	}
	return nil
}

// principal is who a policy of a resource speaks of, by kind: Service, AWS. Everybody is AWS *.
type principal map[string]words

func (p *principal) UnmarshalJSON(data []byte) error {
	var all string
	if json.Unmarshal(data, &all) == nil {
		*p = principal{"AWS": {all}, "Service": {all}}
		return nil
	}
	return json.Unmarshal(data, (*map[string]words)(p))
}

// parsePolicy reads a document, which IAM gives percent-encoded.
func parsePolicy(text string) (policy, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return policy{}, fmt.Errorf("policy: %w", err)
		}
		text = plain
	}
	var p policy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// access is a call to be decided on.
type access struct {
	action, resource string
	service          string            // the calling service, for policies of resources; empty: the policy's owner
	context          map[string]string // condition keys; one that is missing fulfils no condition but negated ones and ...IfExists
}

// allows reports whether the documents together allow a call: one does, and none forbids it.
func allows(docs []policy, a access) bool {
	allowed := false
	for _, d := range docs {
		for _, s := range d.Statement {
			if !s.about(a) {
				continue
			}
			if s.Effect == "Deny" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

func (s statement) about(a access) bool {
	if a.service != "" && !slices.ContainsFunc(s.Principal["Service"], func(w string) bool { return w == "*" || w == a.service }) {
		return false
	}
	action := strings.ToLower(a.action)
	matches := func(w string) bool { return like(strings.ToLower(w), action) }
	switch {
	case len(s.NotAction) > 0 && slices.ContainsFunc(s.NotAction, matches):
		return false
	case len(s.NotAction) == 0 && !slices.ContainsFunc(s.Action, matches):
		return false
	}
	matches = func(w string) bool { return like(w, a.resource) }
	switch {
	case len(s.NotResource) > 0 && slices.ContainsFunc(s.NotResource, matches):
		return false
	case len(s.NotResource) == 0 && !slices.ContainsFunc(s.Resource, matches):
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if !fulfils(operator, values, a.context, key) {
				return false
			}
		}
	}
	return true
}

// fulfils decides one condition. An operator that is not known here is not fulfilled: for the policies of a deployment these
// are about texts, ARNs and truth values.
func fulfils(operator string, values words, context map[string]string, key string) bool {
	is, there := "", false
	for k, v := range context {
		if strings.EqualFold(k, key) {
			is, there = v, true
		}
	}
	name, ifExists := strings.CutSuffix(operator, "IfExists")
	if !there && ifExists {
		return true
	}
	before, after, negated := strings.Cut(name, "Not") // StringNotEquals
	name = before + after
	var equal func(string) bool
	switch name {
	case "StringEquals":
		equal = func(v string) bool { return v == is }
	case "StringEqualsIgnoreCase", "Bool":
		equal = func(v string) bool { return strings.EqualFold(v, is) }
	case "StringLike", "ArnLike", "ArnEquals":
		equal = func(v string) bool { return like(v, is) }
	default:
		return false
	}
	if !there {
		return negated
	}
	return slices.ContainsFunc(values, equal) != negated
}

// like matches text against a pattern in which * is any text and ? any character.
func like(pattern, text string) bool {
	expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	ok, err := regexp.MatchString("(?s)^"+expression+"$", text)
	return err == nil && ok
}
