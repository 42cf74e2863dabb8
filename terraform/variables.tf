# Made from internal/aws/template/template.yaml; edit it there.

variable "name" {
  type        = string
  description = "The deployment's name. Function, queues and alarms are named imgmill-NAME, and everything is tagged imgmill:name=NAME."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "Use 3 to 40 of the characters a-z, 0-9 and -, start with a letter, and do not end with -."
  }
}

variable "zip" {
  type        = string
  description = "The path of the function's zip, which imgmill package writes."
}

variable "suffixes" {
  type        = list(string)
  description = "Suffixes of the keys that notify the function. S3 distinguishes upper and lower case. Without any, every object notifies it, and it ignores what is not a picture."
  default     = []
}

variable "prefix" {
  type        = string
  description = "The start of the keys that notify the function, as S3 stores it in a notification: with + for a space."
  default     = null
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything that can have some, besides imgmill:name."
  default     = {}
}

variable "source_bucket" {
  type        = string
  description = "The bucket that pictures are uploaded to."

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$", var.source_bucket))
    error_message = "It has the form [a-z0-9][a-z0-9.-]{1,61}[a-z0-9]."
  }
}

variable "target_bucket" {
  type        = string
  description = "The bucket that variants are written to. It must not be the source bucket."

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$", var.target_bucket))
    error_message = "It has the form [a-z0-9][a-z0-9.-]{1,61}[a-z0-9]."
  }
}

variable "create_source_bucket" {
  type        = bool
  description = "true creates the source bucket; false uses an existing one."
  default     = true
}

variable "create_target_bucket" {
  type        = bool
  description = "true creates the target bucket; false uses an existing one."
  default     = true
}

variable "architecture" {
  type        = string
  description = "The processor that the zip was built for."
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Use one of arm64, x86_64."
  }
}

variable "memory_mb" {
  type        = number
  description = "The function's memory in MB. 1769 MB come with one processor core; less memory comes with less of a core."
  default     = 1769

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "Use 128 to 10240."
  }
}

variable "timeout_seconds" {
  type        = number
  description = "The function's timeout for one event. The recipe's own limit for a picture, 60 s by default, must fit in."
  default     = 120

  validation {
    condition     = contains([60, 120, 180, 300, 600, 900], var.timeout_seconds)
    error_message = "Use one of 60, 120, 180, 300, 600, 900."
  }
}

variable "ephemeral_storage_mb" {
  type        = number
  description = "The size of the function's /tmp in MB. The function writes nothing there; 512 costs nothing."
  default     = 512

  validation {
    condition     = var.ephemeral_storage_mb >= 512 && var.ephemeral_storage_mb <= 10240
    error_message = "Use 512 to 10240."
  }
}

variable "trigger" {
  type        = string
  description = "With direct, S3 calls Lambda; with queue, an SQS queue between them absorbs bursts larger than the concurrency."
  default     = "direct"

  validation {
    condition     = contains(["direct", "queue"], var.trigger)
    error_message = "Use one of direct, queue."
  }
}

variable "maximum_concurrency" {
  type        = number
  description = "With trigger=queue, the maximum number of instances of the function at a time."
  default     = 10

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "Use 2 to 1000."
  }
}

variable "reserved_concurrency" {
  type        = number
  description = "Instances reserved for the function, which is also its limit; with trigger=queue, not fewer than maximum_concurrency. 0 reserves none, as in a new account, which cannot."
  default     = 10

  validation {
    condition     = var.reserved_concurrency >= 0
    error_message = "The minimum is 0."
  }
}

variable "manage_notifications" {
  type        = bool
  description = "true writes the notifications of the source bucket, and removes those that others have written there: Terraform knows one configuration for a bucket. false leaves them to you; the output notifications lists them."
  default     = true
}

variable "permissions_boundary_arn" {
  type        = string
  description = "ARN of the IAM policy that is the permissions boundary of every role in this stack. Leave it empty for none."
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^(arn:[a-z-]+:iam::[0-9a-z]+:policy/.+)$", var.permissions_boundary_arn))
    error_message = "It has the form arn:[a-z-]+:iam::[0-9a-z]+:policy/.+."
  }
}

variable "source_object_arns" {
  type        = list(string)
  description = "ARNs of the objects of the source bucket that the recipe reads, with commas between them and a star after a prefix. Leave it empty for all."
  default     = []

  validation {
    condition     = alltrue([for v in var.source_object_arns : can(regex("^(arn:[a-z-]+:s3:::.+)$", v))])
    error_message = "Each value has the form arn:[a-z-]+:s3:::.+."
  }
}

variable "target_object_arns" {
  type        = list(string)
  description = "ARNs of the objects of the target bucket that the recipe reads and writes, with commas between them and a star after a prefix. Leave it empty for all."
  default     = []

  validation {
    condition     = alltrue([for v in var.target_object_arns : can(regex("^(arn:[a-z-]+:s3:::.+)$", v))])
    error_message = "Each value has the form arn:[a-z-]+:s3:::.+."
  }
}

variable "on_remove" {
  type        = string
  description = "The same as on_remove in the recipe. Only remove, remove_replaced, gate_tags and gate_rekognition allow the function to delete from the target bucket."
  default     = "keep"

  validation {
    condition     = contains(["keep", "remove"], var.on_remove)
    error_message = "Use one of keep, remove."
  }
}

