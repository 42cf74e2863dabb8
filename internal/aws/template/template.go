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

// Words names the parts of the template, by logical ID.
var Words = map[string]string{
	"SourceBucket": "source bucket", "SourceBucketPolicy": "policy of the source bucket",
	"TargetBucket": "target bucket", "TargetBucketPolicy": "policy of the target bucket",
	"LambdaResizeRole": "role of the function", "BatchRole": "role of S3 Batch Operations", "AuditRole": "role of the audit",
	"ImageResizerFunction": "function", "ImageResizerLogGroup": "log group", "ImageResizerInvokeConfig": "destination of failed events",
	"SourceBucketPermission": "permission of the source bucket to call the function",
	"FailureQueue":           "failure queue", "FailureQueuePolicy": "policy of the failure queue",
	"WorkQueue": "work queue", "WorkQueuePolicy": "policy of the work queue", "WorkQueueMapping": "connection of the work queue and the function",
	"AlarmTopic": "topic of alarms", "AlarmSubscription": "email of alarms",
	"ErrorsAlarm": "alarm of errors", "ThrottlesAlarm": "alarm of throttling", "BusyAlarm": "alarm of much work",
	"BadPicturesFilter": "count of bad pictures", "MadePicturesFilter": "count of made pictures", "BadPicturesAlarm": "alarm of bad pictures",
	"ScheduledAudit": "audit", "AuditFilter": "count of audit faults", "AuditAlarm": "alarm of audit faults",
	"FailuresWaitingAlarm": "alarm of pending failures", "OldestFailureAlarm": "alarm of the oldest failure",
	"Dashboard": "dashboard", "MonthlyBudget": "budget",
}
