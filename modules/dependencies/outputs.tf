output "layer_arn" {
  description = "Version of the layer that the functions run with."
  value       = local.make ? one(aws_lambda_layer_version.this[*].arn) : var.layer_arn
}

output "group_tags" {
  description = "Tags by which the Auto Scaling group says that this layer is uploaded; the group must be written after everything that runs with the layer."
  value       = local.build ? local.tag : {}
}
