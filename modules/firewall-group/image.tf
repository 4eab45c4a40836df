locals {
  # VM-Series in AWS Marketplace: how the names of its images begin, and its product codes by license type. Images for
  # Graviton have a product of their own, of which only the code of the BYOL listing is certain.
  # https://docs.paloaltonetworks.com/vm-series/11-0/vm-series-deployment/set-up-the-vm-series-firewall-on-aws/deploy-the-vm-series-firewall-on-aws/obtain-the-ami/get-amazon-machine-image-ids
  marketplace = {
    x86_64 = {
      prefix = "PA-VM-AWS"
      product_codes = {
        byol    = "6njl1pau431dv1qxipg63mvah"
        bundle1 = "e9yfvyj3uag5uo5j2hjikv74n"
        bundle2 = "hd44w1chf26uv4p52cdynb2o"
      }
    }
    arm64 = {
      prefix        = "PA-VMARM-AWS"
      product_codes = { byol = "70xbkm08ivye46l4gfa6c85v7" }
    }
  }

  # The architecture of the instance type, by its name: a g after the generation stands for Graviton, as in m7g and c6gn.
  # The image is replaced with the architecture, so it must be known in every plan. What a data source shows is not: if
  # the module has a depends_on on which changes are pending, Terraform reads it during the apply.
  # https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
  architecture       = can(regex("^(a1|[a-z]+[0-9]+g[a-z]*)\\.", var.firewall.instance_type)) ? "arm64" : "x86_64"
  other_architecture = local.architecture == "arm64" ? "x86_64" : "arm64"

  listing      = local.marketplace[local.architecture]
  product_code = lookup(local.listing.product_codes, var.firewall.license_type, null)
  by_version   = nonsensitive(var.firewall.panos_version != null)

  image_id = local.by_version ? one(terraform_data.image[*].output) : var.firewall.ami_id
}

# The images of the version, the newest first. aws_ami would fail if there is none, and with it each plan and each
# destroy of a running deployment: AWS hides an image two years after its publication at the latest, and its owner can
# remove it earlier.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html
data "aws_ami_ids" "marketplace" {
  count = local.by_version && nonsensitive(local.product_code != null) ? 1 : 0

  owners             = ["aws-marketplace"]
  include_deprecated = coalesce(var.firewall.include_deprecated, true)

  # The version in an image name is followed by a hotfix, which is another version, or by an ID.
  name_regex = "^${local.listing.prefix}-${replace(var.firewall.panos_version, ".", "\\.")}($|-[^h])"

  filter {
    name   = "name"
    values = ["${local.listing.prefix}-${var.firewall.panos_version}*"]
  }

  filter {
    name   = "product-code"
    values = [local.product_code]
  }
}

# The image that was the newest one of its version when the version was chosen. It stays the same when the version is
# published again, which would otherwise replace all firewalls, and when its image is deprecated or removed.
resource "terraform_data" "image" {
  count = local.by_version ? 1 : 0

  input            = try(data.aws_ami_ids.marketplace[0].ids[0], null)
  triggers_replace = [var.firewall.panos_version, var.firewall.license_type, local.architecture]

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input != null
      error_message = <<-EOT
        AWS Marketplace shows no VM-Series image for firewall.panos_version = "${var.firewall.panos_version}",
        firewall.license_type = "${var.firewall.license_type}" and the architecture of ${var.firewall.instance_type},
        ${local.architecture}, in ${var.location.region}.
        Accept the offer of this license type in AWS Marketplace, or set another version that is published in this
        Region${coalesce(var.firewall.include_deprecated, true) ? "" : ", or include_deprecated = true"}, or ami_id.
        If an apply has failed with this message, also add
        -replace='module.<your name>.module.firewall_group.terraform_data.image[0]' to the next one.
        The lookup knows Graviton images (arm64) with license_type = "byol" only.
        To list the versions: aws ec2 describe-images --region ${var.location.region} --owners aws-marketplace
        --filters Name=name,Values='${local.listing.prefix}-*' --query 'Images[].Name'
      EOT
    }
  }
}

# An image of the wrong architecture. The provider has no way to read an image that does not fail when the image is gone,
# so this asks for an image of the other architecture. It does not see images that other accounts share.
data "aws_ami_ids" "of_other_architecture" {
  count = local.by_version ? 0 : 1

  owners             = ["self", "aws-marketplace"]
  include_deprecated = true

  filter {
    name   = "image-id"
    values = [var.firewall.ami_id]
  }

  filter {
    name   = "architecture"
    values = [local.other_architecture]
  }
}
