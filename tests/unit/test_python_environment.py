"""tools/python_environment.py chooses a Python, and keeps an up-to-date environment."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import python_environment
from python_environment import EnvironmentSetupError, find_python

REPOSITORY = Path(__file__).resolve().parents[2]


def interpreter(folder: Path, name: str, version: str) -> str:
    """Create a program that always prints this version, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return str(program)


def test_the_python_of_the_functions_is_the_default_of_the_input() -> None:
    texts = [path.read_text() for path in REPOSITORY.glob("variables*.tf")]
    defaults = [
        default
        for text in texts
        for default in re.findall(r'runtime +=? *optional\(string, "(python[\d.]+)"\)', text)
    ]
    version = python_environment.dotted(python_environment.LAMBDA_PYTHON)
    assert defaults == [f"python{version}"]


def test_the_python_of_the_functions_is_preferred_on_path(tmp_path: Path) -> None:
    chosen = interpreter(tmp_path / "bin", "python3.13", "3.13.5")
    assert find_python({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) == chosen


@pytest.mark.parametrize(
    "folder", [".pyenv/versions/3.13.0/bin", ".local/share/uv/python/cpython-3.13.1/bin"]
)
def test_a_python_that_is_installed_but_not_on_path_is_found(tmp_path: Path, folder: str) -> None:
    chosen = interpreter(tmp_path / folder, "python3.13", "3.13.0")
    assert find_python({"PATH": "", "HOME": str(tmp_path)}) == chosen


def test_a_shim_of_a_version_that_is_not_selected_is_skipped(tmp_path: Path) -> None:
    shim = Path(interpreter(tmp_path / ".pyenv" / "shims", "python3.13", "3.13.0"))
    broken = Path(interpreter(tmp_path / "bin", "python3.13", "3.13.0"))
    broken.write_text("#!/bin/sh\nexit 127\n")
    environ = {"PATH": f"{shim.parent}:{broken.parent}", "HOME": str(tmp_path)}
    assert find_python(environ) == sys.executable


def test_without_the_python_of_the_functions_the_running_one_is_used(tmp_path: Path) -> None:
    assert find_python({"PATH": str(tmp_path), "HOME": str(tmp_path)}) == sys.executable


def test_the_variable_python_overrides_the_choice(tmp_path: Path) -> None:
    interpreter(tmp_path, "python3.13", "3.13.0")
    chosen = interpreter(tmp_path, "python3.11", "3.11.9")
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYTHON": chosen}
    assert find_python(environ) == chosen


def test_a_python_that_is_too_old_is_rejected_and_named(tmp_path: Path) -> None:
    chosen = interpreter(tmp_path, "python3.10", "3.10.13")
    with pytest.raises(EnvironmentSetupError, match=r"python3\.10 is not Python 3\.11 or newer"):
        find_python({"PATH": "", "HOME": str(tmp_path), "PYTHON": chosen})


def test_a_python_that_does_not_exist_is_rejected_and_named(tmp_path: Path) -> None:
    chosen = str(tmp_path / "python3")
    with pytest.raises(EnvironmentSetupError, match=re.escape(chosen)):
        find_python({"PATH": "", "HOME": str(tmp_path), "PYTHON": chosen})


def test_a_line_says_whether_the_version_is_that_of_the_functions() -> None:
    line = python_environment.describe((3, 11, 7))
    assert line == "Python 3.11.7: not the version of the Lambda functions, which is 3.13"
    assert python_environment.describe((3, 13, 0)).endswith("the version of the Lambda functions")


def test_an_up_to_date_environment_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHON", raising=False)
    lock = python_environment.REQUIREMENTS / "dev.txt"
    (tmp_path / ".synced").write_text(python_environment.expected_state(lock, {}))
    monkeypatch.setattr(python_environment, "create", pytest.fail)

    python_environment.make_environment(tmp_path, lock)


def test_another_python_or_another_lock_makes_an_environment_out_of_date() -> None:
    lock = python_environment.REQUIREMENTS / "dev.txt"
    other = python_environment.REQUIREMENTS / "checkov.txt"
    states = {
        python_environment.expected_state(lock, {}),
        python_environment.expected_state(lock, {"PYTHON": "python3.11"}),
        python_environment.expected_state(other, {}),
    }
    assert len(states) == 3


def pip_with(folder: Path, **options: str) -> str:
    """Create a Python whose pip has this configuration, and return its path."""
    cases = "".join(f'global.{name}) echo "{value}";;' for name, value in options.items())
    program = folder / "python"
    program.write_text(f'#!/bin/sh\ncase "$5" in {cases} *) exit 1;; esac\n')
    program.chmod(0o755)
    return str(program)


def test_uv_gets_the_index_and_the_certificates_of_pip(tmp_path: Path) -> None:
    python = pip_with(tmp_path, cert="/etc/company.pem", **{"index-url": "https://pypi.example"})
    settings = python_environment.settings_of_pip(python, {})
    assert settings == {
        "UV_SYSTEM_CERTS": "true",
        "UV_DEFAULT_INDEX": "https://pypi.example",
        "SSL_CERT_FILE": "/etc/company.pem",
    }
    environ = {"PIP_CERT": "/own.pem", "UV_DEFAULT_INDEX": "https://own.example"}
    assert python_environment.settings_of_pip(python, environ) == {
        "UV_SYSTEM_CERTS": "true",
        "SSL_CERT_FILE": "/own.pem",
    }


@pytest.mark.parametrize("pip_works", [True, False])
def test_the_reason_of_uv_is_shown_only_if_pip_fails_too(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    pip_works: bool,
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in (
        ("uv", "echo 'invalid peer certificate' >&2; exit 2"),
        ("python", f"exit {0 if pip_works else 1}"),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setattr(python_environment, "INSTALLER", tmp_path)
    lock = tmp_path / "lock.txt"
    if pip_works:
        python_environment.install(str(tools / "python"), tmp_path, lock)
    else:
        with pytest.raises(EnvironmentSetupError):
            python_environment.install(str(tools / "python"), tmp_path, lock)
    shown = capfd.readouterr().err
    assert "uv failed: trying pip" in shown
    assert ("invalid peer certificate" in shown) is not pip_works
