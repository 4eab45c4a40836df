"""The layer is not committed: it may be built only from the locked wheels."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import runpy
import zipfile
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging_support import LAMBDA, Checkout, Wheel, pythons, wheel

ONE = wheel("one", {"one/__init__.py": "ONE = 1\n"})
TWO = wheel("two", {"two/__init__.py": "TWO = 2\n", "two-1.0.dist-info/LICENSE": "free\n"})


def lock_layer(checkout: Checkout) -> str:
    """Lock the layer of the checkout's wheels, and return its SHA-256."""
    checkout.succeed("layer", "--update-lock", "--from-wheels", checkout.wheels)
    digest: str = json.loads(checkout.layer_lock.read_text())["sha256"]
    return digest


def build(checkout: Checkout, output: Path, **how: Any) -> str:
    return checkout.succeed("layer", "--output", output, "--from-wheels", checkout.wheels, **how)


def refuse(checkout: Checkout, output: Path) -> str:
    """Build from the checkout's wheels, which must be refused and must write nothing."""
    reason = checkout.refuse("layer", "--output", output, "--from-wheels", checkout.wheels)
    assert not output.parent.exists()
    return reason


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "layer.zip"


@pytest.mark.index
def test_the_locked_wheels_give_the_locked_layer(layer: Path, repository: Checkout) -> None:
    content = layer.read_bytes()
    digest = hashlib.sha256(content)
    assert json.loads(repository.layer_lock.read_text()) == {
        "sha256": digest.hexdigest(),
        "base64sha256": b64encode(digest.digest()).decode(),
        "size": len(content),
        "file": f"vmseries-autoscale-dependencies-{digest.hexdigest()[:16]}.zip",
    }


@pytest.mark.index
def test_the_layer_has_only_pure_python_and_the_licenses_of_its_packages(layer: Path) -> None:
    with zipfile.ZipFile(layer) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]

    assert names == sorted(names)
    for entry in entries:
        assert entry.filename.startswith("python/")
        assert not entry.is_dir()
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.external_attr >> 16 == 0o100644
        assert entry.create_system == 3
        assert not entry.filename.endswith((".so", ".pyc", ".pyd", ".exe", ".dll"))
    for package in ("aws_lambda_powertools", "jmespath", "pan_os_python", "pan_python"):
        licenses = [
            name for name in names if name.startswith(f"python/{package}-") and "LICENSE" in name
        ]
        assert licenses, f"{package} is in the layer without its license"


def test_every_python_on_this_machine_builds_the_same_bytes(
    checkout: Checkout, output: Path
) -> None:
    checkout.lock(ONE, TWO)
    digest = lock_layer(checkout)
    for python in pythons().values():
        build(checkout, output, python=python)
        assert hashlib.sha256(output.read_bytes()).hexdigest() == digest, python
        output.unlink()


@pytest.mark.parametrize(
    ("environment", "umask"),
    [
        ({"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1"}, 0o077),
        ({"TZ": "America/New_York", "PYTHONHASHSEED": "4294967295"}, 0o002),
    ],
)
def test_the_environment_does_not_change_the_bytes(
    checkout: Checkout, output: Path, environment: dict[str, str], umask: int
) -> None:
    checkout.lock(ONE, TWO)
    digest = lock_layer(checkout)
    build(checkout, output, environment=environment, umask=umask, cwd=output.parents[1])
    assert hashlib.sha256(output.read_bytes()).hexdigest() == digest


