variable "functions" {
  description = <<-EOT
    Settings of the Lambda functions.
    - `runtime`                       - (Optional) Lambda runtime: `python3.12`, `python3.13` or `python3.14`.
      `python3.14` requires AWS provider 6.21 or newer.
    - `architecture`                  - (Optional) Instruction set: `arm64` or `x86_64`.
    - `memory_mib`                    - (Optional) Memory in MiB. Lambda allocates CPU in proportion.
    - `timeout_seconds`               - (Optional) Time limit of one invocation of the launch or terminate function,
      which each take many invocations for one firewall. The reconcile function has 300 seconds.
    - `log_level`                     - (Optional) `INFO` or `DEBUG`. Higher levels are rejected: metrics are written as
      log lines (EMF).
    - `log_retention_days`            - (Optional) Retention of the logs in CloudWatch, in days. 0 keeps them forever.
    - `kms_key_arn`                   - (Optional) ARN of your own KMS key for the functions' environment variables and
      logs, and for the table with the records of the firewalls. Its key policy must allow CloudWatch Logs to use it.
    - `code_signing_config_arn`       - (Optional) ARN of your own Lambda code signing configuration. If it enforces
      signatures, the functions need a signed `package_filename`, and a signed layer in `dependencies.layer`.
    - `package_filename`              - (Optional) Path of a signed copy of `lambda/dist/functions.zip`. Null uses the
      archive in the module. Requires `code_signing_config_arn`.
    - `vpc`                           - (Optional) VPC configuration, for a Panorama that is reachable only from a VPC.
      The subnets need access to EC2, Auto Scaling, SQS, DynamoDB, Secrets Manager and, with `target_groups` of
      interfaces, Elastic Load Balancing. A gateway endpoint for DynamoDB is enough. Without a route to S3, the
      reconcile function cannot tell whether firewalls are older than `bootstrap.s3`. Null runs the functions outside
      of any VPC.
      - `subnet_ids`         - IDs of the subnets.
      - `security_group_ids` - IDs of the security groups.
    - `event_batching_window_seconds` - (Optional) Time for which terminations are collected into one batch, which
      shares one commit in Panorama.
    - `launch_concurrency`            - (Optional) Maximum concurrent invocations of the launch function, 2 to 1000.
      Each handles up to 10 firewalls. With `panorama`, at most 2 for each function, because Panorama supports five
      concurrent API calls.
    - `terminate_concurrency`         - (Optional) Maximum concurrent invocations of the terminate function, 2 to 1000.
      Each handles up to 100 firewalls.
  EOT
  type = object({
    runtime            = optional(string, "python3.13")
    architecture       = optional(string, "arm64")
    memory_mib         = optional(number, 512)
    timeout_seconds    = optional(number, 120)
    log_level          = optional(string, "INFO")
    log_retention_days = optional(number, 90)
    kms_key_arn        = optional(string)

    code_signing_config_arn = optional(string)
    package_filename        = optional(string)

    vpc = optional(object({
      subnet_ids         = list(string)
      security_group_ids = list(string)
    }))
    event_batching_window_seconds = optional(number, 20)
    launch_concurrency            = optional(number, 2)
    terminate_concurrency         = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["python3.12", "python3.13", "python3.14"], var.functions.runtime)
    error_message = <<-EOT
      functions.runtime must be "python3.12", "python3.13" or "python3.14", e.g. runtime = "python3.13".
    EOT
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.functions.architecture)
    error_message = "functions.architecture must be \"arm64\" or \"x86_64\", e.g. architecture = \"arm64\"."
  }

  validation {
    condition = (
      var.functions.memory_mib >= 256 &&
      var.functions.memory_mib <= 10240 &&
      floor(var.functions.memory_mib) == var.functions.memory_mib
    )
    error_message = "functions.memory_mib must be a whole number from 256 to 10240, e.g. memory_mib = 512."
  }

  validation {
    condition = (
      var.functions.timeout_seconds >= 30 &&
      var.functions.timeout_seconds <= 500 &&
      floor(var.functions.timeout_seconds) == var.functions.timeout_seconds
    )
    error_message = "functions.timeout_seconds must be a whole number from 30 to 500, e.g. timeout_seconds = 120."
  }

  # After an invocation crashes, SQS delivers its message again when the visibility timeout is over. The hook must still
  # be open then.
  validation {
    condition = (
      6 * var.functions.timeout_seconds +
      var.functions.event_batching_window_seconds +
      max(300, var.deadlines.visit_interval_seconds)
    ) < 3600
    error_message = <<-EOT
      functions: 6 * timeout_seconds + event_batching_window_seconds + 300 (the longest interval between two visits) must
      be less than 3600, the heartbeat timeout of the hooks. Otherwise a crashed invocation lets the hook expire.
      For example timeout_seconds = 120 and event_batching_window_seconds = 20.
    EOT
  }

  validation {
    condition     = contains(["DEBUG", "INFO"], var.functions.log_level)
    error_message = <<-EOT
      functions.log_level must be "DEBUG" or "INFO", e.g. log_level = "INFO".
      Metrics are log lines of level INFO, which Lambda discards at higher levels.
    EOT
  }

  validation {
    condition = contains([
      0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.functions.log_retention_days)
    error_message = <<-EOT
      functions.log_retention_days must be a retention period of CloudWatch Logs: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150,
      180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, e.g. 90, or 0 to keep the logs forever.
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.functions.kms_key_arn[*] : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = <<-EOT
      functions.kms_key_arn must be the whole ARN of a KMS key, not of an alias,
      e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
    EOT
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  validation {
    condition     = alltrue([for arn in var.functions.kms_key_arn[*] : try(split(":", arn)[3] == local.region, true)])
    error_message = <<-EOT
      functions.kms_key_arn must be a key in the Region of the functions, ${local.region}: Lambda and CloudWatch Logs use no
      key of another Region. Set a key of this Region, or the replica there of a multi-Region key.
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.functions.code_signing_config_arn[*] :
      can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", arn))
    ])
    error_message = <<-EOT
      functions.code_signing_config_arn must be the ARN of a code signing configuration,
      e.g. "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.functions.code_signing_config_arn[*] : try(split(":", arn)[3] == local.region, true)
    ])
    error_message = <<-EOT
      functions.code_signing_config_arn must be in the Region of the functions, ${local.region}, where Lambda looks for it.
      Create the configuration there and set its ARN.
    EOT
  }

  validation {
    condition = var.functions.package_filename == null || (
      var.functions.code_signing_config_arn != null &&
      endswith(coalesce(var.functions.package_filename, "-"), ".zip")
    )
    error_message = <<-EOT
      functions.package_filename must be the path of a zip archive, and requires functions.code_signing_config_arn:
      its only use is a signed copy of lambda/dist/functions.zip, e.g. "artifacts/functions-signed.zip".
    EOT
  }

  validation {
    condition     = alltrue([for filename in var.functions.package_filename[*] : fileexists(filename)])
    error_message = <<-EOT
      functions.package_filename must be a file that exists when Terraform plans, because a plan compares its digest with
      the deployed code. A relative path starts at the directory where Terraform runs,
      e.g. "artifacts/functions-signed.zip".
    EOT
  }

  validation {
    condition = alltrue([
      for vpc in var.functions.vpc[*] : length(vpc.subnet_ids) > 0 && length(vpc.security_group_ids) > 0
    ])
    error_message = <<-EOT
      functions.vpc must have at least one subnet and one security group,
      e.g. { subnet_ids = ["subnet-0123456789abcdef0"], security_group_ids = ["sg-0123456789abcdef0"] }.
      Null runs the functions outside of any VPC.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for vpc in var.functions.vpc[*] : concat(
        [for id in vpc.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))],
        [for id in vpc.security_group_ids : can(regex("^sg-[0-9a-f]+$", id))],
      )
    ]))
    error_message = <<-EOT
      functions.vpc must have IDs of subnets and security groups, not names or ARNs,
      e.g. { subnet_ids = ["subnet-0123456789abcdef0"], security_group_ids = ["sg-0123456789abcdef0"] }.
    EOT
  }

  # https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
  validation {
    condition = alltrue([
      for vpc in var.functions.vpc[*] : length(vpc.subnet_ids) <= 16 && length(vpc.security_group_ids) <= 5
    ])
    error_message = <<-EOT
      functions.vpc must have at most 16 subnets and 5 security groups, the limits of Lambda. One subnet for each zone and
      one security group are enough.
    EOT
  }

  validation {
    condition = (
      var.functions.event_batching_window_seconds >= 1 &&
      var.functions.event_batching_window_seconds <= 300 &&
      floor(var.functions.event_batching_window_seconds) == var.functions.event_batching_window_seconds
    )
    error_message = "functions.event_batching_window_seconds must be a whole number from 1 to 300, e.g. 20."
  }

  validation {
    condition = alltrue([
      for concurrency in [var.functions.launch_concurrency, var.functions.terminate_concurrency] :
      concurrency >= 2 && concurrency <= 1000 && floor(concurrency) == concurrency
    ])
    error_message = <<-EOT
      functions.launch_concurrency and terminate_concurrency must be whole numbers from 2 to 1000, the limits of SQS
      event source mappings, e.g. launch_concurrency = 2.
    EOT
  }
}

