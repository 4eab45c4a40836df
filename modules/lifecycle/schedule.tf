# When the reconcile function runs. A run that is late is worth nothing, since the next one does the same: nothing is tried again, and an
# alarm sees what did not run.
resource "aws_cloudwatch_event_rule" "reconcile" {
  name                = "${var.name}-reconcile"
  description         = "When the firewalls of ${var.name} are reconciled."
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

# Lambda's own queue, into which EventBridge hands an event over.
resource "aws_lambda_function_event_invoke_config" "reconcile" {
  function_name                = module.function["reconcile"].name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
