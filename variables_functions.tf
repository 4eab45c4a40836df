variable "functions" {
  description = <<-EOT
    How the functions run.
    - `runtime`                       - (Optional) Lambda runtime, `python3.13` or `python3.12`.
    - `architecture`                  - (Optional) `arm64` or `x86_64`.
    - `memory_mib`                    - (Optional) memory of one run; Lambda gives processor time in proportion.
    - `timeout_seconds`               - (Optional) time limit of one run. A run is one look, not one launch.
    - `log_level`                     - (Optional) `INFO` or `DEBUG`. Nothing stricter: metrics are log lines, too.
    - `log_retention_days`            - (Optional) how long CloudWatch keeps the logs; 0 for ever.
    - `kms_key_arn`                   - (Optional) your own key for the functions' environment and logs; its policy must allow CloudWatch Logs to use it.
    - `vpc`                           - (Optional) `subnet_ids` and `security_group_ids`, for a Panorama that is reached from there only; with ways to EC2, Auto Scaling, SQS and Secrets Manager.
    - `event_batching_window_seconds` - (Optional) how long terminations are collected to share one commit in Panorama.
    - `launch_concurrency`            - (Optional) how many runs of the launch function at once, 2 to 1000. A run looks after up to ten firewalls. Not more than 2 with `panorama`, which asks for five API calls at once at most.
    - `terminate_concurrency`         - (Optional) the same for the terminate function, whose run looks after up to a hundred.
  EOT
  type = object({
    runtime            = optional(string, "python3.13")
    architecture       = optional(string, "arm64")
    memory_mib         = optional(number, 512)
    timeout_seconds    = optional(number, 60)
    log_level          = optional(string, "INFO")
    log_retention_days = optional(number, 90)
    kms_key_arn        = optional(string)
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
    condition     = contains(["python3.12", "python3.13"], var.functions.runtime)
    error_message = "functions.runtime must be \"python3.13\" or \"python3.12\", e.g. runtime = \"python3.13\"."
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.functions.architecture)
    error_message = "functions.architecture must be \"arm64\" or \"x86_64\", e.g. architecture = \"arm64\"."
  }

  validation {
    condition     = var.functions.memory_mib >= 256 && var.functions.memory_mib <= 10240 && floor(var.functions.memory_mib) == var.functions.memory_mib
    error_message = "functions.memory_mib must be a whole number between 256 and 10240, e.g. 512."
  }

  validation {
    condition     = var.functions.timeout_seconds >= 30 && var.functions.timeout_seconds <= 500 && floor(var.functions.timeout_seconds) == var.functions.timeout_seconds
    error_message = "functions.timeout_seconds must be whole seconds between 30 and 500, e.g. 60."
  }

  # After a run that died, its message is seen again once the visibility time-out is over; by then the hook must still be open.
  validation {
    condition     = 6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds + max(300, var.deadlines.visit_interval_seconds) < 3600
    error_message = "functions: 6 * timeout_seconds + event_batching_window_seconds + 300 (the longest pause) must stay below 3600, the heartbeat time-out of the hooks: else a run that dies costs the firewall its hook. For example timeout_seconds = 60, event_batching_window_seconds = 20."
  }

  validation {
    condition     = contains(["DEBUG", "INFO"], var.functions.log_level)
    error_message = "functions.log_level must be \"DEBUG\" or \"INFO\", e.g. log_level = \"INFO\": metrics are log lines of level INFO, which Lambda drops under anything stricter."
  }

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.functions.log_retention_days)
    error_message = "functions.log_retention_days must be a number of days that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653), e.g. 90, or 0 for ever."
  }

  validation {
    condition     = var.functions.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.functions.kms_key_arn))
    error_message = "functions.kms_key_arn must be the ARN of a key, e.g. \"arn:aws:kms:us-east-1:123456789012:key/…\"."
  }

  validation {
    condition     = var.functions.vpc == null ? true : length(var.functions.vpc.subnet_ids) > 0 && length(var.functions.vpc.security_group_ids) > 0
    error_message = "functions.vpc must have at least one subnet and one security group, e.g. { subnet_ids = [\"subnet-0123456789abcdef0\"], security_group_ids = [\"sg-0123456789abcdef0\"] }; null runs the functions outside of any VPC."
  }

  validation {
    condition     = var.functions.event_batching_window_seconds >= 1 && var.functions.event_batching_window_seconds <= 300
    error_message = "functions.event_batching_window_seconds must be between 1 and 300, e.g. 20."
  }

  validation {
    condition     = alltrue([for concurrency in [var.functions.launch_concurrency, var.functions.terminate_concurrency] : concurrency >= 2 && concurrency <= 1000 && floor(concurrency) == concurrency])
    error_message = "functions.launch_concurrency and terminate_concurrency must be whole numbers between 2 and 1000, as SQS event sources allow, e.g. launch_concurrency = 2."
  }
}

