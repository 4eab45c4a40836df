"""tools/tf_provider.py runs a provider for a command, and ends it with the command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "tf_provider.py"

TERRAFORM = """\
#!/bin/sh
if [ "$1" = version ]; then
  echo '{"platform": "any", "provider_selections": {"registry.example/hashicorp/aws": "5.100.0"}}'
else
  echo "$TF_REATTACH_PROVIDERS"
  exit 3
fi
"""

PROVIDER = """\
#!/bin/sh
echo $$ > "$PID_FILE"
echo "To attach:"
echo "  TF_REATTACH_PROVIDERS='{\\"registry.terraform.io/hashicorp/aws\\": {\\"Pid\\": 1}}'"
exec sleep 60
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root module in which Terraform has installed a provider."""
    home = tmp_path / ".terraform/providers/registry.example/hashicorp/aws/5.100.0/any"
    home.mkdir(parents=True)
    for program, text in (
        (tmp_path / "terraform", TERRAFORM),
        (home / "terraform-provider-aws_v5.100.0_x5", PROVIDER),
    ):
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "TF_DATA_DIR"}
    return subprocess.run(
        [sys.executable, str(TOOL), "./terraform", "test"],
        cwd=folder,
        env={**environment, "PID_FILE": str(folder / "pid"), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def ended(pid: int) -> bool:
    for _ in range(1200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_the_command_gets_the_address_of_its_provider(folder: Path) -> None:
    # Under the name that this Terraform uses, not under that of the provider's own output.
    outcome = run(folder)
    assert outcome.stdout.strip() == '{"registry.example/hashicorp/aws": {"Pid": 1}}'
    assert outcome.returncode == 3


def test_the_provider_ends_with_the_command(folder: Path) -> None:
    run(folder)
    assert ended(int((folder / "pid").read_text()))


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho something else\n"])
def test_the_command_also_runs_with_a_provider_that_does_not_listen(
    folder: Path, text: str
) -> None:
    (program,) = folder.glob(".terraform/**/terraform-provider-aws*")
    program.write_text(text)
    outcome = run(folder)
    assert (outcome.stdout.strip(), outcome.returncode) == ("", 3)
    assert "-debug` did not say where it listens" in outcome.stderr


def test_the_command_also_runs_without_an_installed_provider(folder: Path) -> None:
    (program,) = folder.glob(".terraform/**/terraform-provider-aws*")
    program.unlink()
    outcome = run(folder)
    assert (outcome.stdout.strip(), outcome.returncode) == ("", 3)
    assert "no AWS provider is installed here" in outcome.stderr
