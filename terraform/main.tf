# Made from internal/aws/template/template.yaml; edit it there.

# imgmill on AWS: pictures uploaded to one bucket appear in another in every size that the recipe names.
data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  name = "imgmill-${var.name}"
  tags = merge(var.tags, { "imgmill:name" = var.name })

  makes_source     = var.create_source_bucket
  makes_target     = var.create_target_bucket
  direct           = var.trigger == "direct"
  queued           = var.trigger == "queue"
  notifies         = var.manage_notifications
  removes          = var.on_remove == "remove"
  gates_tags       = var.gate_tags
  reads_tags       = local.gates_tags || var.focal_tag
  asks_rekognition = var.gate_rekognition
  deletes          = local.removes || local.gates_tags || local.asks_rekognition || var.remove_replaced
  sets_tags        = var.set_tags
  sets_acl         = var.set_acl
  tells            = var.notify
  tells_buses      = length(var.notify_bus_arns) > 0
  tells_topics     = length(var.notify_topic_arns) > 0
  tells_queues     = length(var.notify_queue_arns) > 0
  has_secrets      = var.notify_secrets != null
  reserves         = var.reserved_concurrency != 0
  has_boundary     = var.permissions_boundary_arn != null
  some_of_source   = length(var.source_object_arns) > 0
  some_of_target   = length(var.target_object_arns) > 0
  source_has_key   = var.source_kms_key_arn != null
  target_has_key   = var.target_kms_key_arn != null
  audits           = var.audit_schedule != null
  reads_target     = local.audits || local.tells || var.read_overlays
  mails            = var.alarm_email != null
  budgets          = var.monthly_budget_usd != 0

  notifications = [for s in length(var.suffixes) > 0 ? var.suffixes : [""] : {
    id     = "${local.name}-${s == "" ? "all" : trimprefix(s, ".")}"
    events = local.events
    prefix = var.prefix
    suffix = s == "" ? null : s
  }]
  events = compact([
    "s3:ObjectCreated:*",
    local.reads_tags ? "s3:ObjectTagging:Put" : "",
    local.removes ? "s3:ObjectRemoved:*" : "",
  ])
}

resource "aws_s3_bucket" "source" {
  count = local.makes_source ? 1 : 0

  bucket = var.source_bucket
  tags   = local.tags
}

resource "aws_s3_bucket_server_side_encryption_configuration" "source" {
  count = local.makes_source ? 1 : 0

  bucket = aws_s3_bucket.source[0].id

  rule {
    bucket_key_enabled = local.source_has_key ? true : false

    apply_server_side_encryption_by_default {
      sse_algorithm     = local.source_has_key ? "aws:kms" : "AES256"
      kms_master_key_id = local.source_has_key ? var.source_kms_key_arn : null
    }
  }
}