def test_a_checkout_with_crlf_line_endings_builds_the_same_bytes(
    checkout: Checkout, output: Path
) -> None:
    checkout.lock(ONE, TWO)
    digest = lock_layer(checkout)
    for path in (checkout.layer_lock, checkout.folder / "layer" / "requirements.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    build(checkout, output)
    assert hashlib.sha256(output.read_bytes()).hexdigest() == digest


def test_an_existing_layer_is_not_built_again(checkout: Checkout, output: Path) -> None:
    checkout.lock(ONE)
    lock_layer(checkout)
    build(checkout, output)
    os.utime(output, (1, 1))

    # There are neither wheels nor a Python with pip, so a second build would fail.
    checkout.succeed("layer", "--output", output, "--python", "no-such-python")

    assert output.stat().st_mtime == 1


def test_a_damaged_layer_is_replaced(checkout: Checkout, output: Path) -> None:
    checkout.lock(ONE)
    digest = lock_layer(checkout)
    build(checkout, output)
    output.write_bytes(output.read_bytes()[:-1])
    build(checkout, output)
    assert hashlib.sha256(output.read_bytes()).hexdigest() == digest
    assert list(output.parent.iterdir()) == [output]


def test_the_output_has_path_size_and_both_forms_of_the_digest(
    checkout: Checkout, output: Path
) -> None:
    checkout.lock(ONE)
    digest = lock_layer(checkout)
    printed = build(checkout, output)
    lock = json.loads(checkout.layer_lock.read_text())
    for part in (str(output), digest, lock["base64sha256"], f"{lock['size']} bytes"):
        assert part in printed


def test_scripts_are_not_packed_and_purelib_goes_to_the_search_path(
    checkout: Checkout, output: Path
) -> None:
    odd = wheel(
        "odd",
        {
            "odd-1.0.data/scripts/odd": "#!python\n",
            "odd-1.0.data/headers/odd.h": "\n",
            "odd-1.0.data/purelib/odd.py": "\n",
        },
    )
    checkout.lock(odd)
    lock_layer(checkout)
    build(checkout, output)
    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == ["python/odd-1.0.dist-info/WHEEL", "python/odd.py"]


# Refusals -----------------------------------------------------------------------------------------


def test_a_modified_wheel_is_refused(checkout: Checkout, output: Path) -> None:
    checkout.lock(ONE)
    lock_layer(checkout)
    changed = wheel("one", {"one/__init__.py": "import evil\n"})
    checkout.lock(ONE, offered=[changed])
    reason = refuse(checkout, output)
    assert "one-1.0-py3-none-any.whl has the SHA-256" in reason
    assert "it was modified" in reason


@pytest.mark.index
def test_a_modified_wheel_of_the_real_lock_is_refused(
    checkout: Checkout, layer: Path, output: Path
) -> None:
    """A single byte differs, in the package that calls the firewalls."""
    with zipfile.ZipFile(layer) as archive:
        original = archive.read("python/panos/panorama.py").decode()
    checkout.wheels.mkdir()
    imitation = wheel("pan_os_python", {"panos/panorama.py": original + "#"})
    (checkout.wheels / "pan_os_python-1.13.1-py2.py3-none-any.whl").write_bytes(imitation.content)
    assert "pan_os_python-1.13.1-py2.py3-none-any.whl has the SHA-256" in refuse(checkout, output)


def test_a_modified_lock_is_refused(checkout: Checkout, output: Path) -> None:
    """Both the wheel and its hash in requirements.txt were replaced, but not layer.json."""
    checkout.lock(ONE)
    lock_layer(checkout)
    checkout.lock(wheel("one", {"one/__init__.py": "import evil\n"}))
    reason = refuse(checkout, output)
    assert reason.startswith("build.py: nothing was written")
    assert "layer.json has" in reason


def test_a_wheel_that_is_not_locked_is_refused(checkout: Checkout, output: Path) -> None:
    checkout.lock(ONE, offered=[ONE, TWO])
    assert "two-1.0-py3-none-any.whl" in refuse(checkout, output)


def test_a_missing_wheel_is_reported(checkout: Checkout, output: Path) -> None:
    checkout.lock(ONE, TWO, offered=[ONE])
    assert "has no wheel for" in refuse(checkout, output)
    assert "two==1.0" in refuse(checkout, output)


def test_a_wheel_for_one_platform_is_refused(checkout: Checkout, output: Path) -> None:
    checkout.lock(wheel("fast", {"fast.py": "\n"}, tag="cp313-cp313-manylinux_2_28_aarch64"))
    assert "built for one platform" in refuse(checkout, output)


def test_a_wheel_whose_metadata_does_not_say_pure_is_refused(
    checkout: Checkout, output: Path
) -> None:
    checkout.lock(wheel("sly", {"sly.py": "\n"}, metadata={"Root-Is-Purelib": "false"}))
    assert "is not declared as pure Python" in refuse(checkout, output)


@pytest.mark.parametrize(
    "name", ["sly/_speedups.so", "sly/_speedups.SO", "sly/__pycache__/sly.cpython-313.pyc"]
)
def test_a_wheel_with_compiled_files_is_refused(
    checkout: Checkout, output: Path, name: str
) -> None:
    checkout.lock(wheel("sly", {name: "\x7fELF"}))
    assert f"{name} is compiled" in refuse(checkout, output)


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py", "C:\\evil.py"])
def test_a_wheel_with_a_path_outside_of_the_archive_is_refused(
    checkout: Checkout, output: Path, name: str
) -> None:
    checkout.lock(wheel("sly", {name: "\n"}))
    assert "is outside of the archive" in refuse(checkout, output)


@pytest.mark.parametrize(
    "name",
    [
        "sly-1.0.data/data/etc/sly.conf",
        "sly-1.0.data/platlib/sly.py",
        "sly-1.0.data/PURELIB/sly.py",
        # Files that are called like a folder.
        "sly-1.0.data",
        ".data",
        "sly-1.0.data/purelib",
        "sly-1.0.data/scripts",
    ],
)
def test_a_wheel_with_files_that_a_layer_cannot_contain_is_refused(
    checkout: Checkout, output: Path, name: str
) -> None:
    checkout.lock(wheel("sly", {name: "\n"}))
    assert f"a layer cannot contain {name}" in refuse(checkout, output)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "./sly.py",
        "sly//sly.py",
        "sly/./sly.py",
        "sly-1.0.data/purelib//sly.py",
        "s\nly.py",
    ],
)
def test_a_wheel_with_a_path_that_is_not_in_its_normal_form_is_refused(
    checkout: Checkout, output: Path, name: str
) -> None:
    checkout.lock(wheel("sly", {name: "\n"}))
    assert "is not in its normal form" in refuse(checkout, output)


