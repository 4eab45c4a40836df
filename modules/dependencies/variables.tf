variable "name" {
  description = "Name of the deployment, and prefix of the layer's name."
  type        = string
  nullable    = false
}

variable "layer" {
  description = "Existing layer version with the packages. Null creates one."
  type        = object({ arn = string })
  default     = null
}

variable "archive" {
  description = <<-EOT
    Layer archive, built with `python3 lambda/build.py layer --output FILE`.
    Null builds it at apply.
  EOT
  type        = object({ filename = string })
  default     = null
}

variable "python" {
  description = "Python interpreter, 3.9 or newer, that builds the archive at apply."
  type        = string
  default     = "python3"
  nullable    = false
}

variable "tags" {
  description = "Tags of the deployment, by which its Auto Scaling group is found."
  type        = map(string)
  nullable    = false
}
