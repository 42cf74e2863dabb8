package template_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/imgmill/imgmill/internal/aws/export"
	"github.com/imgmill/imgmill/internal/aws/template"
)

// label returns the name of a resource in the module, such as work for WorkQueue.
func label(id string) string {
	switch id {
	case "LambdaResizeRole", "ImageResizerFunction", "ImageResizerLogGroup", "ImageResizerInvokeConfig":
		return "function"
	case "ScheduledAudit":
		return "audit"
	case "AlarmTopic", "AlarmSubscription":
		return "alarms"
	case "Dashboard", "MonthlyBudget":
		return "imgmill"
	case "FailureQueue", "FailureQueuePolicy":
		return "failures"
	}
	for _, suffix := range []string{"BucketPolicy", "BucketPermission", "QueuePolicy", "QueueMapping", "Bucket", "Queue", "Role", "Alarm", "Filter"} {
		if name, ok := strings.CutSuffix(id, suffix); ok {
			return export.Variable(name)
		}
	}
	return export.Variable(id)
}

func (m *module) address(id string) string {
	r := m.part("Resources")[id].(object)
	kind, ok := resourceTypes[r["Type"].(string)]
	if !ok {
		m.t.Fatalf("%s: Terraform's name of %v is not known", id, r["Type"])
	}
	address := kind + "." + label(id)
	if r["Condition"] != nil {
		address += "[0]"
	}
	return address
}

// resourceTypes are Terraform's names of resource types.
var resourceTypes = map[string]string{
	"AWS::S3::Bucket": "aws_s3_bucket", "AWS::S3::BucketPolicy": "aws_s3_bucket_policy", "AWS::IAM::Role": "aws_iam_role",
	"AWS::Lambda::Function": "aws_lambda_function", "AWS::Lambda::Permission": "aws_lambda_permission",
	"AWS::Lambda::EventInvokeConfig":  "aws_lambda_function_event_invoke_config",
	"AWS::Lambda::EventSourceMapping": "aws_lambda_event_source_mapping",
	"AWS::Logs::LogGroup":             "aws_cloudwatch_log_group", "AWS::Logs::MetricFilter": "aws_cloudwatch_log_metric_filter",
	"AWS::SQS::Queue": "aws_sqs_queue", "AWS::SQS::QueuePolicy": "aws_sqs_queue_policy",
	"AWS::SNS::Topic": "aws_sns_topic", "AWS::SNS::Subscription": "aws_sns_topic_subscription",
	"AWS::CloudWatch::Alarm": "aws_cloudwatch_metric_alarm", "AWS::CloudWatch::Dashboard": "aws_cloudwatch_dashboard",
	"AWS::Scheduler::Schedule": "aws_scheduler_schedule", "AWS::Budgets::Budget": "aws_budgets_budget",
}

// properties are those of a resource that are not translated yet.
type properties struct {
	*module
	id   string
	left object
}

// take returns a property, or nil if the template does not set it.
func (p *properties) take(name string) any {
	v := p.left[name]
	delete(p.left, name)
	return v
}

// set writes properties as attributes: pairs of Terraform's and CloudFormation's names. Words are quoted, numbers and booleans
// are not.
func (p *properties) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if v := p.take(pairs[i+1]); v != nil {
			p.w.attribute(pairs[i], p.plainValue(v))
		}
	}
}

var bare = regexp.MustCompile(`"(true|false|-?[0-9]+(\.[0-9]+)?)"`)

// plainValue translates a value outside of JSON, where numbers and booleans have no quotes.
func (m *module) plainValue(v any) string {
	s := m.expression(v)
	o, _ := v.(object)
	_, isText := v.(string)
	if choice, ok := o["Fn::If"].([]any); ok {
		_, isText = choice[1].(string)
	}
	if isText {
		return bare.ReplaceAllString(s, "$1")
	}
	return s
}

// part returns a property that is an object.
func (p *properties) inside(name string) *properties {
	o, ok := p.take(name).(object)
	if !ok {
		p.t.Fatalf("%s: %s is no object", p.id, name)
	}
	return &properties{p.module, p.id + "." + name, o}
}

// nested writes a property that is an object as a block.
func (p *properties) nested(block, name string, pairs ...string) {
	in := p.inside(name)
	p.w.block(block, func() { in.set(pairs...) })
	in.end()
}

func (p *properties) json(attribute, name string) {
	p.w.attribute(attribute, "jsonencode("+p.expression(p.take(name))+")")
}