resource "aws_s3_bucket_public_access_block" "source" {
  count = local.makes_source ? 1 : 0

  bucket                  = aws_s3_bucket.source[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "source" {
  count = local.makes_source ? 1 : 0

  bucket = aws_s3_bucket.source[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "source" {
  count = local.makes_source ? 1 : 0

  bucket = aws_s3_bucket.source[0].id

  rule {
    id     = "abort-stale-multipart-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_notification" "source" {
  count = local.notifies ? 1 : 0

  bucket = local.makes_source ? aws_s3_bucket.source[0].id : var.source_bucket

  dynamic "lambda_function" {
    for_each = local.direct ? local.notifications : []

    content {
      id                  = lambda_function.value.id
      lambda_function_arn = aws_lambda_function.function.arn
      events              = lambda_function.value.events
      filter_prefix       = lambda_function.value.prefix
      filter_suffix       = lambda_function.value.suffix
    }
  }

  dynamic "queue" {
    for_each = local.queued ? local.notifications : []

    content {
      id            = queue.value.id
      queue_arn     = aws_sqs_queue.work[0].arn
      events        = queue.value.events
      filter_prefix = queue.value.prefix
      filter_suffix = queue.value.suffix
    }
  }

  depends_on = [aws_lambda_permission.source, aws_sqs_queue_policy.work]
}

resource "aws_s3_bucket_policy" "source" {
  count = local.makes_source ? 1 : 0

  bucket = aws_s3_bucket.source[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource = [
          "arn:${data.aws_partition.current.partition}:s3:::${var.source_bucket}",
          "arn:${data.aws_partition.current.partition}:s3:::${var.source_bucket}/*",
        ]
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.source]
}

resource "aws_s3_bucket" "target" {
  count = local.makes_target ? 1 : 0

  bucket = var.target_bucket
  tags   = local.tags
}

resource "aws_s3_bucket_server_side_encryption_configuration" "target" {
  count = local.makes_target ? 1 : 0

  bucket = aws_s3_bucket.target[0].id

  rule {
    bucket_key_enabled = local.target_has_key ? true : false

    apply_server_side_encryption_by_default {
      sse_algorithm     = local.target_has_key ? "aws:kms" : "AES256"
      kms_master_key_id = local.target_has_key ? var.target_kms_key_arn : null
    }
  }
}

resource "aws_s3_bucket_public_access_block" "target" {
  count = local.makes_target ? 1 : 0

  bucket                  = aws_s3_bucket.target[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "target" {
  count = local.makes_target ? 1 : 0

  bucket = aws_s3_bucket.target[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "target" {
  count = local.makes_target ? 1 : 0

  bucket = aws_s3_bucket.target[0].id

  rule {
    id     = "abort-stale-multipart-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "delete-lists-for-batch-operations"
    status = "Enabled"

    filter {
      prefix = ".imgmill/batch/"
    }

    expiration {
      days = 30
    }
  }
}

resource "aws_s3_bucket_policy" "target" {
  count = local.makes_target ? 1 : 0

  bucket = aws_s3_bucket.target[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource = [
          "arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}",
          "arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}/*",
        ]
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.target]
}

# Exactly what the function needs: a test compares this with every call of a recorded run.
resource "aws_iam_role" "function" {
  name_prefix = "${substr(local.name, 0, 28)}-function-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "lambda.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })
  permissions_boundary = local.has_boundary ? var.permissions_boundary_arn : null
  tags                 = local.tags
}

resource "aws_iam_role_policy" "function" {
  name = "imgmill"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for v in [
      {
        Sid      = "ReadSource"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = local.some_of_source ? var.source_object_arns : ["arn:${data.aws_partition.current.partition}:s3:::${var.source_bucket}/*"]
      },
      local.reads_tags ? {
        Sid      = "ReadTagsOfSource"
        Effect   = "Allow"
        Action   = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]
        Resource = local.some_of_source ? var.source_object_arns : ["arn:${data.aws_partition.current.partition}:s3:::${var.source_bucket}/*"]
      } : null,
      local.asks_rekognition ? {
        Sid      = "AskRekognition"
        Effect   = "Allow"
        Action   = ["rekognition:DetectModerationLabels"]
        Resource = "*"
      } : null,
      {
        Sid      = "WriteAndReadTarget"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:GetObject"]
        Resource = local.some_of_target ? var.target_object_arns : ["arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}/*"]
      },
      {
        Sid    = "ListAndTellMissingObjects"
        Effect = "Allow"
        Action = ["s3:ListBucket"]
        Resource = [
          "arn:${data.aws_partition.current.partition}:s3:::${var.source_bucket}",
          "arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}",
        ]
      },
      local.deletes ? {
        Sid      = "RemoveVariants"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = local.some_of_target ? var.target_object_arns : ["arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}/*"]
      } : null,
      local.sets_tags ? {
        Sid      = "TagVariants"
        Effect   = "Allow"
        Action   = ["s3:PutObjectTagging"]
        Resource = local.some_of_target ? var.target_object_arns : ["arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}/*"]
      } : null,
      local.sets_acl ? {
        Sid      = "SetAclOfVariants"
        Effect   = "Allow"
        Action   = ["s3:PutObjectAcl"]
        Resource = local.some_of_target ? var.target_object_arns : ["arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}/*"]
      } : null,
      local.source_has_key ? {
        Sid      = "DecryptSource"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = var.source_kms_key_arn
        Condition = {
          StringEquals = {
            "kms:ViaService" = "s3.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}"
          }
        }
      } : null,
      local.tells ? {
        Sid      = "RemoveSentEvents"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = "arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}/.imgmill/unsent/*"
      } : null,
      local.tells_buses ? {
        Sid      = "TellEventBuses"
        Effect   = "Allow"
        Action   = ["events:PutEvents"]
        Resource = var.notify_bus_arns
      } : null,
      local.tells_topics ? {
        Sid      = "TellTopics"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = var.notify_topic_arns
      } : null,
      local.tells_queues ? {
        Sid      = "TellQueues"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = var.notify_queue_arns
      } : null,
      local.reads_target ? (local.target_has_key ? {
        Sid      = "DecryptRecordsOverlaysAndUnsentEvents"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = var.target_kms_key_arn
        Condition = {
          StringEquals = {
            "kms:ViaService" = "s3.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}"
          }
        }
      } : null) : null,
      local.target_has_key ? {
        Sid      = "EncryptTarget"
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey"]
        Resource = var.target_kms_key_arn
        Condition = {
          StringEquals = {
            "kms:ViaService" = "s3.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}"
          }
        }
      } : null,
      {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.function.arn}:*"
      },
      {
        Sid      = "KeepFailures"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = aws_sqs_queue.failures.arn
      },
      local.queued ? {
        Sid      = "TakeWork"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.work[0].arn
      } : null,
    ] : v if v != null]
  })
}

# For `imgmill sync --via s3-batch`: S3 Batch Operations read a list of pictures and invoke the function for each.
resource "aws_iam_role" "batch" {
  name_prefix = "${substr(local.name, 0, 28)}-batch-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "batchoperations.s3.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })
  permissions_boundary = local.has_boundary ? var.permissions_boundary_arn : null
  tags                 = local.tags
}

resource "aws_iam_role_policy" "batch" {
  name = "imgmill"
  role = aws_iam_role.batch.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for v in [
      {
        Sid      = "ReadManifestAndWriteReport"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        Resource = "arn:${data.aws_partition.current.partition}:s3:::${var.target_bucket}/.imgmill/batch/*"
      },
      {
        Sid      = "InvokeFunction"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = aws_lambda_function.function.arn
      },
      local.target_has_key ? {
        Sid      = "UseTargetKey"
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = var.target_kms_key_arn
        Condition = {
          StringEquals = {
            "kms:ViaService" = "s3.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}"
          }
        }
      } : null,
    ] : v if v != null]
  })
}

