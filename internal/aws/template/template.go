// Package template holds the CloudFormation template of a deployment on AWS, which also works alone
// with the AWS command line.
//
// It only embeds the file, byte for byte, and never calls AWS: package stack does. The template
// follows the AWS CloudFormation Template Reference, format version 2010-09-09.
package template

import _ "embed"

// Template is template.yaml: the buckets, the function with its role and queues, and the alarms.
// Its comments explain how to use it. Its parameters, logical IDs and outputs are a contract, which
// the tests of this package check.
//
//go:embed template.yaml
var Template string
