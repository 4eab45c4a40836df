# The size limits of a function's environment and a role's policy. The refusals come first: nothing exists yet, as in a
# user's first plan, so the URLs of the queues are not known.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "fw-test"
  location = { partition = "aws-us-gov", region = "us-gov-west-1", account_id = "123456789012" }
  tags     = { team = "network", "vmseries-autoscale:deployment" = "fw-test" }

  generation    = "0123456789ab"
  bootstrap     = { secret = { arn = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:bootstrap-AbCdEf" } }
  firewall_tags = { team = "network", CostCenter = "77", "vmseries-autoscale:deployment" = "fw-test" }

  hooks = {
    launch    = { name = "launch", default_result = "ABANDON", heartbeat_timeout_seconds = 3600 }
    terminate = { name = "terminate", default_result = "CONTINUE", heartbeat_timeout_seconds = 3600 }
  }

  interfaces = {
    data = {
      role               = "data"
      device_index       = 0
      subnet_ids         = { us-gov-west-1a = "subnet-0a" }
      security_group_ids = ["sg-0a"]
      source_dest_check  = false, public_ip = false, public_ipv4_pool = null
    }
    management = {
      role               = "management"
      device_index       = 1
      subnet_ids         = { us-gov-west-1a = "subnet-0b" }
      security_group_ids = ["sg-0b"]
      source_dest_check  = true, public_ip = false, public_ipv4_pool = null
    }
  }

  untrust = {
    role               = "untrust"
    device_index       = 2
    subnet_ids         = { us-gov-west-1a = "subnet-0c", us-gov-west-1b = "subnet-0d" }
    security_group_ids = ["sg-0c"]
    source_dest_check  = false, public_ip = true, public_ipv4_pool = null
    target_groups = [
      {
        arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/web/0123456789abcdef"
        port = 443
      },
      {
        arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/web/0123456789abcdef"
        port = 8443
      },
      {
        arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/vpn/0123456789abcdef"
        port = 443
      },
    ]
  }

  panorama = {
    hostnames             = ["panorama.example.com"]
    port                  = 443
    secret_arn            = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:panorama-AbCdEf"
    secret_kms_key_arn    = null
    server_name           = null
    device_group          = "autoscale"
    template_stack        = "autoscale-stack"
    log_collector_group   = null
    timeout_seconds       = 10
    push_when_out_of_sync = false
  }

  network = {
    vpc_id      = "vpc-0a"
    cidr_blocks = { data = ["10.0.0.0/24"], management = ["10.0.1.0/24"], untrust = ["10.0.2.0/24", "10.0.3.0/24"] }
  }

  readiness = "in-sync"
  licensing = {
    mode                       = "firewall"
    api_key_secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:licensing-AbCdEf"
    api_key_secret_kms_key_arn = null
    license_manager            = null
    join_timeout_minutes       = 45
  }
  deadlines = { launch_minutes = 45, terminate_minutes = 1440, visit_interval_seconds = 30 }
  reconcile = {
    interval_minutes  = 15
    age_floor_minutes = 25
    maximum_firewalls = 25
    maximum_percent   = 50
    dry_run           = false
  }

  functions = {
    runtime                       = "python3.13"
    architecture                  = "arm64"
    memory_mib                    = 512
    timeout_seconds               = 60
    log_level                     = "INFO"
    log_retention_days            = 90
    kms_key_arn                   = null
    code_signing_config_arn       = null
    vpc                           = null
    event_batching_window_seconds = 20
    launch_concurrency            = 2
    terminate_concurrency         = 2
  }

  package   = { path = "functions.zip", base64sha256 = "0000" }
  layer_arn = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:fw-dependencies:3"
  event_delivery = {
    maximum_age_seconds           = 86400
    maximum_retries               = 185
    message_retention_seconds     = 345600
    dead_letter_retention_seconds = 1209600
    redrive_principal_arns        = []
  }
  permissions = { path = "/", boundary_arn = null }
  alarms      = { actions = ["arn:aws-us-gov:sns:us-gov-west-1:123456789012:on-call"] }
}

# documents: failure-modes/G11
run "refuses_settings_that_do_not_fit_into_an_environment" {
  command = plan

  variables {
    firewall_tags = {
      for number in range(40) :
      "cost-centre-of-this-deployment-${number}" => "network-security-of-the-northern-hub-${number}"
    }
  }

  module {
    source = "./modules/lifecycle"
  }

  expect_failures = [output.settings]
}

# The settings have fewer than 4,000 characters, but Lambda counts a backslash for each quotation mark, and bytes.
run "refuses_settings_that_do_not_fit_as_lambda_counts_them" {
  command = plan

  variables {
    firewall_tags = { for number in range(40) : "tag-${number}" => "value-of-a-tag-with-fifty-one-characters-and-no-mor" }
  }

  module {
    source = "./modules/lifecycle"
  }

  expect_failures = [output.settings]
}

run "refuses_target_groups_that_do_not_fit_into_an_environment" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, { untrust = merge(var.untrust, {
      target_groups = [
        for number in range(20) :
        {
          arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/web-${number}/0123456789abcdef"
          port = 443
        }
      ]
    }) })
  }

  module {
    source = "./modules/lifecycle"
  }

  expect_failures = [output.settings]
}

