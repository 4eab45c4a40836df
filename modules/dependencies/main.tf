locals {
  # What the archive must be is committed beside the locked requirements: its digest, size and a file name that carries the digest.
  locked = jsondecode(file("${path.module}/../../lambda/layer/layer.json"))

  make  = var.layer_arn == null
  build = local.make && var.filename == null

  # Outside of the module's folder, which may be shared and read-only. A known string, so that no plan needs the file.
  archive = coalesce(var.filename, "${path.root}/.terraform/vmseries-autoscale/${local.locked.file}")

  # The group carries the digest of the layer that its functions run with. It is written last (the group comes after the functions), so
  # a group under this tag says that a layer with this digest was uploaded.
  tag      = { "vmseries-autoscale:dependencies" = local.locked.sha256 }
  uploaded = length(flatten(data.aws_autoscaling_groups.uploaded[*].names)) > 0
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

# Builds the archive from the locked requirements, on the machine that applies. The builder does nothing where the archive already has
# the locked digest.
resource "terraform_data" "build" {
  count = local.build ? 1 : 0

  # The archive lies on one machine only. Were the digest the only trigger, an apply that fails between build and upload could not be
  # finished on another machine: the state says "built", and the file is not there. So until the upload is proven the trigger
  # is a value that Terraform cannot know at plan (uuid) and that becomes the same constant at apply: the build is repeated in each
  # apply, and once the layer is uploaded the trigger is that constant and no plan shows anything.
  triggers_replace = [local.locked.sha256, local.uploaded ? "built" : uuid() == "" ? "" : "built"]

  provisioner "local-exec" {
    command = "\"${var.python}\" \"${path.module}/../../lambda/build.py\" layer --output \"${local.archive}\""
  }
}

# No runtimes and no architectures are named: everything in it is pure Python.
resource "aws_lambda_layer_version" "this" {
  count = local.make ? 1 : 0

  layer_name       = "${var.name}-dependencies"
  description      = "Third-party Python of vmseries-autoscale, ${substr(local.locked.sha256, 0, 16)}"
  filename         = local.archive
  source_code_hash = local.locked.base64sha256

  depends_on = [terraform_data.build]

  lifecycle {
    # Functions move to the new version before the old one goes.
    create_before_destroy = true

    # Where the archive happened to lie does not make another layer; its digest does.
    ignore_changes = [filename]

    postcondition {
      condition     = self.code_sha256 == local.locked.base64sha256
      error_message = "The archive that was uploaded as layer ${var.name}-dependencies is not the locked one: its SHA-256 is ${self.code_sha256}, lambda/layer/layer.json says ${local.locked.base64sha256}. Build it again with `python3 lambda/build.py layer`."
    }
  }
}