variable "deadlines" {
  description = <<-EOT
    Deadlines of launches and terminations. Afterwards, a launch is abandoned, and a firewall terminates without the rest
    of its cleanup.
    - `launch_minutes`         - (Optional) Time from the launch of an instance until its firewall is in service.
      VM-Series boots in 15 to 25 minutes.
    - `terminate_minutes`      - (Optional) Time to return the license. The removal from Panorama has 10 minutes more, and
      the release of interfaces and addresses another 10 minutes. Panorama may be unavailable for this time without
      lasting effect.
    - `visit_interval_seconds` - (Optional) Initial interval between two visits: a visit is one pass of a function over
      one instance. During a termination, the interval grows up to 300 seconds.
  EOT
  type = object({
    launch_minutes         = optional(number, 45)
    terminate_minutes      = optional(number, 1440)
    visit_interval_seconds = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for minutes in [var.deadlines.launch_minutes, var.deadlines.terminate_minutes] :
      minutes >= 5 && minutes <= 2880 && floor(minutes) == minutes
    ])
    error_message = <<-EOT
      deadlines.launch_minutes and terminate_minutes must be whole numbers from 5 to 2880, e.g. launch_minutes = 45.
      Auto Scaling keeps an instance in a wait state for at most 48 hours, regardless of heartbeats.
    EOT
  }

  validation {
    condition = (
      var.deadlines.visit_interval_seconds >= 10 &&
      var.deadlines.visit_interval_seconds <= 300 &&
      floor(var.deadlines.visit_interval_seconds) == var.deadlines.visit_interval_seconds
    )
    error_message = <<-EOT
      deadlines.visit_interval_seconds must be a whole number from 10 to 300, e.g. visit_interval_seconds = 30.
    EOT
  }

  validation {
    condition     = var.deadlines.launch_minutes * 60 / var.deadlines.visit_interval_seconds <= 900
    error_message = <<-EOT
      deadlines: launch_minutes * 60 / visit_interval_seconds must be at most 900 visits, because SQS moves a message to
      the dead-letter queue after 1000 receives.
      For example launch_minutes = 45 and visit_interval_seconds = 30 are 90 visits.
      Increase visit_interval_seconds or reduce launch_minutes.
    EOT
  }
}

