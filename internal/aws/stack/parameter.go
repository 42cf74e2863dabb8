package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/imgmill/imgmill/internal/aws/template"
)

// Parameter is a parameter of internal/aws/template/template.yaml, as the template has it.
type Parameter struct {
	Type           string   `yaml:"Type"`
	Description    string   `yaml:"Description"`
	Default        *string  `yaml:"Default"` // nil: there must be a value
	AllowedValues  []string `yaml:"AllowedValues"`
	AllowedPattern string   `yaml:"AllowedPattern"`
	MinValue       *int     `yaml:"MinValue"`
	MaxValue       *int     `yaml:"MaxValue"`
}

// Flags are the parameters that a person may set, by the names that imgmill deploy has for them.
var Flags = []struct{ Flag, Parameter, Usage string }{
	{"source-bucket", "SourceBucketName", "attach to this bucket, which is there; its notifications stay (default: NAME-input is made)"},
	{"target-bucket", "TargetBucketName", "write variants to this bucket, which is there (default: NAME-output is made)"},
	{"arch", "Architecture", "processor of the function: arm64 or amd64"},
	{"memory", "MemoryMB", "memory of the function in MB; 1769 are one processor core"},
	{"timeout", "TimeoutSeconds", "seconds until the function is ended: 60, 120, 180, 300, 600 or 900"},
	{"trigger", "Trigger", "direct, or queue: an SQS queue before the function, for bursts"},
	{"max-concurrency", "MaximumConcurrency", "with --trigger queue, instances of the function that the queue keeps busy"},
	{"concurrency", "ReservedConcurrency", "instances that are reserved for the function, and its most; 0 reserves none"},
	{"source-kms-key", "SourceKmsKeyArn", "ARN of the KMS key of the source bucket"},
	{"target-kms-key", "TargetKmsKeyArn", "ARN of the KMS key of the target bucket"},
	{"log-days", "LogRetentionDays", "days that the log is kept"},
	{"email", "AlarmEmail", "who is told of alarms"},
	{"budget", "MonthlyBudgetUSD", "dollars a month from which an alarm is sent; 0 is none"},
}

// Parameters reads them from the template, by name.
func Parameters() (map[string]Parameter, error) {
	var t struct {
		Parameters map[string]Parameter `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal([]byte(template.Template), &t); err != nil {
		return nil, fmt.Errorf("read the parameters of the template: %w", err)
	}
	return t.Parameters, nil
}

// Check says what the template would say of a value.
func (p Parameter) Check(value string) error {
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, value) {
		return fmt.Errorf("%q: want one of %s", value, strings.Join(p.AllowedValues, ", "))
	}
	if p.AllowedPattern != "" {
		whole, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
		if err != nil {
			return fmt.Errorf("the template's pattern: %w", err)
		}
		if !whole.MatchString(value) {
			return fmt.Errorf("%q does not look like one", value)
		}
	}
	if p.Type != "Number" {
		return nil
	}
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no whole number", value)
	case p.MinValue != nil && n < *p.MinValue:
		return fmt.Errorf("%d: the least is %d", n, *p.MinValue)
	case p.MaxValue != nil && n > *p.MaxValue:
		return fmt.Errorf("%d: the most is %d", n, *p.MaxValue)
	}
	return nil
}