// end reports properties that nobody translated.
func (p *properties) end() {
	for name := range p.left {
		p.t.Errorf("%s: no translation of the property %s", p.id, name)
	}
}

// resource writes a resource, as several where Terraform has several.
func (m *module) resource(id string) {
	r := m.part("Resources")[id].(object)
	p := &properties{m, id, clone(r["Properties"].(object))}
	translate, ok := translations[r["Type"].(string)]
	if !ok {
		m.t.Fatalf("%s: no translation of %v", id, r["Type"])
	}
	if text := commentAbove(id); text != "" {
		m.w.comment(text)
	}
	translate(p)
	p.end()
}

// commentAbove returns the comment of a resource in the template.
func commentAbove(id string) string {
	above, _, _ := strings.Cut(template.Template, "\n  "+id+":\n    Type:")
	lines := strings.Split(above, "\n")
	first := len(lines)
	for first > 0 && strings.HasPrefix(lines[first-1], "  # ") {
		first--
	}
	var text []string
	for _, l := range lines[first:] {
		text = append(text, strings.TrimPrefix(l, "  # "))
	}
	return strings.Join(text, "\n")
}

func clone(v object) object {
	var c object
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		panic(err)
	}
	return c
}

// open writes a block of a resource with its condition.
func (p *properties) open(kind string, body func()) {
	id, _, _ := strings.Cut(p.id, ".")
	p.w.block(fmt.Sprintf("resource %q %q", kind, label(id)), func() {
		if c, ok := p.module.part("Resources")[id].(object)["Condition"].(string); ok {
			p.w.attribute("count", p.condName(c)+" ? 1 : 0")
			p.w.gap()
		}
		body()
	})
}

// self is the resource's own kind.
func (p *properties) self(body func()) {
	p.open(resourceTypes[p.module.part("Resources")[p.id].(object)["Type"].(string)], body)
}

const tagsLine = "local.tags"

var translations = map[string]func(p *properties){
	"AWS::S3::Bucket": (*properties).bucket,
	"AWS::S3::BucketPolicy": func(p *properties) {
		p.self(func() {
			p.set("bucket", "Bucket")
			p.json("policy", "PolicyDocument")
			p.w.gap()
			p.w.attribute("depends_on", "[aws_s3_bucket_public_access_block."+label(p.id)+"]")
		})
	},
	"AWS::IAM::Role":        (*properties).role,
	"AWS::Lambda::Function": (*properties).function,
	"AWS::Logs::LogGroup": func(p *properties) {
		p.self(func() {
			p.set("name", "LogGroupName", "retention_in_days", "RetentionInDays")
			p.w.attribute("tags", tagsLine)
		})
	},
	"AWS::Lambda::EventInvokeConfig": func(p *properties) {
		p.self(func() {
			p.set("function_name", "FunctionName", "qualifier", "Qualifier", "maximum_retry_attempts", "MaximumRetryAttempts",
				"maximum_event_age_in_seconds", "MaximumEventAgeInSeconds")
			to := p.inside("DestinationConfig")
			p.w.block("destination_config", func() { to.nested("on_failure", "OnFailure", "destination", "Destination") })
			to.end()
		})
	},
	"AWS::Lambda::Permission": func(p *properties) {
		p.self(func() {
			p.set("function_name", "FunctionName", "action", "Action", "principal", "Principal", "source_arn", "SourceArn",
				"source_account", "SourceAccount")
		})
	},
	"AWS::SQS::Queue": func(p *properties) {
		p.self(func() {
			p.set("name", "QueueName", "visibility_timeout_seconds", "VisibilityTimeout",
				"message_retention_seconds", "MessageRetentionPeriod", "sqs_managed_sse_enabled", "SqsManagedSseEnabled")
			if p.left["RedrivePolicy"] != nil {
				in := p.inside("RedrivePolicy")
				p.w.attribute("redrive_policy", "jsonencode("+hclObject([]string{"deadLetterTargetArn", "maxReceiveCount"},
					func(k string) string { return p.plainValue(in.take(k)) })+")")
				in.end()
			}
			p.w.attribute("tags", tagsLine)
		})
	},
	"AWS::SQS::QueuePolicy": func(p *properties) {
		p.self(func() {
			p.w.attribute("queue_url", p.expression(p.take("Queues").([]any)[0]))
			p.json("policy", "PolicyDocument")
		})
	},
	"AWS::Lambda::EventSourceMapping": func(p *properties) {
		p.self(func() {
			p.set("function_name", "FunctionName", "event_source_arn", "EventSourceArn", "batch_size", "BatchSize",
				"function_response_types", "FunctionResponseTypes")
			p.w.attribute("tags", tagsLine)
			p.nested("scaling_config", "ScalingConfig", "maximum_concurrency", "MaximumConcurrency")
		})
	},
	"AWS::SNS::Topic": func(p *properties) {
		p.self(func() { p.set("name", "TopicName"); p.w.attribute("tags", tagsLine) })
	},
	"AWS::SNS::Subscription": func(p *properties) {
		p.self(func() { p.set("topic_arn", "TopicArn", "protocol", "Protocol", "endpoint", "Endpoint") })
	},
	"AWS::CloudWatch::Alarm": (*properties).alarm,
	"AWS::Logs::MetricFilter": func(p *properties) {
		p.self(func() {
			p.w.attribute("name", `"${local.name}-`+strings.ReplaceAll(label(p.id), "_", "-")+`"`) // CloudFormation makes one up
			p.set("log_group_name", "LogGroupName", "pattern", "FilterPattern")
			in := &properties{p.module, p.id + ".MetricTransformations", p.take("MetricTransformations").([]any)[0].(object)}
			p.w.block("metric_transformation", func() {
				in.set("namespace", "MetricNamespace", "name", "MetricName")
				p.w.attribute("value", p.expression(in.take("MetricValue"))) // a text
			})
			in.end()
		})
	},
	"AWS::Scheduler::Schedule": (*properties).schedule,
	"AWS::CloudWatch::Dashboard": func(p *properties) {
		p.self(func() {
			p.set("dashboard_name", "DashboardName")
			p.w.attribute("dashboard_body", "jsonencode("+p.dashboard(p.take("DashboardBody").(object)["Fn::Sub"].([]any))+")")
		})
	},
	"AWS::Budgets::Budget": (*properties).budget,
}

