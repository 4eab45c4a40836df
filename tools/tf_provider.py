"""Run a Terraform command with one AWS provider process instead of one for each graph walk.

    python3 tools/tf_provider.py terraform test

Terraform starts the provider again for each walk of a graph: about three times in each run of
`terraform test`. A start of this provider takes longer than the walk. Terraform uses a provider
that already runs if TF_REATTACH_PROVIDERS says where it listens, and a provider listens if it was
started with `-debug`: https://developer.hashicorp.com/terraform/plugin/debugging. It is the
program that `terraform init` installed, so its answers are the same.

For mocks, which never configure it, and for a root with one configuration of the provider: one
process has one configuration, the last. Where the provider cannot be shared in this way, the
command runs as it would without this tool. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The shell ends the provider when the lifeline closes, a pipe that it reads and nobody writes to.
# The provider prints to another pipe. The shell closes its copy, so that the reader of this pipe
# notices if the provider ends early.
KEEPER = '"$0" -debug & exec >&-; read -r _; kill "$!"; wait; rm -rf "$TMPDIR"'

WHERE_IT_LISTENS = re.compile(r"TF_REATTACH_PROVIDERS='(.+)'")


class NotSharedError(Exception):
    """There is no provider to attach to. The message says why."""


@dataclass(frozen=True)
class Provider:
    """A running provider.

    Attributes:
        listener: The value of TF_REATTACH_PROVIDERS for it.
        pipes: File descriptors; the provider ends when all copies of them are closed.
        process: The shell that started it.
    """

    listener: dict[str, object]
    pipes: tuple[int, int]
    process: subprocess.Popen[bytes]

    def close(self) -> None:
        """End the provider, if no other process holds the pipes."""
        for pipe in self.pipes:
            os.close(pipe)
        self.process.wait()


def installed(
    terraform: str, environment: Mapping[str, str] = os.environ, folder: Path = Path()
) -> tuple[str, Path]:
    """Return the AWS provider's address and program, as `terraform init` left them.

    Args:
        terraform: The command.
        environment: Environment variables of the command.
        folder: Folder of the root module.

    Raises:
        NotSharedError: This folder is not initialized, or does not use the AWS provider.
    """
    result = subprocess.run(
        [terraform, "version", "-json"],
        stdout=subprocess.PIPE,
        check=True,
        env=environment,
        cwd=folder,
    )
    version = json.loads(result.stdout)
    providers = folder / environment.get("TF_DATA_DIR", ".terraform") / "providers"
    for address, selected in version["provider_selections"].items():
        if address.endswith("/hashicorp/aws"):
            package = providers / address / selected / version["platform"]
            for program in package.glob("terraform-provider-aws*"):
                return address, program.absolute()
    raise NotSharedError("no AWS provider is installed here (terraform init)")


def start(
    program: Path, environment: Mapping[str, str] = os.environ, folder: Path = Path()
) -> Provider:
    """Start the provider in the folder of the root module, for relative file names.

    The provider ends with this process, even if this process is killed, because the kernel closes
    the lifeline.

    Raises:
        NotSharedError: The provider ended, or did not say where it listens.
    """
    waits, lifeline = os.pipe()
    reads, prints = os.pipe()
    environment = {
        **environment,
        # By default it would write a trace, which nobody reads.
        "TF_LOG_PROVIDER": "off",
        "TF_LOG_SDK": "off",
        # It creates its socket here, and does not delete it.
        "TMPDIR": tempfile.mkdtemp(prefix="tf-provider-"),
    }
    process = subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, str(program)],
        stdin=waits,
        stdout=prints,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        start_new_session=True,  # Ctrl-C is for Terraform, which needs the provider to clean up.
    )
    os.close(waits)
    os.close(prints)
    with open(reads, closefd=False) as printed:
        for line in printed:
            if match := WHERE_IT_LISTENS.search(line):
                (listener,) = json.loads(match[1]).values()
                # The pipe stays open, because a provider that prints to a closed pipe dies.
                return Provider(dict(listener), (lifeline, reads), process)
    os.close(lifeline)
    os.close(reads)
    process.wait()
    raise NotSharedError(f"`{program} -debug` did not say where it listens")


def main(command: list[str]) -> None:
    """Run the command in this process, with a running provider if there is one."""
    try:
        address, program = installed(command[0])
        # Under Terraform's name for the provider: OpenTofu uses another registry host.
        provider = start(program)
        os.environ["TF_REATTACH_PROVIDERS"] = json.dumps({address: provider.listener})
        for pipe in provider.pipes:
            os.set_inheritable(pipe, True)  # The provider ends with the command.
    except NotSharedError as error:
        print(f"{error}: Terraform starts a provider for each walk", file=sys.stderr)
    os.execvp(command[0], command)  # noqa: S606 - this is what the tool is for


if __name__ == "__main__":
    main(sys.argv[1:])
