locals {
  # The locked archive: its digest, its size and a file name with the digest are committed with the locked requirements.
  locked = jsondecode(file("${path.module}/../../lambda/layer/layer.json"))

  # Whether the objects are there is known in every plan. Their values may be unknown or sensitive.
  create_layer = nonsensitive(var.layer == null)
  build        = local.create_layer && nonsensitive(var.archive == null)

  # Outside of the module's folder, which may be shared and read-only. Known at plan time, so that a plan does not need
  # the file.
  archive = try(var.archive.filename, "${path.root}/.terraform/vmseries-autoscale/${local.locked.file}")

  # The Auto Scaling group has the digest of the functions' layer as a tag. It is created after the functions, so a
  # group with this tag proves that a layer with this digest was uploaded.
  tag      = { "vmseries-autoscale:dependencies" = local.locked.sha256 }
  uploaded = length(flatten(data.aws_autoscaling_groups.uploaded[*].names)) > 0

  # Whether the file is present is known in every plan, unlike the group: Terraform does not read a data source during a
  # plan if the module has a depends_on on which changes are pending. A conditional, because `true || unknown` is unknown
  # before Terraform 1.12.
  present = try(filesha256(local.archive) == local.locked.sha256, false)
  built   = local.present ? true : local.uploaded
}

data "aws_autoscaling_groups" "uploaded" {
  count = local.build ? 1 : 0

  dynamic "filter" {
    for_each = merge({ "vmseries-autoscale:deployment" = var.tags["vmseries-autoscale:deployment"] }, local.tag)

    content {
      name   = "tag:${filter.key}"
      values = [filter.value]
    }
  }
}

# Builds the archive from the locked requirements on the machine that runs Terraform. The builder does nothing if the
# archive already has the locked digest.
resource "terraform_data" "build" {
  count = local.build ? 1 : 0

  # The archive exists on one machine only. With the digest as the only trigger, an apply that fails between build and
  # upload could not be completed on another machine: the state says "built", but the file is missing. So while the file
  # is missing and the upload is not proven, the trigger is unknown at plan time (uuid) and becomes the same constant at
  # apply: each apply repeats the build. Otherwise the trigger is that constant, and plans show no change.
  triggers_replace = [local.locked.sha256, local.built ? "built" : uuid() == "" ? "" : "built"]

  # Without a shell, whose rules for quotes differ by system. Terraform appends the command to the interpreter.
  # https://developer.hashicorp.com/terraform/language/resources/provisioners/local-exec
  provisioner "local-exec" {
    interpreter = [var.python, "${path.module}/../../lambda/build.py", "layer", "--output"]
    command     = local.archive
  }
}

# No compatible runtimes or architectures: all packages are pure Python.
resource "aws_lambda_layer_version" "this" {
  count = local.create_layer ? 1 : 0

  layer_name       = "${var.name}-dependencies"
  description      = "Third-party Python of vmseries-autoscale, ${substr(local.locked.sha256, 0, 16)}"
  filename         = local.archive
  source_code_hash = local.locked.base64sha256

  depends_on = [terraform_data.build]

  lifecycle {
    # The functions use the new version before the old one is deleted.
    create_before_destroy = true

    # The digest identifies the layer, not the path of the archive.
    ignore_changes = [filename]

    postcondition {
      condition     = self.code_sha256 == local.locked.base64sha256
      error_message = <<-EOT
        The archive uploaded as layer ${var.name}-dependencies is not the locked one: its SHA-256 is ${self.code_sha256}, but
        lambda/layer/layer.json has ${local.locked.base64sha256}.
        Build it again with `python3 lambda/build.py layer`.
      EOT
    }
  }
}