variable "reconcile" {
  description = <<-EOT
    Settings of the reconcile function, which resends lost lifecycle events and removes orphans of terminated firewalls.
    Orphans are network interfaces, Elastic IP addresses, targets and entries in Panorama whose firewall is gone.
    - `interval_minutes`  - (Optional) Interval between two runs.
    - `age_floor_minutes` - (Optional) Minimum age of a problem before the function acts on it.
    - `maximum_firewalls` - (Optional) Maximum number of firewalls whose orphans one run removes. Later runs remove the
      rest.
    - `maximum_percent`   - (Optional) The same limit in percent of all known firewalls, at least one firewall. The
      lower of the two limits applies.
    - `dry_run`           - (Optional) Whether the function only reports, and changes nothing.
  EOT
  type = object({
    interval_minutes  = optional(number, 15)
    age_floor_minutes = optional(number, 28)
    maximum_firewalls = optional(number, 25)
    maximum_percent   = optional(number, 50)
    dry_run           = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition = (
      var.reconcile.interval_minutes >= 1 &&
      var.reconcile.interval_minutes <= 60 &&
      floor(var.reconcile.interval_minutes) == var.reconcile.interval_minutes
    )
    error_message = "reconcile.interval_minutes must be a whole number from 1 to 60, e.g. interval_minutes = 15."
  }

  # One run may be just too early for a problem, and the next one may fail.
  validation {
    condition     = 2 * var.reconcile.interval_minutes + var.reconcile.age_floor_minutes < 60
    error_message = <<-EOT
      reconcile: 2 * interval_minutes + age_floor_minutes must be less than 60, the minutes after which an unanswered
      hook expires, but is ${2 * var.reconcile.interval_minutes + var.reconcile.age_floor_minutes}.
      For example { interval_minutes = 15, age_floor_minutes = 28 }, which is 58.
    EOT
  }

  validation {
    condition     = var.reconcile.age_floor_minutes * 60 >= local.last_visit_tag_seconds
    error_message = <<-EOT
      reconcile.age_floor_minutes must be at least ${ceil(local.last_visit_tag_seconds / 60)}. The sum of
      600 s between two last-visit tags,
      ${local.longest_visit_interval_seconds} s for the longest interval between two visits, and
      ${local.redelivery_seconds} s until SQS redelivers a message after a crash
      (6 * functions.timeout_seconds + event_batching_window_seconds) is ${local.last_visit_tag_seconds} s.
      With a lower value, the reconcile function mistakes a slow visit for a lost event.
      For example age_floor_minutes = 28 with timeout_seconds = 120 and event_batching_window_seconds = 20.
    EOT
  }

  validation {
    condition     = floor(var.reconcile.age_floor_minutes) == var.reconcile.age_floor_minutes
    error_message = "reconcile.age_floor_minutes must be a whole number, e.g. age_floor_minutes = 28."
  }

  validation {
    condition = (
      var.reconcile.maximum_firewalls >= 1 &&
      floor(var.reconcile.maximum_firewalls) == var.reconcile.maximum_firewalls
    )
    error_message = <<-EOT
      reconcile.maximum_firewalls must be a whole number of at least 1, e.g. maximum_firewalls = 25.
      To remove nothing, set dry_run = true.
    EOT
  }

  validation {
    condition     = var.reconcile.maximum_percent >= 1 && var.reconcile.maximum_percent <= 100
    error_message = "reconcile.maximum_percent must be from 1 to 100, e.g. maximum_percent = 50."
  }
}

locals {
  longest_visit_interval_seconds = max(300, var.deadlines.visit_interval_seconds)

  # Time until SQS redelivers the message of a crashed invocation: visibility timeout and batching window.
  redelivery_seconds = 6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds

  # Maximum time between two last-visit tags of an instance. The functions write one every 10 minutes, at the first
  # visit after that time.
  last_visit_tag_seconds = 600 + local.longest_visit_interval_seconds + local.redelivery_seconds
}

variable "event_delivery" {
  description = <<-EOT
    Delivery of lifecycle events from EventBridge through the SQS queues.
    - `maximum_age_seconds`           - (Optional) Time for which EventBridge retries to deliver an event to its queue.
    - `maximum_retries`               - (Optional) Maximum number of retries.
    - `message_retention_seconds`     - (Optional) Retention of messages in the queues. It must exceed the longest
      termination.
    - `dead_letter_retention_seconds` - (Optional) Retention of messages in the dead-letter queues, counted from when
      they were first sent. It must exceed `message_retention_seconds`.
    - `redrive_principal_arns`        - (Optional) ARNs of the IAM roles and users that may send to the event queues, to
      redrive a dead-letter queue. The queues deny all other senders, even those that IAM policies allow. For a role,
      use the ARN of the role, not that of a session.
  EOT
  type = object({
    maximum_age_seconds           = optional(number, 86400)
    maximum_retries               = optional(number, 185)
    message_retention_seconds     = optional(number, 345600)
    dead_letter_retention_seconds = optional(number, 1209600)
    redrive_principal_arns        = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for number in [
        var.event_delivery.maximum_age_seconds, var.event_delivery.maximum_retries,
        var.event_delivery.message_retention_seconds, var.event_delivery.dead_letter_retention_seconds,
      ] : floor(number) == number
    ])
    error_message = <<-EOT
      event_delivery must have whole numbers as maximum_age_seconds, maximum_retries, message_retention_seconds and
      dead_letter_retention_seconds, e.g. { maximum_age_seconds = 86400 }.
    EOT
  }

  validation {
    condition = (
      var.event_delivery.maximum_age_seconds >= 60 &&
      var.event_delivery.maximum_age_seconds <= 86400
    )
    error_message = "event_delivery.maximum_age_seconds must be from 60 to 86400, e.g. 86400."
  }

  validation {
    condition     = var.event_delivery.maximum_retries >= 0 && var.event_delivery.maximum_retries <= 185
    error_message = "event_delivery.maximum_retries must be from 0 to 185, e.g. 185."
  }

  validation {
    condition = (
      var.event_delivery.message_retention_seconds <= 1209600 &&
      var.event_delivery.message_retention_seconds > (
        var.deadlines.terminate_minutes * 60 + var.event_delivery.maximum_age_seconds
      )
    )
    error_message = <<-EOT
      event_delivery.message_retention_seconds must be greater than
      deadlines.terminate_minutes * 60 + event_delivery.maximum_age_seconds, and at most 1209600, e.g. 345600.
      Otherwise SQS may delete the message of a termination that is not finished.
    EOT
  }

  validation {
    condition = (
      var.event_delivery.dead_letter_retention_seconds > var.event_delivery.message_retention_seconds &&
      var.event_delivery.dead_letter_retention_seconds <= 1209600
    )
    error_message = <<-EOT
      event_delivery.dead_letter_retention_seconds must be greater than message_retention_seconds, because SQS counts
      from when a message was first sent, and at most 1209600, e.g. 1209600.
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.event_delivery.redrive_principal_arns :
      can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[A-Za-z0-9_+=,.@/-]+$", arn))
    ])
    error_message = <<-EOT
      event_delivery.redrive_principal_arns must be the whole ARNs of IAM roles or users, without wildcards,
      e.g. ["arn:aws:iam::123456789012:role/network-operators"].
      For a role, use the ARN of the role (iam, role/), not that of a session (sts, assumed-role/).
    EOT
  }
}