variable "deadlines" {
  description = <<-EOT
    How long the functions try, before they let the hook's default happen: a launch is given up, a termination goes on.
    - `launch_minutes`         - (Optional) from the launch of an instance to a firewall in service. VM-Series takes 15 to 25.
    - `terminate_minutes`      - (Optional) for license, Panorama and interfaces of a leaving firewall; a Panorama that is away for less loses nothing.
    - `visit_interval_seconds` - (Optional) first pause between two looks. A termination's pauses grow up to 300 s.
  EOT
  type = object({
    launch_minutes         = optional(number, 45)
    terminate_minutes      = optional(number, 1440)
    visit_interval_seconds = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for minutes in [var.deadlines.launch_minutes, var.deadlines.terminate_minutes] : minutes >= 5 && minutes <= 2880 && floor(minutes) == minutes])
    error_message = "deadlines.launch_minutes and terminate_minutes must be whole minutes between 5 and 2880: Auto Scaling holds an instance for 48 hours at most, however many heartbeats it gets, e.g. launch_minutes = 45."
  }

  validation {
    condition     = var.deadlines.visit_interval_seconds >= 10 && var.deadlines.visit_interval_seconds <= 300 && floor(var.deadlines.visit_interval_seconds) == var.deadlines.visit_interval_seconds
    error_message = "deadlines.visit_interval_seconds must be whole seconds between 10 and 300, e.g. 30."
  }

  validation {
    condition     = var.deadlines.launch_minutes * 60 / var.deadlines.visit_interval_seconds <= 900
    error_message = "deadlines.launch_minutes * 60 / visit_interval_seconds must not be more than 900 visits: SQS hands a message out 1000 times and then puts it aside, e.g. 45 minutes every 30 s are 90. Look less often or give up earlier."
  }
}

