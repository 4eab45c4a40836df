"""Write the software bill of materials (SBOM) of the functions' archives.

    python3 tools/sbom.py            write lambda/sbom.cdx.json
    python3 tools/sbom.py --check    exit 1 if the file is not current

The SBOM is a CycloneDX 1.6 document. It describes ``functions.zip``, the layer, and each package in
the layer. pip downloads the layer's wheels, unless ``--from-wheels`` names a folder that has them.
The document has no time, and its serial number is a digest of its content: the same archives give
the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import runpy
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Collection, Mapping, Sequence
from email.parser import Parser
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import (
    DisjunctiveLicense,
    License,
    LicenseAcknowledgement,
    LicenseExpression,
)
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

import layer_packages
from layer_packages import Package, PackagesError

REPOSITORY = Path(__file__).resolve().parents[1]
SBOM = Path("lambda/sbom.cdx.json")

OWN_LICENSE = "Apache-2.0"

NAMESPACE = uuid.UUID("5b0f6d2c-6c0e-5e0f-9f5e-0d6f0a5a7c11")
"""Makes the serial numbers of these documents differ from those of others with the same content."""

RUNTIME = Property(
    name="vmseries-autoscale:not-shipped",
    value="In Lambda's runtime: Python, boto3, botocore, s3transfer, urllib3, python-dateutil, six",
)


def sbom(repository: Path, wheels: Mapping[str, bytes]) -> str:
    """Return the SBOM as JSON.

    Args:
        repository: A checkout.
        wheels: The locked wheels by file name.

    Raises:
        PackagesError: packages.toml does not match the lock, or a wheel is not a locked one.
    """
    layer_lock = json.loads((repository / layer_packages.LAYER_LOCK).read_text(encoding="utf-8"))
    functions_digest = _sha256((repository / layer_packages.FUNCTIONS).read_bytes())
    whole = Component(
        name="vmseries-autoscale",
        type=ComponentType.APPLICATION,
        bom_ref="vmseries-autoscale",
        licenses=_licenses({OWN_LICENSE}),
        purl=PackageURL("generic", name="vmseries-autoscale"),
    )
    components = {}
    needs = {}
    for package in layer_packages.packages(repository):
        content = _wheel(package, wheels)
        components[package.name] = _component(package, content)
        needs[package.name] = requirements_of(content)
    functions = _archive("functions.zip", functions_digest, {OWN_LICENSE})
    layer = _archive(
        layer_lock["file"],
        layer_lock["sha256"],
        {package.license for package in layer_packages.packages(repository)},
    )

    bom = Bom(components=[functions, layer, *components.values()])
    bom.metadata.component = whole
    bom.metadata.properties.add(RUNTIME)
    bom.register_dependency(whole, [functions, layer])
    bom.register_dependency(functions, [layer])
    bom.register_dependency(layer, components.values())
    for name, component in components.items():
        bom.register_dependency(
            component, [components[need] for need in needs[name] if need in components]
        )
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]
    del document["serialNumber"]
    content_digest = _sha256(json.dumps(document, sort_keys=True).encode())
    document["serialNumber"] = uuid.uuid5(NAMESPACE, content_digest).urn
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _archive(file_name: str, digest: str, licenses: Collection[str]) -> Component:
    return Component(
        name=file_name,
        type=ComponentType.FILE,
        bom_ref=file_name,
        scope=ComponentScope.REQUIRED,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        licenses=_licenses(licenses),
        purl=PackageURL("generic", name=file_name, qualifiers={"checksum": f"sha256:{digest}"}),
    )


def _component(package: Package, wheel: bytes) -> Component:
    purl = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        scope=ComponentScope.REQUIRED,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=_sha256(wheel))],
        licenses=_licenses({package.license}),
        purl=purl,
    )


def _licenses(identifiers: Collection[str]) -> list[License]:
    """Return the licenses as this project read them in the texts: all of them apply."""
    concluded = LicenseAcknowledgement.CONCLUDED
    if len(identifiers) == 1:
        return [DisjunctiveLicense(id=next(iter(identifiers)), acknowledgement=concluded)]
    return [LicenseExpression(" AND ".join(sorted(identifiers)), acknowledgement=concluded)]


def _wheel(package: Package, wheels: Mapping[str, bytes]) -> bytes:
    for content in wheels.values():
        if _sha256(content) in package.digests:
            return content
    raise PackagesError(f"there is no wheel of {package.name} {package.version}")


def requirements_of(wheel: bytes) -> list[str]:
    """Return the names of the packages that a wheel requires, without those of its extras."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    required = map(Requirement, metadata.get_all("Requires-Dist", []))
    return [
        re.sub(r"[-_.]+", "-", requirement.name).lower()
        for requirement in required
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def locked_wheels(repository: Path, folder: Path | None) -> dict[str, bytes]:
    """Return the locked wheels by file name, from a folder or from the package index.

    Raises:
        PackagesError: A wheel is missing, or is not the locked one.
    """
    build = _build_program(repository)
    try:
        if folder is not None:
            return dict(build["wheels_in"](folder))
        with tempfile.TemporaryDirectory(prefix="vmseries-autoscale-") as downloads:
            build["download"](sys.executable, Path(downloads))
            return dict(build["wheels_in"](Path(downloads)))
    except build["BuildError"] as error:
        raise PackagesError(str(error)) from error


def _build_program(repository: Path) -> dict[str, Any]:
    """Load lambda/build.py, which is in a folder whose name is a keyword of Python."""
    return runpy.run_path(str(repository / "lambda" / "build.py"))


def main(arguments: Sequence[str] | None = None, repository: Path = REPOSITORY) -> int:
    """Write or check the SBOM, and return the exit status."""
    parser = argparse.ArgumentParser(description="Keep the software bill of materials current.")
    parser.add_argument("--check", action="store_true", help="only report a stale document")
    parser.add_argument(
        "--from-wheels", type=Path, metavar="FOLDER", help="use the wheels in this folder"
    )
    options = parser.parse_args(arguments)
    try:
        document = sbom(repository, locked_wheels(repository, options.from_wheels))
    except PackagesError as error:
        print(f"sbom.py: {error}", file=sys.stderr)
        return 1
    path = repository / SBOM
    if not options.check:
        path.write_text(document, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != document:
        print(f"{SBOM} is not current: run make sbom", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
