output "arns" {
  description = "ARNs of the secrets, by the same keys. The ARN of a secret that is gone is not valid, and only destroy uses it."
  value = {
    for key, arns in local.found : key => try(
      arns[0],
      "arn:aws:secretsmanager:${data.aws_region.current.id}:000000000000:secret:${var.names[key]}-absent",
    )
  }
}
