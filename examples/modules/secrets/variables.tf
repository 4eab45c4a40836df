variable "names" {
  description = "Names of the secrets, by keys of your choice."
  type        = map(string)
  nullable    = false
}
