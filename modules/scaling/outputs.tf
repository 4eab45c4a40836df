output "policies" {
  description = "ARN of each scaling policy, by its name in AWS."
  value = {
    for policy in concat(values(aws_autoscaling_policy.target_tracking), values(aws_autoscaling_policy.step)) :
    policy.name => policy.arn
  }
}
