output "layer_arn" {
  description = "ARN of the layer version of the functions."
  value       = local.create_layer ? one(aws_lambda_layer_version.this[*].arn) : var.layer.arn
}

output "group_tags" {
  description = <<-EOT
    Tags for the Auto Scaling group that prove the upload of this layer.
    Create the group after everything that uses the layer.
  EOT
  value       = local.build ? local.tag : {}
}
