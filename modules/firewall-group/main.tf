locals {
  data_interface_name = one([for name, interface in var.interfaces : name if interface.device_index == 0])
  data_interface      = local.interfaces[local.data_interface_name]
}

# Everything that handles lifecycle hooks, by value. The group depends on it, so that it exists until the last firewall
# has terminated. A dependency on the modules would make their data sources unknown at plan time whenever a resource in
# them changes.
resource "terraform_data" "hook_dependencies" {
  input = var.hook_dependencies
}

# The version of the launch template that the group uses. The provider starts an instance refresh when this version
# changes, but a change of tags, which also makes a version, must not start one. Without instance refreshes, the group can
# use every version.
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/autoscaling_group#triggers
resource "terraform_data" "template_version" {
  input = aws_launch_template.this.latest_version
  triggers_replace = [
    local.generation,
    sha256(local.user_data),
    var.capacity.instance_refresh == null ? var.firewall_tags : null,
    # What can be replaced without another generation: the versions of another launch template begin with 1, and EC2 refuses
    # launches with a security group that is gone.
    aws_launch_template.this.id,
    local.data_interface.security_group_ids,
  ]

  lifecycle {
    ignore_changes = [input]
  }
}

resource "aws_autoscaling_group" "this" {
  name                = var.name
  vpc_zone_identifier = values(local.data_interface.subnet_ids)
  target_group_arns   = var.target_group_arns

  min_size         = var.capacity.min
  max_size         = var.capacity.max
  desired_capacity = var.capacity.desired

  launch_template {
    id = aws_launch_template.this.id
    # A number instead of $Latest, so that another version changes the group and starts an instance refresh.
    version = terraform_data.template_version.input
  }

  health_check_type         = var.capacity.health_check.type
  health_check_grace_period = var.capacity.health_check.grace_period_seconds
  default_instance_warmup   = var.capacity.default_instance_warmup_seconds
  max_instance_lifetime     = var.capacity.max_instance_lifetime_days == null ? null : var.capacity.max_instance_lifetime_days * 86400
  protect_from_scale_in     = var.capacity.scale_in_protection
  termination_policies      = var.capacity.termination_policies
  suspended_processes       = var.capacity.suspended_processes
  enabled_metrics           = var.capacity.metrics
  metrics_granularity       = "1Minute"

  # A firewall takes 15 to 25 minutes to enter service. After a timeout, the group is tainted, and the next apply
  # replaces it.
  wait_for_capacity_timeout = var.capacity.wait_for_capacity_timeout

  # Initial hooks exist before the first launch and until the last termination. Separate hook resources would be deleted
  # before the group drains, so that no firewall would return its license on destroy.
  dynamic "initial_lifecycle_hook" {
    for_each = {
      "autoscaling:EC2_INSTANCE_LAUNCHING"   = var.hooks.launch
      "autoscaling:EC2_INSTANCE_TERMINATING" = var.hooks.terminate
    }

    content {
      name                 = initial_lifecycle_hook.value.name
      lifecycle_transition = initial_lifecycle_hook.key
      default_result       = initial_lifecycle_hook.value.default_result
      heartbeat_timeout    = initial_lifecycle_hook.value.heartbeat_timeout_seconds
    }
  }

  dynamic "instance_refresh" {
    for_each = var.capacity.instance_refresh[*]

    content {
      strategy = "Rolling"

      preferences {
        min_healthy_percentage       = instance_refresh.value.min_healthy_percentage
        max_healthy_percentage       = instance_refresh.value.max_healthy_percentage
        instance_warmup              = instance_refresh.value.instance_warmup_seconds
        checkpoint_percentages       = instance_refresh.value.checkpoint_percentages
        checkpoint_delay             = instance_refresh.value.checkpoint_delay_seconds
        auto_rollback                = instance_refresh.value.auto_rollback
        skip_matching                = instance_refresh.value.skip_matching
        scale_in_protected_instances = instance_refresh.value.scale_in_protected_instances
        standby_instances            = instance_refresh.value.standby_instances

        dynamic "alarm_specification" {
          for_each = length(instance_refresh.value.alarm_names) > 0 ? [instance_refresh.value.alarm_names] : []

          content {
            alarms = alarm_specification.value
          }
        }
      }
    }
  }

  # The group's tags take precedence over those of the launch template, whose version may have older ones.
  # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
  dynamic "tag" {
    for_each = merge(var.firewall_tags, { Name = var.name })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  dynamic "tag" {
    for_each = var.group_tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }

  timeouts {
    # Time for the last terminations (drain_seconds), and half an hour for Auto Scaling.
    delete = "${ceil(var.drain_seconds / 60) + 30}m"
  }

  # The firewalls need their permissions and security group rules until they are terminated.
  depends_on = [
    terraform_data.hook_dependencies,
    aws_iam_role_policy.this,
    aws_vpc_security_group_ingress_rule.load_balancer,
    aws_vpc_security_group_ingress_rule.management,
    aws_vpc_security_group_egress_rule.data,
    aws_vpc_security_group_egress_rule.management,
    aws_vpc_security_group_egress_rule.untrust,
  ]

  lifecycle {
    # Scaling policies change it.
    ignore_changes = [desired_capacity]
  }
}