resource "aws_lambda_function" "function" {
  function_name                  = local.name
  description                    = "imgmill: pictures from ${var.source_bucket} in every size of the recipe to ${var.target_bucket}"
  role                           = aws_iam_role.function.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.zip
  source_code_hash               = filebase64sha256(var.zip)
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = local.reserves ? var.reserved_concurrency : null
  tags                           = local.tags

  ephemeral_storage {
    size = var.ephemeral_storage_mb
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  environment {
    variables = merge({
      IMGMILL_SOURCE_BUCKET = var.source_bucket
      IMGMILL_TARGET_BUCKET = var.target_bucket
    }, local.has_secrets ? { IMGMILL_SECRETS = var.notify_secrets } : {})
  }

  lifecycle {
    precondition {
      condition     = var.source_bucket != var.target_bucket
      error_message = "Source and target must be two buckets: a function that writes to the bucket that triggers it calls itself endlessly."
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_function_recursion_config" "function" {
  function_name  = aws_lambda_function.function.function_name
  recursive_loop = "Terminate"
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

# S3's calls are asynchronous: after two more attempts, an event goes to the failure queue.
resource "aws_lambda_function_event_invoke_config" "function" {
  function_name                = aws_lambda_function.function.function_name
  qualifier                    = "$LATEST"
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures.arn
    }
  }
}

resource "aws_lambda_permission" "source" {
  count = local.direct ? 1 : 0

  function_name  = aws_lambda_function.function.function_name
  action         = "lambda:InvokeFunction"
  principal      = "s3.amazonaws.com"
  source_arn     = "arn:${data.aws_partition.current.partition}:s3:::${var.source_bucket}"
  source_account = data.aws_caller_identity.current.account_id
}

resource "aws_sqs_queue" "failures" {
  name                      = "${local.name}-failures"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = local.tags
}

resource "aws_sqs_queue_policy" "failures" {
  queue_url = aws_sqs_queue.failures.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.failures.arn
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })
}

