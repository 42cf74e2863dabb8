// Package export prints a deployment for those who keep their infrastructure themselves: as a
// template for AWS SAM and CloudFormation, as a root for Terraform, and as an app for the AWS CDK.
//
// All three come from the template of package template: the first is that template, and the others
// refer to the module in terraform/ and the construct in cdk/, which tests make from it. The package
// never calls AWS, and never prints a secret.
package export

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/trigger"
)

// Deployment is what is printed.
type Deployment struct {
	deployment.Names
	// Parameters are those of the template without the place of the code.
	Parameters map[string]string
	// Secrets are the names of the environment variables that hold the recipe's secrets.
	Secrets []string
	// Tags are those of all parts, beside deployment.TagName.
	Tags map[string]string
	// Notifications are those that the source bucket needs; their destination is not used.
	Notifications []trigger.Notification
	// Zip is the path of the function's zip, and Package the command that makes it, or empty if it is
	// there.
	Zip, Package string
	// Version is that of the program, such as v1.2.3.
	Version string
}

// Formats are the values of imgmill deploy --stack.
var Formats = map[string]func(Deployment) (string, error){"sam": SAM, "terraform": Terraform, "cdk": CDK}

// release is a version that has a tag.
var release = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)

// Kind returns the type of a parameter in a language that has some: bool, number, list or string.
func Kind(name string, p deployment.Parameter) string {
	numbers := len(p.AllowedValues) > 0
	for _, v := range p.AllowedValues {
		if _, err := strconv.Atoi(v); err != nil {
			numbers = false
		}
	}
	switch {
	case slices.Contains(p.AllowedValues, "true"):
		return "bool"
	case p.Type == "Number" || numbers:
		return "number"
	case p.Type == "CommaDelimitedList" || strings.HasSuffix(name, "Arns"):
		return "list"
	}
	return "string"
}

// setting is a parameter whose value is not the template's default.
type setting struct{ parameter, kind, value string }

// replaced are parameters that the others have something else for.
var replaced = []string{"CodeBucket", "CodeKey", "ImgmillName", "SourceBucketName", "TargetBucketName", "CreateSourceBucket",
	"CreateTargetBucket", "NotifyFromTemplate", "NotifySecrets"}

// settings returns the parameters that a module or construct must be told, by name.
func (d Deployment) settings() ([]setting, error) {
	known, err := deployment.Parameters()
	if err != nil {
		return nil, err
	}
	var list []setting
	for _, name := range slices.Sorted(maps.Keys(d.Parameters)) {
		p, value := known[name], d.Parameters[name]
		if slices.Contains(replaced, name) || p.Default != nil && *p.Default == value {
			continue
		}
		list = append(list, setting{name, Kind(name, p), value})
	}
	return list, nil
}

// literal returns the value as Terraform and TypeScript write it.
func (s setting) literal() string {
	switch s.kind {
	case "bool", "number":
		return s.value
	case "list":
		return texts(strings.Split(s.value, ","))
	}
	return strconv.Quote(s.value)
}

// texts returns a list of strings as Terraform and TypeScript write it.
func texts(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// Note returns what a person must do beside using the file, or nothing.
func (d Deployment) Note(format string) string {
	if format == "cdk" || !d.existing("Source") { // the CDK adds notifications to those of a bucket
		return ""
	}
	return d.Parameters["SourceBucketName"] + " exists: its notifications are not changed, and the file says how they must be."
}

// existing reports whether a bucket, Source or Target, is there already.
func (d Deployment) existing(bucket string) bool {
	return d.Parameters["Create"+bucket+"Bucket"] == "false"
}

// filters returns the suffixes and the prefix of the keys that notify, or no suffix for all keys.
func (d Deployment) filters() (suffixes []string, prefix string) {
	for _, n := range d.Notifications {
		prefix = n.Prefix
		if n.Suffix != "" {
			suffixes = append(suffixes, n.Suffix)
		}
	}
	return suffixes, prefix
}

// singleFilters returns the same for CloudFormation, where a notification has one event: if that would
// be more of them than a bucket may have, all keys notify, and the function ignores what is no picture.
func (d Deployment) singleFilters() (suffixes []string, prefix string) {
	suffixes, prefix = d.filters()
	if len(suffixes)*len(d.events()) > trigger.MaxEntries {
		return nil, prefix
	}
	return suffixes, prefix
}

// events returns the events that notify.
func (d Deployment) events() []string { return d.Notifications[0].Events }

// header returns the first lines of a file: what it is, and how it is used.
func (d Deployment) header(comment string, steps ...string) string {
	text := fmt.Sprintf("%s %s, as imgmill deploy makes it: pictures uploaded to s3://%s appear in s3://%s.\n%s\n", comment, d.Stack,
		d.Parameters["SourceBucketName"], d.Parameters["TargetBucketName"], comment)
	if d.Package != "" {
		steps = slices.Insert(steps, 0, d.Package)
	}
	for _, s := range steps {
		text += comment + "   " + s + "\n"
	}
	return text + fmt.Sprintf("%s\n%s It has what the recipe needs. Print it again when the recipe has changed.\n", comment, comment)
}

// Variable returns the name of a parameter in the Terraform module, such as memory_mb for MemoryMB.
func Variable(parameter string) string {
	names := map[string]string{"SourceBucketName": "source_bucket", "TargetBucketName": "target_bucket",
		"NotifyFromTemplate": "manage_notifications", "ImgmillName": "name"}
	return cmp.Or(names[parameter], strings.ToLower(word.ReplaceAllString(acronym.ReplaceAllString(parameter, "${1}_${2}"), "${1}_${2}")))
}

var (
	word    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	acronym = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
)

// Property returns the name of a parameter in the CDK construct, such as memoryMb for MemoryMB.
func Property(parameter string) string {
	words := strings.Split(Variable(parameter), "_")
	for i, w := range words[1:] {
		words[1+i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}