variable "reconcile" {
  description = <<-EOT
    How the reconcile function puts right what no visit will: it writes lost lifecycle events anew, and removes what firewalls that are gone have left (interfaces, addresses, targets, entries in Panorama).
    - `interval_minutes`  - (Optional) how often it runs.
    - `age_floor_minutes` - (Optional) for how long something must have been wrong before it acts.
    - `maximum_firewalls` - (Optional) of how many firewalls one run removes what they left, at most; the others have their turn in later runs.
    - `maximum_percent`   - (Optional) the same as a percentage of all firewalls known; at least of one.
    - `dry_run`           - (Optional) only report in the log, and change nothing.
  EOT
  type = object({
    interval_minutes  = optional(number, 15)
    age_floor_minutes = optional(number, 25)
    maximum_firewalls = optional(number, 25)
    maximum_percent   = optional(number, 50)
    dry_run           = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.reconcile.interval_minutes >= 1 && var.reconcile.interval_minutes <= 60 && floor(var.reconcile.interval_minutes) == var.reconcile.interval_minutes
    error_message = "reconcile.interval_minutes must be a whole number between 1 and 60, e.g. 15."
  }

  # One run may just miss what has become old enough, and the next one may fail.
  validation {
    condition     = 2 * var.reconcile.interval_minutes + var.reconcile.age_floor_minutes < 60
    error_message = "reconcile: 2 * interval_minutes + age_floor_minutes must stay below 60, the minutes after which a hook that nobody answers ends by itself; here it is ${2 * var.reconcile.interval_minutes + var.reconcile.age_floor_minutes}. For example { interval_minutes = 15, age_floor_minutes = 25 }, which is 55."
  }

  # A visit is noted on its instance every 10 minutes, by the first visit after them.
  validation {
    condition     = var.reconcile.age_floor_minutes * 60 >= 600 + max(300, var.deadlines.visit_interval_seconds) + 6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds
    error_message = "reconcile.age_floor_minutes must be at least ${ceil((600 + max(300, var.deadlines.visit_interval_seconds) + 6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds) / 60)}, or a firewall that is looked after slowly is taken for a lost one: 600 s between two notes of a visit, ${max(300, var.deadlines.visit_interval_seconds)} s for the longest pause, and 6 * functions.timeout_seconds + event_batching_window_seconds = ${6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds} s until a message comes back after a run that died. For example age_floor_minutes = 25 with timeout_seconds = 60 and event_batching_window_seconds = 20."
  }

  validation {
    condition     = floor(var.reconcile.age_floor_minutes) == var.reconcile.age_floor_minutes
    error_message = "reconcile.age_floor_minutes must be whole minutes, e.g. 25."
  }

  validation {
    condition     = var.reconcile.maximum_firewalls >= 1 && floor(var.reconcile.maximum_firewalls) == var.reconcile.maximum_firewalls
    error_message = "reconcile.maximum_firewalls must be a whole number of at least 1, e.g. 25; to have nothing removed, say dry_run = true."
  }

  validation {
    condition     = var.reconcile.maximum_percent >= 1 && var.reconcile.maximum_percent <= 100
    error_message = "reconcile.maximum_percent must be between 1 and 100, e.g. 50."
  }
}

variable "event_delivery" {
  description = <<-EOT
    How lifecycle events travel from EventBridge through the queues.
    - `maximum_age_seconds`           - (Optional) how long EventBridge tries to hand an event to its queue.
    - `maximum_retries`               - (Optional) how often.
    - `message_retention_seconds`     - (Optional) how long a queue keeps a message; longer than a termination may take.
    - `dead_letter_retention_seconds` - (Optional) how long dead letters are kept for you; counted from the first message, so longer than that of the queue.
  EOT
  type = object({
    maximum_age_seconds           = optional(number, 86400)
    maximum_retries               = optional(number, 185)
    message_retention_seconds     = optional(number, 345600)
    dead_letter_retention_seconds = optional(number, 1209600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.event_delivery.maximum_age_seconds >= 60 && var.event_delivery.maximum_age_seconds <= 86400
    error_message = "event_delivery.maximum_age_seconds must be between 60 and 86400, e.g. 86400."
  }

  validation {
    condition     = var.event_delivery.maximum_retries >= 0 && var.event_delivery.maximum_retries <= 185
    error_message = "event_delivery.maximum_retries must be between 0 and 185, e.g. 185."
  }

  validation {
    condition     = var.event_delivery.message_retention_seconds > var.deadlines.terminate_minutes * 60 + var.event_delivery.maximum_age_seconds && var.event_delivery.message_retention_seconds <= 1209600
    error_message = "event_delivery.message_retention_seconds must be longer than deadlines.terminate_minutes * 60 + event_delivery.maximum_age_seconds, or SQS forgets a firewall that is being cleaned up, and at most 1209600, e.g. 345600."
  }

  validation {
    condition     = var.event_delivery.dead_letter_retention_seconds > var.event_delivery.message_retention_seconds && var.event_delivery.dead_letter_retention_seconds <= 1209600
    error_message = "event_delivery.dead_letter_retention_seconds must be longer than message_retention_seconds, since SQS counts from when a message was first sent, and at most 1209600, e.g. 1209600."
  }
}

variable "dependencies" {
  description = <<-EOT
    Where the functions' third-party Python (pan-os-python and others) comes from. By default apply builds a layer from the locked requirements, which takes Python 3.11 and access to a package index on the machine that applies.
    - `layer_arn` - (Optional) a layer version that holds them.
    - `filename`  - (Optional) the layer's archive, built elsewhere with `python3 lambda/build.py layer --output FILE`; it must be byte for byte the locked one.
    - `python`    - (Optional) the Python that builds, e.g. `/usr/bin/python3.12`; null for `python3`.
  EOT
  type = object({
    layer_arn = optional(string)
    filename  = optional(string)
    python    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length([for way in [var.dependencies.layer_arn, var.dependencies.filename, var.dependencies.python] : true if way != null]) <= 1
    error_message = "dependencies must have one of layer_arn, filename and python at most, since each makes the others needless, e.g. { filename = \"artifacts/dependencies.zip\" }."
  }

  validation {
    condition     = var.dependencies.layer_arn == null ? true : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[^:]+:[0-9]+$", var.dependencies.layer_arn))
    error_message = "dependencies.layer_arn must be the ARN of a layer with its version, e.g. \"arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3\"."
  }

  validation {
    condition     = var.dependencies.filename == null ? true : endswith(var.dependencies.filename, ".zip")
    error_message = "dependencies.filename must be the path of a zip archive, e.g. \"artifacts/dependencies.zip\"."
  }

  validation {
    condition     = var.dependencies.python == null ? true : can(regex("^[A-Za-z0-9_./:\\\\ -]+$", var.dependencies.python))
    error_message = "dependencies.python must be a command or path without quotes or other signs of a shell, e.g. \"/usr/bin/python3.12\"."
  }
}

variable "alarms" {
  description = <<-EOT
    CloudWatch alarms on dead letters, on messages that nobody reads, on functions that crash, are throttled or fall silent, on launches given up, on terminations that are held or past
    their deadline, on licenses not returned, on events that were lost and on removals that fail; null for none.
    - `actions` - (Optional) ARNs of what an alarm does, e.g. an SNS topic.
  EOT
  type = object({
    actions = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = var.alarms == null ? true : length(var.alarms.actions) <= 5 && alltrue([for arn in var.alarms.actions : can(regex("^arn:[a-z-]+:[a-z0-9-]+:", arn))])
    error_message = "alarms.actions must be up to five ARNs, e.g. [\"arn:aws:sns:us-east-1:123456789012:on-call\"]."
  }
}
