locals {
  # Everything that a firewall gets only at its launch, except for tags and subnets. Credentials are left out, because a
  # digest in a tag would allow anyone to test guesses.
  launch_settings = {
    image_id         = local.image_id
    instance_type    = var.firewall.instance_type
    key_name         = var.firewall.key_name
    instance_profile = local.instance_profile_name
    root_volume      = var.firewall.root_volume
    monitoring       = var.firewall.detailed_monitoring
    user_data        = [for pair in local.user_data_pairs : pair if !contains(local.credentials, pair.key)]
    # By device index and not by name, which a firewall does not know.
    interfaces = { for interface in values(var.interfaces) : interface.device_index => {
      role               = interface.role
      security_group_ids = interface.security_group_ids == null ? ["module"] : sort(interface.security_group_ids)
      source_dest_check  = interface.source_dest_check
      public_ip          = interface.public_ip
      public_ipv4_pool   = interface.public_ipv4_pool
      target_groups      = sort([for group in interface.target_groups : "${group.arn}:${group.port}"])
    } }
    bootstrap_revision = var.bootstrap.revision
    fixed              = local.fixed
  }

  # Firewalls of the same generation were launched with the same settings. Each has it as a tag, by which the reconcile
  # function finds those of an earlier generation.
  generation = nonsensitive(substr(sha256(jsonencode(local.launch_settings)), 0, 12))
}