func (p *properties) bucket() {
	bucket := p.address(p.id) + ".id"
	p.self(func() {
		p.set("bucket", "BucketName")
		tags := p.take("Tags").([]any)
		if len(tags) != 1 || tags[0].(object)["Key"] != "imgmill:name" {
			p.t.Errorf("%s: no translation of the tags %v", p.id, tags)
		}
		p.w.attribute("tags", tagsLine)
	})
	p.open("aws_s3_bucket_server_side_encryption_configuration", func() {
		p.w.attribute("bucket", bucket)
		rules := p.inside("BucketEncryption").take("ServerSideEncryptionConfiguration").([]any)
		in := &properties{p.module, p.id + ".Encryption", p.spread(rules[0]).(object)}
		p.w.block("rule", func() {
			in.set("bucket_key_enabled", "BucketKeyEnabled")
			in.nested("apply_server_side_encryption_by_default", "ServerSideEncryptionByDefault",
				"sse_algorithm", "SSEAlgorithm", "kms_master_key_id", "KMSMasterKeyID")
		})
		in.end()
	})
	p.open("aws_s3_bucket_public_access_block", func() {
		p.w.attribute("bucket", bucket)
		in := p.inside("PublicAccessBlockConfiguration")
		in.set("block_public_acls", "BlockPublicAcls", "block_public_policy", "BlockPublicPolicy",
			"ignore_public_acls", "IgnorePublicAcls", "restrict_public_buckets", "RestrictPublicBuckets")
		in.end()
	})
	p.open("aws_s3_bucket_ownership_controls", func() {
		p.w.attribute("bucket", bucket)
		rule := p.inside("OwnershipControls").take("Rules").([]any)[0]
		in := &properties{p.module, p.id + ".OwnershipControls", rule.(object)}
		p.w.block("rule", func() { in.set("object_ownership", "ObjectOwnership") })
		in.end()
	})
	p.open("aws_s3_bucket_lifecycle_configuration", func() {
		p.w.attribute("bucket", bucket)
		for _, rule := range p.inside("LifecycleConfiguration").take("Rules").([]any) {
			in := &properties{p.module, p.id + ".Rule", rule.(object)}
			p.w.block("rule", func() {
				in.set("id", "Id", "status", "Status")
				var filter func()
				if in.left["Prefix"] != nil {
					filter = func() { in.set("prefix", "Prefix") }
				}
				p.w.block("filter", filter)
				if in.left["AbortIncompleteMultipartUpload"] != nil {
					in.nested("abort_incomplete_multipart_upload", "AbortIncompleteMultipartUpload", "days_after_initiation", "DaysAfterInitiation")
				}
				if in.left["ExpirationInDays"] != nil {
					p.w.block("expiration", func() { in.set("days", "ExpirationInDays") })
				}
			})
			in.end()
		}
	})
	if p.take("NotificationConfiguration") != nil {
		p.notifications()
	}
}