variable "dependencies" {
  description = <<-EOT
    Source of the Lambda layer with the functions' third-party Python packages (pan-os-python and others).
    By default, apply builds the layer from the locked requirements, which requires Python 3.9 or newer with pip and
    access to a package index on the machine that runs Terraform. Set at most one attribute.
    - `layer`   - (Optional) Existing layer version with the packages, such as that of another deployment.
      - `arn` - ARN of the layer version.
    - `archive` - (Optional) Layer archive that was built elsewhere, with
      `python3 lambda/build.py layer --output FILE`. Its digest must be the locked one.
      - `filename` - Path of the archive.
    - `python`  - (Optional) Python interpreter that builds the layer, e.g. `/usr/bin/python3.12`. Null uses `python3`.
  EOT
  type = object({
    layer   = optional(object({ arn = string }))
    archive = optional(object({ filename = string }))
    python  = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition = length(concat(
      var.dependencies.layer[*], var.dependencies.archive[*], var.dependencies.python[*],
    )) <= 1
    error_message = <<-EOT
      dependencies must have at most one of layer, archive and python, since each makes the others unnecessary,
      e.g. { archive = { filename = "artifacts/dependencies.zip" } }.
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.dependencies.layer[*].arn :
      can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", arn))
    ])
    error_message = <<-EOT
      dependencies.layer.arn must be the ARN of a layer version,
      e.g. "arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3".
    EOT
  }

  # "Layers are not in the same region as the function."
  # https://github.com/TotalTechGeek/elysia-lambda/issues/2
  validation {
    condition = alltrue([
      for layer in var.dependencies.layer[*] : try(split(":", layer.arn)[3] == local.region, true)
    ])
    error_message = <<-EOT
      dependencies.layer.arn must be a layer in the Region of the functions, ${local.region}: Lambda uses no layer of
      another Region. Use the output dependencies_layer_arn of a deployment in this Region, or remove layer to build one.
    EOT
  }

  validation {
    condition     = alltrue([for filename in var.dependencies.archive[*].filename : endswith(filename, ".zip")])
    error_message = "dependencies.archive.filename must be the path of a zip archive, e.g. \"artifacts/dependencies.zip\"."
  }

  validation {
    condition = alltrue([
      for python in var.dependencies.python[*] : can(regex("^[A-Za-z0-9_./:\\\\ -]+$", python))
    ])
    error_message = <<-EOT
      dependencies.python must be a command or path without quotes or shell metacharacters, e.g. "/usr/bin/python3.12".
    EOT
  }
}

