# The layer: built during an apply until it is uploaded, checked against the locked digest, or supplied by the user.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "fw-test"
  tags = { "vmseries-autoscale:deployment" = "fw-test" }
}

run "a_plan_needs_no_archive" {
  command = plan

  module {
    source = "./modules/dependencies"
  }

  assert {
    condition = (
      !fileexists(aws_lambda_layer_version.this[0].filename) &&
      strcontains(aws_lambda_layer_version.this[0].filename, "/.terraform/vmseries-autoscale/")
    )
    error_message = "the plan knows the name of the archive, which does not exist yet"
  }

  assert {
    condition = aws_lambda_layer_version.this[0].source_code_hash == jsondecode(file(
      "lambda/layer/layer.json",
    )).base64sha256
    error_message = "the digest is that of layer.json"
  }

  assert {
    condition = output.group_tags == tomap({
      "vmseries-autoscale:dependencies" = jsondecode(file("lambda/layer/layer.json")).sha256
    })
    error_message = "a tag of the group names the layer that was uploaded"
  }
}

run "nothing_is_built_again_after_the_group_is_tagged" {
  command = plan

  module {
    source = "./modules/dependencies"
  }

  override_data {
    target = data.aws_autoscaling_groups.uploaded
    values = { names = ["fw-test"] }
  }

  assert {
    condition = terraform_data.build[0].triggers_replace == [
      jsondecode(file("lambda/layer/layer.json")).sha256,
      "built",
    ]
    error_message = "the trigger is known and constant"
  }
}

run "uses_an_existing_layer" {
  module {
    source = "./modules/dependencies"
  }

  variables {
    layer = { arn = "arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3" }
  }

  assert {
    condition = (
      output.layer_arn == "arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3" &&
      length(aws_lambda_layer_version.this) + length(terraform_data.build) == 0 &&
      length(output.group_tags) == 0
    )
    error_message = "nothing is built or created"
  }
}

run "uses_an_archive_that_was_built_elsewhere" {
  command = plan

  module {
    source = "./modules/dependencies"
  }

  variables {
    archive = { filename = "dependencies.zip" }
  }

  assert {
    condition     = aws_lambda_layer_version.this[0].filename == "dependencies.zip" && length(terraform_data.build) == 0
    error_message = "the archive is uploaded as it is"
  }
}

run "refuses_an_archive_with_another_digest" {
  module {
    source = "./modules/dependencies"
  }

  variables {
    archive = { filename = "dependencies.zip" }
  }

  override_resource {
    target = aws_lambda_layer_version.this
    values = {
      arn         = "arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:1"
      code_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    }
  }

  expect_failures = [aws_lambda_layer_version.this]
}