// notifications writes the notifications, one for each suffix, which a template cannot.
func (p *properties) notifications() {
	p.w.block(`resource "aws_s3_bucket_notification" "source"`, func() {
		p.w.attribute("count", p.condName("Notifies")+" ? 1 : 0")
		p.w.gap()
		p.w.attribute("bucket", p.condName("MakesSource")+" ? aws_s3_bucket.source[0].id : var.source_bucket")
		for _, to := range [][3]string{
			{"lambda_function", p.condName("Direct"), "lambda_function_arn = " + p.attributeOf("ImageResizerFunction", "Arn")},
			{"queue", p.condName("Queued"), "queue_arn     = " + p.attributeOf("WorkQueue", "Arn")},
		} {
			p.w.block("dynamic "+quote(to[0]), func() {
				p.w.attribute("for_each", to[1]+" ? local.notifications : []")
				p.w.block("content", func() {
					p.w.attribute("id", to[0]+".value.id")
					name, arn, _ := strings.Cut(to[2], "=")
					p.w.attribute(strings.TrimSpace(name), strings.TrimSpace(arn))
					p.w.attribute("events", to[0]+".value.events")
					p.w.attribute("filter_prefix", to[0]+".value.prefix")
					p.w.attribute("filter_suffix", to[0]+".value.suffix")
				})
			})
		}
		p.w.gap()
		p.w.attribute("depends_on", "[aws_lambda_permission.source, aws_sqs_queue_policy.work]")
	})
}

// spread moves a condition from an object to each of its values.
func (p *properties) spread(v any) any {
	choice, ok := v.(object)["Fn::If"].([]any)
	if !ok {
		return v
	}
	return p.mix(choice[0].(string), choice[1], choice[2])
}

func (p *properties) mix(condition string, yes, no any) any {
	a, aok := yes.(object)
	b, bok := no.(object)
	if !aok || !bok || a["Ref"] != nil || b["Ref"] != nil {
		if yes == "true" && isNoValue(no) {
			no = "false"
		}
		return object{"Fn::If": []any{condition, yes, no}}
	}
	all := object{}
	for k := range a {
		all[k] = nil
	}
	for k := range b {
		all[k] = nil
	}
	for k := range all {
		x, y := a[k], b[k]
		if x == nil {
			x = object{"Ref": "AWS::NoValue"}
		}
		if y == nil {
			y = object{"Ref": "AWS::NoValue"}
		}
		all[k] = p.mix(condition, x, y)
	}
	return all
}

func (p *properties) role() {
	p.self(func() {
		// Roles belong to no region, so one name would allow one region alone.
		p.w.attribute("name_prefix", `"${substr(local.name, 0, 28)}-`+label(p.id)+`-"`)
		p.json("assume_role_policy", "AssumeRolePolicyDocument")
		p.set("permissions_boundary", "PermissionsBoundary", "path", "Path")
		p.w.attribute("tags", tagsLine)
	})
	for _, policy := range p.take("Policies").([]any) {
		in := &properties{p.module, p.id + ".Policies", policy.(object)}
		p.open("aws_iam_role_policy", func() {
			in.set("name", "PolicyName")
			p.w.attribute("role", p.address(p.id)+".id")
			in.json("policy", "PolicyDocument")
		})
		in.end()
	}
}

