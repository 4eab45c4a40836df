# Policies allow single actions only. Scanners of the source code cannot see what the policies of the roles contain.

variables {
  statements = {
    Send = {
      actions   = ["sqs:SendMessage"]
      resources = ["arn:aws:sqs:eu-west-1:111122223333:fw-launch"]
    }
  }
}

run "a_policy_allows_single_actions" {
  command = plan

  module {
    source = "./modules/iam-policy"
  }

  assert {
    condition     = jsondecode(output.json).Statement[0].Action == ["sqs:SendMessage"]
    error_message = "the statement has the action that was given"
  }
}

run "all_actions_are_refused" {
  command = plan

  module {
    source = "./modules/iam-policy"
  }

  variables {
    statements = { All = { actions = ["*"], resources = ["*"] } }
  }

  expect_failures = [var.statements]
}

run "all_actions_of_a_service_are_refused" {
  command = plan

  module {
    source = "./modules/iam-policy"
  }

  variables {
    statements = { All = { actions = ["sqs:SendMessage", "iam:*"], resources = ["*"] } }
  }

  expect_failures = [var.statements]
}

run "a_part_of_an_action_is_refused" {
  command = plan

  module {
    source = "./modules/iam-policy"
  }

  variables {
    statements = { Read = { actions = ["s3:Get*"], resources = ["*"] } }
  }

  expect_failures = [var.statements]
}
