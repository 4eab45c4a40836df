output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "role" {
  description = "Name, ARN and policy ID of the function's role."
  value = {
    name      = aws_iam_role.this.name
    arn       = aws_iam_role.this.arn
    policy_id = aws_iam_role_policy.this.id
  }
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "statements" {
  description = "All IAM statements of the function, by `Sid`, each with its reason."
  value       = local.statements
}
