"""Run a Terraform command with one AWS provider process instead of one for each graph walk.

    python3 tools/tf_provider.py terraform test

Terraform starts the provider again for each walk of a graph: about three times in each run of
`terraform test`. A start of this provider takes longer than the walk. Terraform uses a provider
that already runs if TF_REATTACH_PROVIDERS says where it listens, and a provider listens if it was
started with `-debug`: https://developer.hashicorp.com/terraform/plugin/debugging. It is the
program that `terraform init` installed, so its answers are the same.

For mocks only, which never configure it: one process has one configuration, the last. Where it
cannot be had in this way, the command runs as it would without this tool. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# The shell ends the provider when the lifeline closes, a pipe that it reads and nobody writes to.
# The provider prints to another pipe. The shell closes its copy, so that the reader of this pipe
# notices if the provider ends early.
KEEPER = '"$0" -debug & exec >&-; read -r _; kill "$!"; wait; rm -rf "$TMPDIR"'

WHERE_IT_LISTENS = re.compile(r"TF_REATTACH_PROVIDERS='(.+)'")


class NotSharedError(Exception):
    """There is no provider to attach to. The message says why."""


def installed(terraform: str) -> tuple[str, Path]:
    """Return the AWS provider's address and program, as `terraform init` left them here.

    Raises:
        NotSharedError: this folder is not initialised, or does not use the AWS provider.
    """
    told = subprocess.run([terraform, "version", "-json"], stdout=subprocess.PIPE, check=True)
    version = json.loads(told.stdout)
    providers = Path(os.environ.get("TF_DATA_DIR", ".terraform")) / "providers"
    for address, selected in version["provider_selections"].items():
        if address.endswith("/hashicorp/aws"):
            folder = providers / address / selected / version["platform"]
            for program in folder.glob("terraform-provider-aws*"):
                return address, program.absolute()
    raise NotSharedError("no AWS provider is installed here (terraform init)")


def start(program: Path) -> dict[str, object]:
    """Start the provider, and return what Terraform needs in order to attach itself.

    The provider ends with this process, or with the program that this process becomes, however
    that ends: the kernel closes the lifeline.

    Raises:
        NotSharedError: the provider ended, or did not say where it listens.
    """
    waits, lifeline = os.pipe()
    reads, prints = os.pipe()
    environment = {
        **os.environ,
        # By default it would write its trace, of which nobody reads a word.
        "TF_LOG_PROVIDER": "off",
        "TF_LOG_SDK": "off",
        # It makes its socket here, and leaves it.
        "TMPDIR": tempfile.mkdtemp(prefix="tf-provider-"),
    }
    subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, str(program)],
        stdin=waits,
        stdout=prints,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # Ctrl-C is for Terraform, which needs the provider to tidy up.
    )
    os.close(prints)
    with open(reads, closefd=False) as printed:
        for line in printed:
            if found := WHERE_IT_LISTENS.search(line):
                os.set_inheritable(lifeline, True)
                os.set_inheritable(reads, True)  # A provider that prints to a closed pipe dies.
                (listener,) = json.loads(found[1]).values()
                return dict(listener)
    raise NotSharedError(f"`{program} -debug` did not say where it listens")


def main(command: list[str]) -> None:
    """Run the command in this process, with a running provider if there is one."""
    try:
        address, program = installed(command[0])
        # By the name that this Terraform has for it: OpenTofu has the program under another host.
        os.environ["TF_REATTACH_PROVIDERS"] = json.dumps({address: start(program)})
    except NotSharedError as error:
        print(f"{error}: Terraform starts a provider for each walk", file=sys.stderr)
    os.execvp(command[0], command)  # noqa: S606 - this is what the tool is for


if __name__ == "__main__":
    main(sys.argv[1:])
