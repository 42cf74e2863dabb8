// Package deploy holds the CloudFormation template of a deployment on AWS, which also works alone with the AWS command line.
//
// It only embeds the file, byte for byte, and never talks to AWS: package internal/aws/stack does. Specification: AWS
// CloudFormation Template Reference, format version 2010-09-09.
package template

import _ "embed"

// Template is template.yaml: the buckets, the function with its role and queues, and what watches over them. Its comments
// say how to use it; its parameters, logical IDs and outputs are a contract, which the tests of this package hold.
//
//go:embed template.yaml
var Template string