def test_a_file_called_like_a_folder_of_another_wheel_is_refused(
    checkout: Checkout, output: Path
) -> None:
    checkout.lock(wheel("one", {"shared": "\n"}), wheel("two", {"shared/two.py": "\n"}))
    assert "python/shared is both a file and a folder" in refuse(checkout, output)


def unreadable_wheels() -> dict[str, bytes]:
    content = wheel("sly", {"sly.py": "SLY = 1\n" * 100}).content
    encrypted = bytearray(content)
    encrypted[content.index(b"PK\x01\x02") + 8] |= 1
    encrypted[6] |= 1
    damaged = bytearray(content)
    damaged[content.index(b"sly.py") + len(b"sly.py") + 2] ^= 0xFF
    return {
        "no archive": b"not a wheel",
        "empty": b"",
        "cut off": content[: len(content) // 2],
        "encrypted": bytes(encrypted),
        "damaged": bytes(damaged),
    }


@pytest.mark.parametrize("name", unreadable_wheels())
def test_a_wheel_that_cannot_be_read_is_refused(
    checkout: Checkout, output: Path, name: str
) -> None:
    content = unreadable_wheels()[name]
    checkout.lock(Wheel("sly-1.0-py3-none-any.whl", content, "sly==1.0"))
    assert "sly-1.0-py3-none-any.whl cannot be read as a wheel" in refuse(checkout, output)


@pytest.mark.properties
@given(
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=16),
    length=st.integers(0, 2000) | st.none(),
)
def test_whatever_bytes_a_wheel_has_it_is_packed_or_refused(
    changes: list[tuple[int, int]], length: int | None
) -> None:
    original = wheel("sly", {"sly.py": "SLY = 1\n" * 50, "sly-1.0.data/purelib/x.py": "\n"})
    content = bytearray(original.content[:length])
    for position, value in changes:
        if content:
            content[position % len(content)] = value
    build = build_program()
    with contextlib.suppress(build["BuildError"]):
        entries = build["layer_entries"]({original.name: bytes(content)})
        assert all(name.startswith("python/") for name in entries)


@cache
def build_program() -> dict[str, Any]:
    return runpy.run_path(str(LAMBDA / "build.py"))


def test_two_wheels_with_different_files_of_the_same_name_are_refused(
    checkout: Checkout, output: Path
) -> None:
    checkout.lock(wheel("one", {"shared.py": "ONE\n"}), wheel("two", {"shared.py": "TWO\n"}))
    assert "another wheel has a different file shared.py" in refuse(checkout, output)


@pytest.mark.parametrize("line", ["one", "one==1.0", "one>=1.0 --hash=sha256:00", "-r other.txt"])
def test_an_invalid_lock_is_refused(checkout: Checkout, output: Path, line: str) -> None:
    checkout.lock(ONE)
    (checkout.folder / "layer" / "requirements.txt").write_text(f"{line}\n")
    assert f"cannot parse {line!r}" in refuse(checkout, output)


def test_a_python_that_does_not_exist_is_reported(checkout: Checkout, output: Path) -> None:
    reason = checkout.refuse("layer", "--output", output, "--python", "no-such-python")
    assert "cannot run 'no-such-python'" in reason
    assert "docs/packaging.md" in reason


def test_a_python_without_pip_is_reported(checkout: Checkout, output: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare-python"
    bare.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    bare.chmod(0o755)
    reason = checkout.refuse("layer", "--output", output, "--python", bare)
    assert "has no pip" in reason
    assert "docs/packaging.md" in reason


def test_an_index_that_does_not_answer_is_reported(checkout: Checkout, output: Path) -> None:
    # Port 9 of the loopback is "discard": nothing listens there.
    nowhere = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
    }
    reason = checkout.refuse("layer", "--output", output, environment=nowhere)
    assert "pip could not download the locked wheels" in reason
    assert "docs/packaging.md" in reason
    assert "pan-os-python" in reason or "aws-lambda-powertools" in reason
    assert not output.exists()


@pytest.mark.index
def test_an_index_that_serves_other_files_is_reported(checkout: Checkout, output: Path) -> None:
    lock = checkout.folder / "layer" / "requirements.txt"
    lock.write_text("jmespath==1.1.0 --hash=sha256:" + "0" * 64 + "\n")
    reason = checkout.refuse("layer", "--output", output)
    assert "serves files that differ from the locked ones" in reason
    assert not output.exists()


def test_only_update_lock_changes_the_lock(checkout: Checkout, output: Path) -> None:
    before = checkout.layer_lock.read_text()
    checkout.lock(ONE)
    refuse(checkout, output)
    assert checkout.layer_lock.read_text() == before

    checkout.succeed("layer", "--update-lock", "--from-wheels", checkout.wheels)
    assert checkout.layer_lock.read_text() != before
    build(checkout, output)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["layer"],
        ["layer", "--output", "x", "--update-lock"],
        ["layer", "--output", "x", "--from-wheels", "y", "--python", "z"],
    ],
)
def test_an_invalid_command_line_is_refused(repository: Checkout, arguments: list[str]) -> None:
    result = repository.run(*arguments)
    assert result.returncode == 2
    assert "usage: build.py" in result.stderr