resource "aws_sqs_queue" "work" {
  count = local.queued ? 1 : 0

  name                       = "${local.name}-work"
  visibility_timeout_seconds = 6 * var.timeout_seconds
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failures.arn
    maxReceiveCount     = 5
  })
  tags = local.tags
}

resource "aws_sqs_queue_policy" "work" {
  count = local.queued ? 1 : 0

  queue_url = aws_sqs_queue.work[0].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.work[0].arn
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
      {
        Sid    = "SourceBucketTells"
        Effect = "Allow"
        Principal = {
          Service = "s3.amazonaws.com"
        }
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.work[0].arn
        Condition = {
          ArnEquals = {
            "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:s3:::${var.source_bucket}"
          }
          StringEquals = {
            "aws:SourceAccount" = data.aws_caller_identity.current.account_id
          }
        }
      },
    ]
  })
}

resource "aws_lambda_event_source_mapping" "work" {
  count = local.queued ? 1 : 0

  function_name           = aws_lambda_function.function.function_name
  event_source_arn        = aws_sqs_queue.work[0].arn
  batch_size              = 2
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = local.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
}

resource "aws_sns_topic" "alarms" {
  count = local.mails ? 1 : 0

  name = "${local.name}-alarms"
  tags = local.tags
}

resource "aws_sns_topic_subscription" "alarms" {
  count = local.mails ? 1 : 0

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${local.name}-errors"
  alarm_description = "Invocations of ${local.name} end in errors. Bad pictures do not count: something else failed."
  namespace         = "AWS/Lambda"
  metric_name       = "Errors"
  dimensions = {
    FunctionName = aws_lambda_function.function.function_name
  }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.mails ? [aws_sns_topic.alarms[0].arn] : null
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  alarm_name        = "${local.name}-throttles"
  alarm_description = "${local.name} was throttled for 15 minutes. Lambda retries, but its concurrency limit, or the account's, is too low for the number of events."
  namespace         = "AWS/Lambda"
  metric_name       = "Throttles"
  dimensions = {
    FunctionName = aws_lambda_function.function.function_name
  }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.mails ? [aws_sns_topic.alarms[0].arn] : null
  tags                = local.tags
}

# Sooner than a bill: whoever may upload can keep the function busy.
resource "aws_cloudwatch_metric_alarm" "busy" {
  alarm_name        = "${local.name}-busy"
  alarm_description = "${local.name} worked for more than two hours within an hour, as two instances that never rest do. If you do not expect so many uploads, look at its log."
  namespace         = "AWS/Lambda"
  metric_name       = "Duration"
  dimensions = {
    FunctionName = aws_lambda_function.function.function_name
  }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 7200000
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.mails ? [aws_sns_topic.alarms[0].arn] : null
  tags                = local.tags
}

