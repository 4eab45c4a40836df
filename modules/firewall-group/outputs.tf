output "autoscaling_group" {
  description = "Name and ARN of the Auto Scaling group."
  value = {
    name = aws_autoscaling_group.this.name
    arn  = aws_autoscaling_group.this.arn
  }
}

output "launch_template" {
  description = "ID and latest version of the launch template."
  value = {
    id             = aws_launch_template.this.id
    latest_version = aws_launch_template.this.latest_version
  }
}

output "generation" {
  description = "Value of the generation tag of firewalls that are launched now."
  value       = local.generation
}

output "ami_id" {
  description = "ID of the firewalls' image."
  value       = local.image_id
}

output "instance_role" {
  description = "Name and ARN of the firewalls' role. Null with the user's own instance profile."
  value       = var.firewall.instance_profile == null ? { name = aws_iam_role.this.name, arn = aws_iam_role.this.arn } : null
}

output "security_group_ids" {
  description = "ID of each security group that the module created, by role."
  value       = { for role, group in aws_security_group.this : role => group.id }
}

output "load_balancer_rule_ids" {
  description = "IDs of the security group rules that the load balancer needs."
  value = concat(
    values(aws_vpc_security_group_ingress_rule.load_balancer)[*].id,
    values(aws_vpc_security_group_egress_rule.data)[*].id,
  )
}

output "interface_security_group_ids" {
  description = "Security group IDs of all interfaces, by interface name."
  value       = { for name, interface in local.interfaces : name => interface.security_group_ids }
}

output "user_data" {
  description = "User data of the firewalls."
  value       = local.user_data
  sensitive   = true

  # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
  precondition {
    condition     = length(local.user_data) <= 16384
    error_message = <<-EOT
      The user data that bootstrap.options makes is longer than 16,384 characters, which is EC2's limit.
      Use fewer or shorter options, or store them in a secret and set bootstrap = { secret = { arn = … } }.
    EOT
  }
}
