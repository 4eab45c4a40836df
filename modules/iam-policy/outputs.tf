output "json" {
  description = "Policy document as JSON, with one statement per Sid."
  value       = local.document
}
