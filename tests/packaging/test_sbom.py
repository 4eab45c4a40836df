"""The bill of materials describes what the archives contain, and nothing that changes by itself."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging_support import REPOSITORY, Checkout, Wheel, wheel

import layer_packages
import sbom

COMMITTED = REPOSITORY / sbom.SBOM

METADATA = "Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{rest}"

# A phrase that is only in the text of this license.
LICENSE_TEXTS = {
    "MIT": "The above copyright notice and this permission notice shall be included in all",
    "MIT-0": "MIT No Attribution",
    "ISC": "Permission to use, copy, modify, and",
    "PSF-2.0": "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(COMMITTED.read_text())
    return content


def described(name: str, *, requires: str = "") -> Wheel:
    rest = f"Requires-Dist: {requires}\n" if requires else ""
    files = {f"{name}-1.0.dist-info/METADATA": METADATA.format(name=name, rest=rest)}
    return wheel(name, {f"{name}.py": "\n", **files})


def describe(checkout: Checkout, *wheels: Wheel, version: str = "1.0") -> Path:
    """Lock these wheels in the checkout, and return the checkout's root."""
    checkout.lock(*wheels)
    checkout.succeed("layer", "--update-lock", "--from-wheels", checkout.wheels)
    facts = "".join(
        f"[{item.requirement.partition('==')[0]}]\nversion = '{version}'\nreleased = 2026-01-01\n"
        "license = 'MIT'\nwhy = 'A test'\n"
        for item in wheels
    )
    (checkout.folder / "layer" / "packages.toml").write_text(f"checked = 2026-02-01\n{facts}")
    return checkout.folder.parent


def run(checkout: Checkout, *arguments: str) -> int:
    return sbom.main([*arguments, "--from-wheels", str(checkout.wheels)], checkout.folder.parent)


# The committed document ---------------------------------------------------------------------------


@pytest.mark.index
def test_the_committed_document_is_that_of_the_locked_wheels_and_the_committed_archive() -> None:
    assert sbom.main(["--check"]) == 0, "run make sbom"


def test_it_is_valid_cyclonedx_1_6() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(COMMITTED.read_text()) is None


def test_it_has_the_digests_of_both_archives(document: dict[str, Any]) -> None:
    functions = (REPOSITORY / layer_packages.FUNCTIONS).read_bytes()
    layer = json.loads((REPOSITORY / layer_packages.LAYER_LOCK).read_text())
    digests = {item["name"]: item["hashes"] for item in document["components"]}
    assert digests["functions.zip"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(functions).hexdigest()}
    ]
    assert digests[layer["file"]] == [{"alg": "SHA-256", "content": layer["sha256"]}]


def test_it_has_each_locked_package_with_version_purl_license_and_digest(
    document: dict[str, Any],
) -> None:
    components = {i["name"]: i for i in document["components"] if i["type"] == "library"}
    packages = {package.name: package for package in layer_packages.packages(REPOSITORY)}
    assert components.keys() == packages.keys()
    for name, package in packages.items():
        component = components[name]
        assert component["version"] == package.version
        assert component["purl"] == f"pkg:pypi/{name}@{package.version}"
        assert [entry["license"]["id"] for entry in component["licenses"]] == [package.license]
        [digest] = component["hashes"]
        assert digest["alg"] == "SHA-256"
        assert digest["content"] in package.digests


def test_it_says_what_the_runtime_has(document: dict[str, Any]) -> None:
    [entry] = document["metadata"]["properties"]
    assert entry["name"] == "vmseries-autoscale:not-shipped"
    assert {"Python", "boto3", "botocore"} <= set(re.findall(r"[\w-]+", entry["value"]))


def test_it_has_no_time_and_no_random_number(document: dict[str, Any]) -> None:
    assert "timestamp" not in COMMITTED.read_text()
    assert document["serialNumber"].startswith("urn:uuid:")
    assert document["serialNumber"][23] == "5", "a digest of the content, not a random number"


@pytest.mark.index
def test_the_licenses_are_those_of_the_texts_in_the_layer(layer: Path) -> None:
    with zipfile.ZipFile(layer) as archive:
        for package in layer_packages.packages(REPOSITORY):
            folder = f"python/{package.name.replace('-', '_')}-{package.version}.dist-info/"
            texts = [
                archive.read(name).decode()
                for name in archive.namelist()
                if name.startswith(folder) and "LICENSE" in name
            ]
            assert any(LICENSE_TEXTS[package.license] in text for text in texts), package.name


# Any document -------------------------------------------------------------------------------------


def test_the_same_archives_give_the_same_bytes(checkout: Checkout) -> None:
    root = describe(checkout, described("one"), described("two"))
    assert run(checkout) == 0
    first = (root / sbom.SBOM).read_bytes()
    assert run(checkout) == 0
    assert (root / sbom.SBOM).read_bytes() == first
    assert run(checkout, "--check") == 0


def test_another_archive_gives_another_serial_number(checkout: Checkout) -> None:
    root = describe(checkout, described("one"))
    assert run(checkout) == 0
    first = json.loads((root / sbom.SBOM).read_text())["serialNumber"]
    checkout.functions.write_bytes(b"other")
    assert run(checkout) == 0
    assert json.loads((root / sbom.SBOM).read_text())["serialNumber"] != first


def test_a_document_of_an_earlier_archive_is_stale(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(checkout, described("one"))
    assert run(checkout) == 0
    checkout.functions.write_bytes(b"other")
    assert run(checkout, "--check") == 1
    assert "run make sbom" in capsys.readouterr().err


def test_a_missing_document_is_stale(checkout: Checkout) -> None:
    root = describe(checkout, described("one"))
    (root / sbom.SBOM).unlink(missing_ok=True)
    assert run(checkout, "--check") == 1


def test_dependencies_are_those_that_the_wheels_name(checkout: Checkout) -> None:
    root = describe(
        checkout,
        described("one", requires="Tw_O >=1"),
        described("tw-o", requires="x; extra == 'y'"),
    )
    assert run(checkout) == 0
    graph = {
        entry["ref"]: entry.get("dependsOn", [])
        for entry in json.loads((root / sbom.SBOM).read_text())["dependencies"]
    }
    assert graph["pkg:pypi/one@1.0"] == ["pkg:pypi/tw-o@1.0"]
    assert graph["pkg:pypi/tw-o@1.0"] == []


def test_facts_about_another_version_are_refused(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(checkout, described("one"), version="0.9")
    assert run(checkout) == 1
    assert "does not describe the locked versions of one" in capsys.readouterr().err


def test_wheels_that_are_not_locked_are_refused(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(checkout, described("one"))
    (checkout.wheels / "two-1.0-py3-none-any.whl").write_bytes(described("two").content)
    assert run(checkout) == 1
    assert "it is a different version, or it was modified" in capsys.readouterr().err