func (p *properties) function() {
	p.self(func() {
		p.set("function_name", "FunctionName", "description", "Description", "role", "Role", "runtime", "Runtime",
			"handler", "Handler", "architectures", "Architectures")
		p.take("Code")
		p.w.attribute("filename", "var.zip")
		p.w.attribute("source_code_hash", "filebase64sha256(var.zip)")
		p.set("memory_size", "MemorySize", "timeout", "Timeout", "reserved_concurrent_executions", "ReservedConcurrentExecutions")
		p.w.attribute("tags", tagsLine)
		p.nested("ephemeral_storage", "EphemeralStorage", "size", "Size")
		p.nested("logging_config", "LoggingConfig", "log_format", "LogFormat", "log_group", "LogGroup")
		p.nested("environment", "Environment", "variables", "Variables")
		p.w.block("lifecycle", func() {
			for name, rule := range p.module.part("Rules") {
				if name == "OwnNotifications" { // Terraform can write those of an existing bucket
					continue
				}
				for _, a := range rule.(object)["Assertions"].([]any) {
					p.w.block("precondition", func() {
						p.w.attribute("condition", p.conditionText(a.(object)["Assert"]))
						p.w.attribute("error_message", quote(a.(object)["AssertDescription"].(string)))
					})
				}
			}
		})
		p.w.gap()
		p.w.attribute("depends_on", "[aws_iam_role_policy.function]")
	})
	p.open("aws_lambda_function_recursion_config", func() {
		p.w.attribute("function_name", p.attributeOf(p.id, ""))
		p.set("recursive_loop", "RecursiveLoop")
	})
}

func (p *properties) alarm() {
	p.self(func() {
		p.set("alarm_name", "AlarmName", "alarm_description", "AlarmDescription", "namespace", "Namespace", "metric_name", "MetricName")
		if list, ok := p.take("Dimensions").([]any); ok {
			names := object{}
			for _, d := range list {
				names[d.(object)["Name"].(string)] = d.(object)["Value"]
			}
			p.w.attribute("dimensions", hclObject(sortedKeys(names), func(k string) string { return p.expression(names[k]) }))
		}
		p.set("statistic", "Statistic", "period", "Period", "evaluation_periods", "EvaluationPeriods",
			"comparison_operator", "ComparisonOperator", "threshold", "Threshold", "treat_missing_data", "TreatMissingData",
			"alarm_actions", "AlarmActions")
		p.w.attribute("tags", tagsLine)
	})
}

func (p *properties) schedule() {
	p.self(func() {
		p.set("name", "Name", "schedule_expression", "ScheduleExpression")
		p.nested("flexible_time_window", "FlexibleTimeWindow", "mode", "Mode")
		in := p.inside("Target")
		p.w.block("target", func() {
			in.set("arn", "Arn", "role_arn", "RoleArn", "input", "Input")
			in.nested("retry_policy", "RetryPolicy", "maximum_retry_attempts", "MaximumRetryAttempts")
		})
		in.end()
	})
}

func (p *properties) budget() {
	p.self(func() {
		in := p.inside("Budget")
		in.set("name", "BudgetName", "budget_type", "BudgetType", "time_unit", "TimeUnit")
		limit := in.inside("BudgetLimit")
		limit.set("limit_amount", "Amount", "limit_unit", "Unit")
		limit.end()
		p.w.attribute("tags", tagsLine)
		for name, values := range in.take("CostFilters").(object) {
			p.w.block("cost_filter", func() {
				p.w.attribute("name", quote(name))
				p.w.attribute("values", p.expression(values))
			})
		}
		in.end()
		choice := p.take("NotificationsWithSubscribers").(object)["Fn::If"].([]any)
		names := []string{"notification_type", "NotificationType", "comparison_operator", "ComparisonOperator", "threshold", "Threshold",
			"threshold_type", "ThresholdType"}
		var items []string
		for _, n := range choice[1].([]any) {
			in := &properties{p.module, p.id + ".Notification", n.(object)}
			of := in.inside("Notification")
			values := map[string]string{}
			var keys []string
			for i := 0; i < len(names); i += 2 {
				keys = append(keys, names[i])
				values[names[i]] = p.plainValue(of.take(names[i+1]))
			}
			of.end()
			subscriber := in.take("Subscribers").([]any)[0].(object)
			if subscriber["SubscriptionType"] != "EMAIL" {
				p.t.Errorf("no translation of %v", subscriber)
			}
			in.end()
			keys = append(keys, "subscriber_email_addresses")
			values["subscriber_email_addresses"] = hclList([]string{p.expression(subscriber["Address"])})
			items = append(items, hclObject(keys, func(k string) string { return values[k] }))
		}
		p.w.block(`dynamic "notification"`, func() {
			p.w.attribute("for_each", p.condName(choice[0].(string))+" ? "+hclList(items)+" : []")
			p.w.block("content", func() {
				for i := 0; i < len(names); i += 2 {
					p.w.attribute(names[i], "notification.value."+names[i])
				}
				p.w.attribute("subscriber_email_addresses", "notification.value.subscriber_email_addresses")
			})
		})
	})
}
