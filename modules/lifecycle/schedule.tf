# Schedule of the reconcile function. Failed invocations are not retried, because the next run does the same. An alarm
# detects missing runs.
resource "aws_cloudwatch_event_rule" "reconcile" {
  name                = "${var.name}-reconcile"
  description         = "Schedule of the reconcile function of ${var.name}."
  schedule_expression = "rate(${var.reconcile.interval_minutes} ${var.reconcile.interval_minutes == 1 ? "minute" : "minutes"})"

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "reconcile" {
  rule      = aws_cloudwatch_event_rule.reconcile.name
  target_id = "function"
  arn       = module.function["reconcile"].arn

  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 0
  }

  depends_on = [aws_lambda_permission.reconcile, aws_lambda_function_event_invoke_config.reconcile]
}

resource "aws_lambda_permission" "reconcile" {
  statement_id  = "schedule"
  action        = "lambda:InvokeFunction"
  function_name = module.function["reconcile"].name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.reconcile.arn
}

# Lambda's internal queue for asynchronous invocations.
resource "aws_lambda_function_event_invoke_config" "reconcile" {
  function_name                = module.function["reconcile"].name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