# One metric of two filters: 1 for a bad picture, 0 for one that was made. Its average is the share of bad pictures.
resource "aws_cloudwatch_log_metric_filter" "bad_pictures" {
  name           = "${local.name}-bad-pictures"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.verdict = \"bad\" }"

  metric_transformation {
    namespace = "imgmill"
    name      = "${local.name}-bad-pictures"
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "made_pictures" {
  name           = "${local.name}-made-pictures"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.verdict = \"done\" }"

  metric_transformation {
    namespace = "imgmill"
    name      = "${local.name}-bad-pictures"
    value     = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "bad_pictures" {
  alarm_name          = "${local.name}-bad-pictures"
  alarm_description   = "For 15 minutes, ${local.name} has not been able to process more than a fifth of the pictures. 'imgmill failures' shows the reasons."
  namespace           = "imgmill"
  metric_name         = "${local.name}-bad-pictures"
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.2
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.mails ? [aws_sns_topic.alarms[0].arn] : null
  tags                = local.tags
}

# The function lists both buckets, reads a sample of marks, and logs the number of faults. It is not invoked again if it
# fails: the next night is another attempt, and the alarm has rung.
resource "aws_scheduler_schedule" "audit" {
  count = local.audits ? 1 : 0

  name                = "${local.name}-audit"
  schedule_expression = var.audit_schedule

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.function.arn
    role_arn = aws_iam_role.audit[0].arn
    input    = "{\"imgmill\":\"audit\"}"

    retry_policy {
      maximum_retry_attempts = 0
    }
  }
}

resource "aws_iam_role" "audit" {
  count = local.audits ? 1 : 0

  name_prefix = "${substr(local.name, 0, 28)}-audit-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "scheduler.amazonaws.com"
        }
        Action = "sts:AssumeRole"
        Condition = {
          StringEquals = {
            "aws:SourceAccount" = data.aws_caller_identity.current.account_id
          }
        }
      },
    ]
  })
  permissions_boundary = local.has_boundary ? var.permissions_boundary_arn : null
  tags                 = local.tags
}

resource "aws_iam_role_policy" "audit" {
  count = local.audits ? 1 : 0

  name = "imgmill"
  role = aws_iam_role.audit[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "InvokeFunction"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = aws_lambda_function.function.arn
      },
    ]
  })
}

resource "aws_cloudwatch_log_metric_filter" "audit" {
  count = local.audits ? 1 : 0

  name           = "${local.name}-audit"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.msg = \"audit\" }"

  metric_transformation {
    namespace = "imgmill"
    name      = "${local.name}-audit-faults"
    value     = "$.faults"
  }
}