run "refuses_statements_that_do_not_fit_into_a_policy" {
  command = plan

  variables {
    name        = "fw-test-launch"
    description = "A function."
    handler     = "vmseries_autoscale.handlers.launch.handler"
    layer_arns  = ["arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3"]
    runtime = {
      name            = "python3.13"
      architecture    = "arm64"
      memory_mib      = 512
      timeout_seconds = 60
      log_level       = "INFO"
    }
    environment = { SETTINGS = "{}" }
    statements = {
      Describe = {
        actions   = ["ec2:DescribeInstances"]
        resources = [for number in range(200) : "arn:aws:ec2:us-east-1:123456789012:instance/i-${number}"]
        reason    = "Reads the resources."
      }
    }
    role               = { path = "/", boundary_arn = null }
    log_retention_days = 90
  }

  module {
    source = "./modules/function"
  }

  expect_failures = [aws_iam_role_policy.this]
}

# Two-arm firewalls have three interfaces, and no Region has more than six zones.
run "the_largest_reasonable_deployment_fits" {
  variables {
    firewall_tags = merge(
      { "vmseries-autoscale:deployment" = "fw-test" },
      { for number in range(8) : "cost-centre-${number}" => "network-security-${number}" },
    )
    interfaces = { for role, index in { data = 0, management = 1, untrust = 2 } : role => {
      role         = role
      device_index = index
      subnet_ids = {
        for number, letter in ["a", "b", "c", "d", "e", "f"] :
        "us-gov-west-1${letter}" => "subnet-0123456789abcde${index}${number}"
      }
      security_group_ids = [for number in range(5) : "sg-0123456789abcde${index}${number}"]
      source_dest_check  = role == "management"
      public_ip          = role != "data"
      public_ipv4_pool   = null
      target_groups = role == "untrust" ? [
        for number in range(3) :
        {
          arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/firewalls-internet-${number}/0123456789abcdef"
          port = 443
        }
      ] : []
    } }
    network = {
      vpc_id = "vpc-0123456789abcdef0"
      cidr_blocks = {
        for index, role in ["data", "management", "untrust"] :
        role => [for number in range(6) : "10.100.${10 * index + number}.0/24"]
      }
    }
    panorama = merge(
      var.panorama,
      {
        hostnames           = ["panorama-1.network.example.com", "panorama-2.network.example.com"]
        log_collector_group = "autoscale-logs"
        secret_kms_key_arn  = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
      },
    )
    functions = merge(
      var.functions,
      {
        kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
        vpc         = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] }
      },
    )
  }

  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition     = alltrue([for settings in values(output.settings) : length(jsonencode(settings)) <= 3940])
    error_message = <<-EOT
      The settings must fit in the environment:
      ${jsonencode({ for name, text in output.settings : name => length(jsonencode(text)) })}
    EOT
  }
}
