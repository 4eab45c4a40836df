variable "name" {
  description = "Name of the deployment; the layer is named after it."
  type        = string
  nullable    = false
}

variable "layer_arn" {
  description = "A layer version that holds the dependencies already; nothing is built or made then."
  type        = string
  default     = null
}

variable "filename" {
  description = "The layer's archive, built elsewhere, e.g. by `python3 lambda/build.py layer --output dependencies.zip`; nothing is built at apply then."
  type        = string
  default     = null
}

variable "python" {
  description = "Python 3.11 or newer that builds the archive at apply."
  type        = string
  default     = "python3"
  nullable    = false
}

variable "tags" {
  description = "Tags by which the Auto Scaling group of this deployment is found."
  type        = map(string)
  nullable    = false
}
