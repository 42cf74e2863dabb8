package deployment

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/imgmill/imgmill/internal/aws/template"
)

// Parameter is a parameter of the CloudFormation template, as internal/aws/template/template.yaml
// declares it.
type Parameter struct {
	Type        string `yaml:"Type"`
	Description string `yaml:"Description"`
	// Default is nil if the parameter must be given.
	Default        *string  `yaml:"Default"`
	AllowedValues  []string `yaml:"AllowedValues"`
	AllowedPattern string   `yaml:"AllowedPattern"`
	MinValue       *int     `yaml:"MinValue"`
	MaxValue       *int     `yaml:"MaxValue"`
}

// Flags lists the parameters that a person may set, with the flags of imgmill deploy that set them.
var Flags = []struct{ Flag, Parameter, Usage string }{
	{"source-bucket", "SourceBucketName",
		"use this existing bucket and keep its other notifications (default: create NAME-input)"},
	{"target-bucket", "TargetBucketName",
		"write variants to this existing bucket (default: create NAME-output)"},
	{"arch", "Architecture", "processor of the function: arm64 or amd64"},
	{"memory", "MemoryMB", "memory of the function in MB; 1769 MB come with one processor core"},
	{"timeout", "TimeoutSeconds",
		"seconds after which Lambda ends the function: 60, 120, 180, 300, 600 or 900"},
	{"trigger", "Trigger",
		"direct, or queue for an SQS queue before the function, which absorbs bursts"},
	{"max-concurrency", "MaximumConcurrency",
		"with --trigger queue: maximum number of instances at a time"},
	{"concurrency", "ReservedConcurrency",
		"instances reserved for the function, which is also its limit; 0 reserves none (default 10; with a queue 0)"},
	{"source-kms-key", "SourceKmsKeyArn", "ARN of the KMS key that encrypts the source bucket"},
	{"target-kms-key", "TargetKmsKeyArn", "ARN of the KMS key that encrypts the target bucket"},
	{"permissions-boundary", "PermissionsBoundaryArn",
		"ARN of an IAM policy that bounds every role of the deployment; \"\" for none"},
	{"log-days", "LogRetentionDays", "days to keep the log"},
	{"audit", "AuditSchedule",
		"when the function compares both buckets, such as \"cron(0 3 * * ? *)\" (in UTC) or \"rate(1 day)\"; \"\" for never"},
	{"email", "AlarmEmail", "address that alarms are sent to"},
	{"budget", "MonthlyBudgetUSD",
		"monthly cost in dollars at which an alarm is sent; 0 sets no budget"},
}

// Parameters reads the parameters from the template, by name.
func Parameters() (map[string]Parameter, error) {
	var t struct {
		Parameters map[string]Parameter `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal([]byte(template.Template), &t); err != nil {
		return nil, fmt.Errorf("read the parameters of the template: %w", err)
	}
	return t.Parameters, nil
}

// Check reports whether CloudFormation would accept a value for the parameter.
func (p Parameter) Check(value string) error {
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, value) {
		return fmt.Errorf("%q is not valid; use one of %s", value, strings.Join(p.AllowedValues, ", "))
	}
	if p.AllowedPattern != "" {
		whole, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
		if err != nil {
			return fmt.Errorf("the template's pattern: %w", err)
		}
		if !whole.MatchString(value) {
			return fmt.Errorf("%q is not a valid value", value)
		}
	}
	if p.Type != "Number" {
		return nil
	}
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a whole number", value)
	case p.MinValue != nil && n < *p.MinValue:
		return fmt.Errorf("%d: the minimum is %d", n, *p.MinValue)
	case p.MaxValue != nil && n > *p.MaxValue:
		return fmt.Errorf("%d: the maximum is %d", n, *p.MaxValue)
	}
	return nil
}