variable "remove_replaced" {
  type        = bool
  description = "true if keys of variants contain a {hash}. The function then deletes what target.keep_replaced no longer keeps."
  default     = false
}

variable "set_tags" {
  type        = bool
  description = "true if the recipe has target.tags. Only true allows the function to tag what it writes."
  default     = false
}

variable "set_acl" {
  type        = bool
  description = "true if the recipe has target.acl. Only true allows the function to set the ACL of what it writes."
  default     = false
}

variable "read_overlays" {
  type        = bool
  description = "true if the recipe has watermarks. With target_kms_key_arn, only true allows the function to read their overlays in the target bucket."
  default     = false
}

variable "notify" {
  type        = bool
  description = "true if the recipe has notify. Only true allows the function to remove events from .imgmill/unsent/ once they are sent."
  default     = false
}

variable "notify_bus_arns" {
  type        = list(string)
  description = "ARNs of the event buses that the recipe's notify names, with commas between them."
  default     = []

  validation {
    condition     = alltrue([for v in var.notify_bus_arns : can(regex("^(arn:[a-z-]+:events:[^:*]+:[0-9]+:event-bus/[^*]+)$", v))])
    error_message = "Each value has the form arn:[a-z-]+:events:[^:*]+:[0-9]+:event-bus/[^*]+."
  }
}

variable "notify_topic_arns" {
  type        = list(string)
  description = "ARNs of the SNS topics that the recipe's notify names, with commas between them."
  default     = []

  validation {
    condition     = alltrue([for v in var.notify_topic_arns : can(regex("^(arn:[a-z-]+:sns:[^*]+)$", v))])
    error_message = "Each value has the form arn:[a-z-]+:sns:[^*]+."
  }
}

variable "notify_queue_arns" {
  type        = list(string)
  description = "ARNs of the SQS queues that the recipe's notify names, with commas between them."
  default     = []

  validation {
    condition     = alltrue([for v in var.notify_queue_arns : can(regex("^(arn:[a-z-]+:sqs:[^*]+)$", v))])
    error_message = "Each value has the form arn:[a-z-]+:sqs:[^*]+."
  }
}

variable "notify_secrets" {
  type        = string
  description = "Secrets of the recipe's notify as NAME=VALUE, where NAME is its secret_env, with spaces between them. They become a variable of the function's environment, and Terraform keeps them in its state."
  sensitive   = true
  default     = null

  validation {
    condition     = var.notify_secrets == null || can(regex("^([A-Za-z][A-Za-z0-9_]*=[^ ]+( [A-Za-z][A-Za-z0-9_]*=[^ ]+)*)$", var.notify_secrets))
    error_message = "It has the form [A-Za-z][A-Za-z0-9_]*=[^ ]+( [A-Za-z][A-Za-z0-9_]*=[^ ]+)*."
  }
}

variable "focal_tag" {
  type        = bool
  description = "true if the recipe has focal_tag. Only true, and gate_tags, allow the function to read tags of the source."
  default     = false
}

variable "gate_tags" {
  type        = bool
  description = "true if the recipe has gates.tag. Only true allows the function to read tags of the source and to delete variants of what is refused."
  default     = false
}

variable "gate_rekognition" {
  type        = bool
  description = "true if the recipe has gates.rekognition. Only true allows the function to ask Rekognition, at $1 for a thousand pictures, and to delete variants of what is refused."
  default     = false
}

variable "log_retention_days" {
  type        = number
  description = "Days until the function's log lines are deleted."
  default     = 14

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Use one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "audit_schedule" {
  type        = string
  description = "When the function compares both buckets, such as cron(0 3 * * ? *) in UTC or rate(1 day). Leave it empty for never."
  default     = null

  validation {
    condition     = var.audit_schedule == null || can(regex("^((rate|cron)\\(.+\\))$", var.audit_schedule))
    error_message = "It has the form (rate|cron)\\(.+\\)."
  }
}

variable "source_kms_key_arn" {
  type        = string
  description = "ARN of the KMS key that encrypts the source bucket. Leave it empty for a key that S3 manages."
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^(arn:[a-z-]+:kms:.+:key/.+)$", var.source_kms_key_arn))
    error_message = "It has the form arn:[a-z-]+:kms:.+:key/.+."
  }
}

variable "target_kms_key_arn" {
  type        = string
  description = "ARN of the KMS key that encrypts the target bucket. Leave it empty for a key that S3 manages."
  default     = null

  validation {
    condition     = var.target_kms_key_arn == null || can(regex("^(arn:[a-z-]+:kms:.+:key/.+)$", var.target_kms_key_arn))
    error_message = "It has the form arn:[a-z-]+:kms:.+:key/.+."
  }
}

variable "alarm_email" {
  type        = string
  description = "Address that alarms are sent to, once it is confirmed. Leave it empty to show alarms only in CloudWatch."
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^([^@ ]+@[^@ ]+)$", var.alarm_email))
    error_message = "It has the form [^@ ]+@[^@ ]+."
  }
}

variable "monthly_budget_usd" {
  type        = number
  description = "Notify alarm_email when the cost of a month approaches this amount. 0 sets no budget."
  default     = 0

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "The minimum is 0."
  }
}
