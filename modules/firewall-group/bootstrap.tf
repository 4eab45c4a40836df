# User data of the firewalls: `key=value` pairs separated by semicolons, values of a list by commas, without spaces.
# https://docs.paloaltonetworks.com/vm-series/11-1/vm-series-deployment/bootstrap-the-vm-series-firewall/create-the-init-cfgtxt-file/init-cfgtxt-file-components
locals {
  options = var.bootstrap.options

  bootstrap_pairs = (
    var.bootstrap.secret != null ? [{ key = "secret_name", value = var.bootstrap.secret.name }] :
    var.bootstrap.s3 != null ? [{
      key   = "vmseries-bootstrap-aws-s3bucket"
      value = join("/", compact([var.bootstrap.s3.bucket, var.bootstrap.s3.prefix]))
    }] :
    [for pair in local.option_pairs : pair if try(length(pair.value), 0) > 0]
  )

  # The load balancer delivers to the interface at index 0, so PAN-OS must use index 0 for data and index 1 for
  # management. The interface swap is always enabled.
  user_data_pairs = concat([{ key = "mgmt-interface-swap", value = "enable" }], local.bootstrap_pairs)

  # The keys whose values are credentials.
  credentials = [
    "vm-auth-key", "auth-key", "authcodes", "redis-auth",
    "vm-series-auto-registration-pin-id", "vm-series-auto-registration-pin-value",
  ]

  yes_no = { true = "yes", false = "no" }

  # A Gateway Load Balancer delivers traffic in GENEVE tunnels, which PAN-OS inspects only if this command enables it.
  # https://docs.paloaltonetworks.com/vm-series/11-1/vm-series-deployment/set-up-the-vm-series-firewall-on-aws/vm-series-integration-with-gateway-load-balancer
  inspect             = "aws-gwlb-inspect:"
  plugin_op_commands  = try(local.options.plugin_op_commands, [])
  names_inspection    = anytrue([for command in local.plugin_op_commands : startswith(command, local.inspect)])
  has_geneve          = length(var.target_group_arns) > 0
  adds_inspection     = local.has_geneve && !local.names_inspection
  all_plugin_commands = concat(local.adds_inspection ? ["${local.inspect}enable"] : [], local.plugin_op_commands)

  # In the order of Palo Alto Networks' documentation, without the keys for static addresses, which do not apply to AWS.
  option_pairs = var.bootstrap.options == null ? [] : [
    { key = "type", value = "dhcp-client" },
    { key = "hostname", value = local.options.hostname },
    { key = "panorama-server", value = local.options.panorama_server },
    { key = "panorama-server-2", value = local.options.panorama_server_2 },
    { key = "tplname", value = local.options.tplname },
    { key = "dgname", value = local.options.dgname },
    { key = "cgname", value = local.options.cgname },
    { key = "vm-auth-key", value = local.options.vm_auth_key },
    { key = "auth-key", value = local.options.auth_key },
    { key = "authcodes", value = local.options.authcodes },
    { key = "dns-primary", value = local.options.dns_primary },
    { key = "dns-secondary", value = local.options.dns_secondary },
    { key = "op-command-modes", value = join(",", local.options.op_command_modes) },
    {
      key   = "op-cmd-dpdk-pkt-io"
      value = local.options.op_cmd_dpdk_pkt_io == null ? null : local.options.op_cmd_dpdk_pkt_io ? "on" : "off"
    },
    { key = "plugin-op-commands", value = join(",", local.all_plugin_commands) },
    { key = "dhcp-send-hostname", value = local.yes_no[local.options.dhcp_send_hostname] },
    { key = "dhcp-send-client-id", value = local.yes_no[local.options.dhcp_send_client_id] },
    { key = "dhcp-accept-server-hostname", value = local.yes_no[local.options.dhcp_accept_server_hostname] },
    { key = "dhcp-accept-server-domain", value = local.yes_no[local.options.dhcp_accept_server_domain] },
    { key = "vm-series-auto-registration-pin-id", value = local.options.vm_series_auto_registration_pin_id },
    { key = "vm-series-auto-registration-pin-value", value = local.options.vm_series_auto_registration_pin_value },
    { key = "redis-endpoint", value = local.options.redis_endpoint },
    { key = "redis-auth", value = local.options.redis_auth },
    { key = "redis-certificate", value = local.options.redis_certificate },
  ]
}
