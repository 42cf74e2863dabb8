package export

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/template"
)

// SAM prints the template with the deployment's values as the defaults of its parameters, the zip on
// this machine as the code, which sam deploy and aws cloudformation package upload, and the
// notifications that the recipe needs.
func SAM(d Deployment) (string, error) {
	known, err := deployment.Parameters()
	if err != nil {
		return "", err
	}
	_, text, ok := strings.Cut(template.Template, "\nAWSTemplateFormatVersion:")
	text = "AWSTemplateFormatVersion:" + text
	edit := func(old, replacement string) {
		ok = ok && strings.Count(text, old) == 1
		text = strings.Replace(text, old, replacement, 1)
	}
	edit("Parameters: [CodeBucket, CodeKey, ", "Parameters: [")
	edit("Code: {S3Bucket: !Ref CodeBucket, S3Key: !Ref CodeKey}", "Code: "+strconv.Quote(d.Zip))
	// The code is a file, which sam deploy uploads first.
	edit("    Type: AWS::Lambda::Function\n    Metadata:\n",
		"    Type: AWS::Lambda::Function\n    Metadata:\n      cfn-lint: {config: {ignore_checks: [W3002]}}\n")
	for name, p := range known {
		block := parameterBlock(name).FindString(text)
		ok = ok && block != ""
		switch value, given := d.Parameters[name]; {
		case name == "CodeBucket" || name == "CodeKey":
			text = strings.Replace(text, block, "", 1)
		case name == "NotifySecrets" && len(d.Secrets) > 0: // nobody forgets them
			text = strings.Replace(text, block, defaultLine.ReplaceAllString(block, ""), 1)
		case name == "NotifyFromTemplate" || name == "NotifySecrets" || !given || p.Default != nil && *p.Default == value:
		default:
			text = strings.Replace(text, block,
				defaultLine.ReplaceAllString(block, "")+"    Default: "+strconv.Quote(value)+"\n", 1)
		}
	}
	if d.existing("Source") {
		block := parameterBlock("NotifyFromTemplate").FindString(text)
		edit(block, strings.Replace(block, `Default: "true"`, `Default: "false"`, 1))
	}
	start, end := strings.Index(text, "      # Without suffixes: S3 allows one filter"), -1
	if start >= 0 {
		end = strings.Index(text[start:], "      Tags:\n")
	}
	if !ok || end < 0 {
		return "", fmt.Errorf("the template has changed, and the command cannot print it")
	}
	text = text[:start] + d.notifications() + text[start+end:]
	overrides := ""
	if len(d.Secrets) > 0 {
		overrides = " --parameter-overrides NotifySecrets=" + strconv.Quote(d.secrets())
	}
	return d.header("#", "sam deploy --template-file template.yaml --stack-name "+d.Stack+" --resolve-s3 --capabilities CAPABILITY_IAM \\",
		"  --tags "+strings.Join(d.tagArguments(), " ")+overrides) +
		"# The commands of imgmill, such as imgmill test " + d.Name + ", know the stack by its name and tag.\n" + d.ownEvents() + text, nil
}

// parameterBlock matches a parameter of the template.
func parameterBlock(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^  ` + name + `:\n    Type:.*\n(    .*\n)*`)
}

var defaultLine = regexp.MustCompile(`(?m)^    Default:.*\n`)

// notifications prints the notifications of the source bucket: one event and one filter in each.
func (d Deployment) notifications() string {
	suffixes, prefix := d.singleFilters()
	if suffixes == nil {
		suffixes = []string{""}
	}
	list := func(to string) string {
		text := ""
		for _, suffix := range suffixes {
			var rules []string
			for _, r := range [][2]string{{"prefix", prefix}, {"suffix", suffix}} {
				if r[1] != "" {
					rules = append(rules, fmt.Sprintf("{Name: %s, Value: %q}", r[0], r[1]))
				}
			}
			for _, e := range d.events() {
				text += fmt.Sprintf("              - Event: %q\n                %s\n", e, to)
				if rules != nil {
					text += "                Filter: {S3Key: {Rules: [" + strings.Join(rules, ", ") + "]}}\n"
				}
			}
		}
		return text
	}
	return `      NotificationConfiguration: !If
        - Notifies
        - !If
          - Queued
          - QueueConfigurations:
` + list("Queue: !GetAtt WorkQueue.Arn") + "          - LambdaConfigurations:\n" + list("Function: !GetAtt ImageResizerFunction.Arn") +
		"        - !Ref AWS::NoValue\n"
}

// tagArguments returns the tags as a shell takes them.
func (d Deployment) tagArguments() []string {
	list := []string{deployment.TagName + "=" + d.Name}
	for _, k := range slices.Sorted(maps.Keys(d.Tags)) {
		pair := k + "=" + d.Tags[k]
		if strings.Contains(pair, " ") {
			pair = strconv.Quote(pair)
		}
		list = append(list, pair)
	}
	return list
}

// ownEvents says how an existing bucket gets its notifications.
func (d Deployment) ownEvents() string {
	if !d.existing("Source") {
		return ""
	}
	to := "FunctionArn"
	if d.Parameters["Trigger"] == "queue" {
		to = "WorkQueueArn"
	}
	suffixes, prefix := d.filters()
	return fmt.Sprintf(`#
# A stack cannot add notifications to a bucket that it did not create. Once it is there, let %s send
# %s to the ARN in the output %s, for keys
# with the prefix %q and these suffixes, or all: %s
`, d.Parameters["SourceBucketName"], strings.Join(d.events(), " "), to, prefix, strings.Join(suffixes, " "))
}
