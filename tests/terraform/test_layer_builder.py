"""An apply starts the builder of the layer without a shell.

The apply is that of `terraform test` with a mocked provider: its provisioners are real.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import tf_setup
from vmseries_scenarios.terraform import clean_environment

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("modules/dependencies", "lambda/layer")

# What quotes or a shell would change: blanks, quotes, separators, variables and wildcards.
NAME = "my python; echo 'no' \"$HOME\" *"

# Stands for Python, and prints what it was started with.
INTERPRETER = """\
#!/bin/sh
for argument in "$@"; do echo "$argument" >> "{record}"; done
"""

TEST = """\
mock_provider "aws" {{
  mock_resource "aws_lambda_layer_version" {{
    defaults = {{ code_sha256 = "{digest}" }}
  }}
}}

run "apply" {{
  variables {{
    name   = "fw-test"
    tags   = {{ "vmseries-autoscale:deployment" = "fw-test" }}
    python = {python}
  }}
}}
"""


def test_the_builder_gets_its_arguments_as_they_are(tmp_path: Path) -> None:
    for folder in COPIED:
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    record = tmp_path / "record"
    python = tmp_path / NAME
    python.write_text(INTERPRETER.format(record=record))
    python.chmod(0o755)
    lock = json.loads((tmp_path / "lambda" / "layer" / "layer.json").read_text())
    module = tmp_path / "modules" / "dependencies"
    (module / "tests").mkdir()
    (module / "tests" / "apply.tftest.hcl").write_text(
        TEST.format(
            digest=lock["base64sha256"],
            python=json.dumps(str(python)).replace("${", "$${"),
        )
    )

    tools = tf_setup.terraform_environment()
    environment = clean_environment(os.environ, tools.environment)
    for arguments in (["init", "-backend=false"], ["test"]):
        result = subprocess.run(
            [tools.binary, f"-chdir={module}", *arguments, "-no-color"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout

    assert record.read_text().splitlines() == [
        "./../../lambda/build.py",
        "layer",
        "--output",
        f"./.terraform/vmseries-autoscale/{lock['file']}",
    ]