variable "alarms" {
  description = <<-EOT
    CloudWatch alarms on the functions, queues, launches, terminations and licenses.
    They watch dead letters, messages that are not read, functions that fail, are throttled or do not run, launches that
    EC2 refuses or that are abandoned, missing firewalls, terminations that are held or past their deadline, licenses
    that are not returned, firewalls that are ambiguous, resent events and failed orphan removals. Set null to create no
    alarms.
    - `actions` - (Optional) ARNs of up to five alarm actions, e.g. of an SNS topic.
  EOT
  type = object({
    actions = optional(list(string), [])
  })
  default = {}

  validation {
    condition = alltrue([
      for alarms in var.alarms[*] :
      length(alarms.actions) <= 5 &&
      alltrue([for arn in alarms.actions : can(regex("^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9]*:[^*?[:space:]]+$", arn))])
    ])
    error_message = <<-EOT
      alarms.actions must be at most five ARNs, e.g. ["arn:aws:sns:us-east-1:123456789012:on-call"].
    EOT
  }

  # The actions that PutMetricAlarm documents for both states, ALARM and OK. Those of EC2 (automate, swf) need an alarm
  # with the dimension InstanceId. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  validation {
    condition = alltrue(flatten([
      for alarms in var.alarms[*] : [
        for arn in alarms.actions :
        contains(["autoscaling", "lambda", "sns", "ssm", "ssm-incidents"], try(split(":", arn)[2], "sns"))
      ]
    ]))
    error_message = <<-EOT
      alarms.actions must be SNS topics, Lambda functions, scaling policies, OpsItems or response plans: CloudWatch takes no
      other actions for these alarms. To reach something else, such as an SQS queue, subscribe it to an SNS topic,
      e.g. ["arn:aws:sns:us-east-1:123456789012:on-call"].
    EOT
  }

  # "Invalid region ca-central-1 specified. Only us-west-2 is supported."
  # https://github.com/cds-snc/notification-terraform/pull/128
  validation {
    condition = alltrue(flatten([
      for alarms in var.alarms[*] : [
        for arn in alarms.actions : try(contains(["", local.region], split(":", arn)[3]), true)
      ]
    ]))
    error_message = <<-EOT
      alarms.actions must be in the Region of the alarms, ${local.region}: CloudWatch refuses actions of another Region.
      Set a topic of this Region, to which endpoints of other Regions may subscribe,
      e.g. ["arn:aws:sns:us-east-1:123456789012:on-call"].
    EOT
  }
}
