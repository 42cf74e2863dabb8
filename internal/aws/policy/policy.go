// Package policy decides what IAM policy documents allow, as far as the policies of a deployment
// need it (IAM User Guide, "Policy evaluation logic" and "IAM JSON policy element reference").
//
// It is pure: it reads documents that a caller hands it and never calls AWS. It decides what these
// documents allow, not what AWS would allow: the organization's policies and session policies are
// not among them. A condition operator that it does not know counts as not met.
package policy

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Document is a policy document: of a role, of a resource, or a trust policy.
type Document struct {
	Statement statements
}

// statements is a list of statements, or in JSON a single one.
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
	Action      values
	NotAction   values
	Resource    values
	NotResource values
	Condition   map[string]map[string]values
}

// values is a list of strings, or in JSON a single one. Numbers and truth values become their text.
type values []string

func (v *values) UnmarshalJSON(data []byte) error {
	var list []any
	if json.Unmarshal(data, &list) != nil {
		var one any
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		list = []any{one}
	}
	for _, item := range list {
		*v = append(*v, fmt.Sprint(item))
	}
	return nil
}

// principal lists whom a statement of a resource's policy applies to, by kind: Service or AWS.
type principal map[string]values

// UnmarshalJSON also reads "*", which means everybody.
func (p *principal) UnmarshalJSON(data []byte) error {
	var all string
	if json.Unmarshal(data, &all) == nil {
		*p = principal{"AWS": {all}, "Service": {all}}
		return nil
	}
	return json.Unmarshal(data, (*map[string]values)(p))
}

// Parse reads a policy document in JSON, percent-encoded or not. IAM returns documents
// percent-encoded.
func Parse(text string) (Document, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return Document{}, fmt.Errorf("policy: %w", err)
		}
		text = plain
	}
	var d Document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return Document{}, fmt.Errorf("policy: %w", err)
	}
	return d, nil
}

// Request is a call that policies allow or deny.
type Request struct {
	// Action is like s3:GetObject, Resource an ARN.
	Action, Resource string
	// Service is the calling service, for policies of resources. It is empty if the owner of the
	// policy calls.
	Service string
	// Context holds condition keys. A missing key meets only negated conditions and those that end
	// in IfExists.
	Context map[string]string
}

// Allows reports whether the documents together allow a request: at least one allows it and none
// denies it.
func Allows(docs []Document, r Request) bool {
	allowed := false
	for _, d := range docs {
		for _, s := range d.Statement {
			if !s.matches(r) {
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

// Trusts reports whether a trust policy, which names no resource, lets a service assume its role.
func (d Document) Trusts(service string, context map[string]string) bool {
	return slices.ContainsFunc(d.Statement, func(s statement) bool {
		s.Resource = values{"*"}
		return s.Effect == "Allow" && s.matches(Request{Action: "sts:AssumeRole", Service: service,
			Context: context})
	})
}

// matches reports whether the statement applies to a request.
func (s statement) matches(r Request) bool {
	if r.Service != "" && !slices.ContainsFunc(s.Principal["Service"],
		func(v string) bool { return v == "*" || v == r.Service }) {
		return false
	}
	action := strings.ToLower(r.Action)
	isAction := func(pattern string) bool { return matchPattern(strings.ToLower(pattern), action) }
	switch {
	case len(s.NotAction) > 0 && slices.ContainsFunc(s.NotAction, isAction):
		return false
	case len(s.NotAction) == 0 && !slices.ContainsFunc(s.Action, isAction):
		return false
	}
	isResource := func(pattern string) bool { return matchPattern(pattern, r.Resource) }
	switch {
	case len(s.NotResource) > 0 && slices.ContainsFunc(s.NotResource, isResource):
		return false
	case len(s.NotResource) == 0 && !slices.ContainsFunc(s.Resource, isResource):
		return false
	}
	for operator, keys := range s.Condition {
		for key, wanted := range keys {
			if !conditionMet(operator, wanted, r.Context, key) {
				return false
			}
		}
	}
	return true
}

// conditionMet decides one condition. It knows the operators on strings, ARNs and truth values,
// which the policies of a deployment use.
func conditionMet(operator string, wanted values, context map[string]string, key string) bool {
	value, present := "", false
	for k, v := range context {
		if strings.EqualFold(k, key) {
			value, present = v, true
		}
	}
	name, ifExists := strings.CutSuffix(operator, "IfExists")
	if !present && ifExists {
		return true
	}
	before, after, negated := strings.Cut(name, "Not") // StringNotEquals
	var equal func(string) bool
	switch before + after {
	case "StringEquals":
		equal = func(v string) bool { return v == value }
	case "StringEqualsIgnoreCase", "Bool":
		equal = func(v string) bool { return strings.EqualFold(v, value) }
	case "StringLike", "ArnLike", "ArnEquals":
		equal = func(v string) bool { return matchPattern(v, value) }
	default:
		return false
	}
	if !present {
		return negated
	}
	return slices.ContainsFunc(wanted, equal) != negated
}

// matchPattern matches text against a pattern in which * stands for any text and ? for any
// character.
func matchPattern(pattern, text string) bool {
	expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	ok, err := regexp.MatchString("(?s)^"+expression+"$", text)
	return err == nil && ok
}