resource "aws_cloudwatch_metric_alarm" "audit" {
  count = local.audits ? 1 : 0

  alarm_name          = "${local.name}-audit"
  alarm_description   = "An audit found uploads of ${local.name} whose variants are missing or stale, or could not end. 'imgmill audit' shows them, and 'imgmill sync' makes them."
  namespace           = "imgmill"
  metric_name         = "${local.name}-audit-faults"
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.mails ? [aws_sns_topic.alarms[0].arn] : null
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "failures_waiting" {
  alarm_name        = "${local.name}-failures-waiting"
  alarm_description = "Failed events are pending in ${local.name}-failures."
  namespace         = "AWS/SQS"
  metric_name       = "ApproximateNumberOfMessagesVisible"
  dimensions = {
    QueueName = aws_sqs_queue.failures.name
  }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.mails ? [aws_sns_topic.alarms[0].arn] : null
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "oldest_failure" {
  alarm_name        = "${local.name}-oldest-failure"
  alarm_description = "A failed event has been in ${local.name}-failures for 10 days; it is lost after 14."
  namespace         = "AWS/SQS"
  metric_name       = "ApproximateAgeOfOldestMessage"
  dimensions = {
    QueueName = aws_sqs_queue.failures.name
  }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 864000
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.mails ? [aws_sns_topic.alarms[0].arn] : null
  tags                = local.tags
}

resource "aws_cloudwatch_dashboard" "imgmill" {
  dashboard_name = local.name
  dashboard_body = jsonencode({
    widgets = [
      {
        type   = "metric"
        x      = 0
        y      = 0
        width  = 12
        height = 6
        properties = {
          title  = "Invocations, errors, throttles"
          region = data.aws_region.current.region
          stat   = "Sum"
          period = 300
          metrics = [
            ["AWS/Lambda", "Invocations", "FunctionName", aws_lambda_function.function.function_name],
            ["AWS/Lambda", "Errors", "FunctionName", aws_lambda_function.function.function_name],
            ["AWS/Lambda", "Throttles", "FunctionName", aws_lambda_function.function.function_name],
          ]
        }
      },
      {
        type   = "metric"
        x      = 12
        y      = 0
        width  = 12
        height = 6
        properties = {
          title  = "Duration"
          region = data.aws_region.current.region
          period = 300
          metrics = [
            [
              "AWS/Lambda",
              "Duration",
              "FunctionName",
              aws_lambda_function.function.function_name,
              { stat = "p50" },
            ],
            [
              "AWS/Lambda",
              "Duration",
              "FunctionName",
              aws_lambda_function.function.function_name,
              { stat = "p99" },
            ],
            [
              "AWS/Lambda",
              "Duration",
              "FunctionName",
              aws_lambda_function.function.function_name,
              { stat = "Maximum" },
            ],
          ]
        }
      },
      {
        type   = "metric"
        x      = 0
        y      = 6
        width  = 12
        height = 6
        properties = {
          title  = "Concurrency"
          region = data.aws_region.current.region
          stat   = "Maximum"
          period = 300
          metrics = [
            [
              "AWS/Lambda",
              "ConcurrentExecutions",
              "FunctionName",
              aws_lambda_function.function.function_name,
            ],
          ]
        }
      },
      {
        type   = "metric"
        x      = 12
        y      = 6
        width  = 12
        height = 6
        properties = {
          title  = "Pending, and the age of the oldest in seconds"
          region = data.aws_region.current.region
          stat   = "Maximum"
          period = 300
          metrics = [for m in [
            [
              "AWS/SQS",
              "ApproximateNumberOfMessagesVisible",
              "QueueName",
              aws_sqs_queue.failures.name,
            ],
            [
              "AWS/SQS",
              "ApproximateAgeOfOldestMessage",
              "QueueName",
              aws_sqs_queue.failures.name,
              { yAxis = "right" },
            ],
            local.queued ? ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.work[0].name] : null,
            local.queued ? [
              "AWS/SQS",
              "ApproximateAgeOfOldestMessage",
              "QueueName",
              aws_sqs_queue.work[0].name,
              { yAxis = "right" },
            ] : null,
          ] : m if m != null]
        }
      },
    ]
  })
}

# It counts costs by tag, which AWS records only once imgmill:name is activated as a cost allocation tag.
resource "aws_budgets_budget" "imgmill" {
  count = local.budgets ? 1 : 0

  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = var.monthly_budget_usd
  limit_unit   = "USD"
  tags         = local.tags

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:imgmill:name$%s", var.name)]
  }

  dynamic "notification" {
    for_each = local.mails ? [
      {
        notification_type          = "ACTUAL"
        comparison_operator        = "GREATER_THAN"
        threshold                  = 80
        threshold_type             = "PERCENTAGE"
        subscriber_email_addresses = [var.alarm_email]
      },
      {
        notification_type          = "FORECASTED"
        comparison_operator        = "GREATER_THAN"
        threshold                  = 100
        threshold_type             = "PERCENTAGE"
        subscriber_email_addresses = [var.alarm_email]
      },
    ] : []

    content {
      notification_type          = notification.value.notification_type
      comparison_operator        = notification.value.comparison_operator
      threshold                  = notification.value.threshold
      threshold_type             = notification.value.threshold_type
      subscriber_email_addresses = notification.value.subscriber_email_addresses
    }
  }
}
