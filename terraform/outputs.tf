# Made from internal/aws/template/template.yaml; edit it there.

output "source_bucket" {
  description = "The bucket that pictures are uploaded to."
  value       = var.source_bucket
}

output "target_bucket" {
  description = "The bucket that variants are written to."
  value       = var.target_bucket
}

output "function_name" {
  description = "The function."
  value       = aws_lambda_function.function.function_name
}

output "function_arn" {
  description = "The function's ARN, for notifications."
  value       = aws_lambda_function.function.arn
}

output "role_arn" {
  description = "The role that the function runs in."
  value       = aws_iam_role.function.arn
}

output "batch_role_arn" {
  description = "The role of jobs of S3 Batch Operations."
  value       = aws_iam_role.batch.arn
}

output "log_group" {
  description = "The function's log group."
  value       = aws_cloudwatch_log_group.function.name
}

output "failure_queue_url" {
  description = "The queue of failed events."
  value       = aws_sqs_queue.failures.url
}

output "work_queue_url" {
  description = "The queue of pending events."
  value       = one(aws_sqs_queue.work[*].url)
}

output "work_queue_arn" {
  description = "The work queue's ARN, for notifications."
  value       = one(aws_sqs_queue.work[*].arn)
}

output "trigger" {
  description = "direct or queue."
  value       = var.trigger
}

output "notifications" {
  description = "What the source bucket must notify the function of, or the work queue if there is one, for a source bucket whose notifications the module does not manage."
  value       = local.notifications
}
