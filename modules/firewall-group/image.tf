locals {
  # Product codes of VM-Series in AWS Marketplace, by license type.
  # https://github.com/PaloAltoNetworks/terraform-aws-swfw-modules/blob/main/modules/vmseries/README.md
  product_codes = {
    byol    = "6njl1pau431dv1qxipg63mvah"
    bundle1 = "e9yfvyj3uag5uo5j2hjikv74n"
    bundle2 = "hd44w1chf26uv4p52cdynb2o"
  }

  ami_id = coalesce(var.firewall.ami_id, one(data.aws_ami.this[*].id))
}

data "aws_ami" "this" {
  count = var.firewall.ami_id == null ? 1 : 0

  owners             = ["aws-marketplace"]
  most_recent        = true
  include_deprecated = var.firewall.include_deprecated

  # The version in an image name is followed by a hotfix, which is another version, or by an ID.
  name_regex = "^PA-VM-AWS-${replace(var.firewall.panos_version, ".", "\\.")}($|-[^h])"

  filter {
    name   = "name"
    values = ["PA-VM-AWS-${var.firewall.panos_version}*"]
  }

  filter {
    name   = "product-code"
    values = [local.product_codes[var.firewall.license_type]]
  }
}
