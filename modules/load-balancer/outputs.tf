output "arn" {
  description = "ARN of the Gateway Load Balancer."
  value       = aws_lb.this.arn

  precondition {
    condition     = length(local.missing_subnet_ids) == 0
    error_message = <<-EOT
      The Gateway Load Balancer ${var.name} has ${join(", ", local.missing_subnet_ids)}, and keeps it for its whole life:
      AWS adds subnets to a Gateway Load Balancer and removes none. Firewalls can leave without it. Set
      load_balancer = { subnet_ids = {
        ${join("\n  ", [for zone, id in local.required_subnet_ids : "${zone} = \"${id}\""])}
      } }
    EOT
  }
}

output "target_group_arn" {
  description = <<-EOT
    ARN of the GENEVE target group.
    It depends on the listener, so that targets are registered with a load balancer that forwards.
  EOT
  value       = aws_lb_target_group.this.arn

  depends_on = [aws_lb_listener.this]
}

output "endpoint_service" {
  description = "Name and ID of the endpoint service of the load balancer."
  value = {
    name = aws_vpc_endpoint_service.this.service_name
    id   = aws_vpc_endpoint_service.this.id
  }
}
