module "function" {
  source   = "../function"
  for_each = local.functions

  name        = "${var.name}-${each.key}"
  description = each.value.description
  handler     = "vmseries_autoscale.handlers.${each.key}.handler"
  package     = var.package
  layer_arns  = [var.layer_arn]

  runtime = {
    name            = var.functions.runtime
    architecture    = var.functions.architecture
    memory_mib      = var.functions.memory_mib
    timeout_seconds = each.value.timeout_seconds
    log_level       = var.functions.log_level
  }

  environment = {
    VMSERIES_AUTOSCALE_SETTINGS  = jsonencode(local.settings[each.key])
    POWERTOOLS_SERVICE_NAME      = each.key
    POWERTOOLS_METRICS_NAMESPACE = local.metrics_namespace
  }

  statements         = local.statements[each.key]
  role               = var.permissions
  log_retention_days = var.functions.log_retention_days
  kms_key_arn        = var.functions.kms_key_arn
  vpc                = var.functions.vpc

  code_signing_config_arn = var.functions.code_signing_config_arn

  location = var.location
  tags     = var.tags
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.transitions

  event_source_arn                   = aws_sqs_queue.events[each.key].arn
  function_name                      = module.function[each.key].arn
  function_response_types            = ["ReportBatchItemFailures"]
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.batch_seconds

  scaling_config {
    maximum_concurrency = each.value.concurrency
  }

  tags = var.tags
}
