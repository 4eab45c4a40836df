output "arn" {
  description = "ARN of the Gateway Load Balancer."
  value       = aws_lb.this.arn
}

output "target_group_arn" {
  description = "ARN of the GENEVE target group. It is known once the listener stands, so that targets come to a load balancer that forwards."
  value       = aws_lb_target_group.this.arn

  depends_on = [aws_lb_listener.this]
}

output "endpoint_service" {
  description = "Endpoint service of the load balancer: name for the endpoints of other VPCs, and id."
  value = {
    name = aws_vpc_endpoint_service.this.service_name
    id   = aws_vpc_endpoint_service.this.id
  }
}
