output "json" {
  description = "Policy document as JSON, with one Allow statement per Sid."
  value       = local.document
}
