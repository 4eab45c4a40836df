"""Recover the schema of an AWS provider version that is not installed.

The tests apply with the AWS provider that is installed. The schema of other versions is public:
the npm package `@cdktf/provider-aws` is generated from it. This tool extracts the resource types
that this repository uses, and the tests validate the modules and examples against them.

    npm pack @cdktf/provider-aws@21.22.1
    python3 tools/aws_schema.py cdktf-provider-aws-21.22.1.tgz

Run it again when the module uses another resource type or supports another major version. The
package has the generated TypeScript in its source maps, which shows each argument's name and type,
and whether it is required, optional or computed. It does not show which arguments are sensitive or
force a replacement, limits above one on nested blocks, or the provider's own checks of values.
Nested attributes become blocks.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

REPOSITORY = Path(__file__).resolve().parents[1]
OUTPUT = REPOSITORY / "tests" / "fixtures" / "aws-6.25.0-schema.json"

PROVIDER_VERSION = "6.25.0"
ARCHIVE_SHA256 = "d1446ab6ac6526c6fab4b28a5ebefdd90c0ce56203949925d35a4d286c05cbbf"

SOURCE_MAP = re.compile(rb"sourceMappingURL=data:application/json;base64,(\S+)")
KIND = re.compile(
    r"^export class (\w+) extends cdktf\.Terraform(Resource|DataSource|Provider) ", re.MULTILINE
)
TERRAFORM_TYPE = re.compile(r'tfResourceType = "(\w+)"')
CLASS = re.compile(r"^export class (\w+) extends [^\n]*\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
INTERFACE = re.compile(r"^export interface (\w+)[^\n]*\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(
    r"^  // (?P<name>\w+) - computed: (?P<computed>\w+), optional: (?P<optional>\w+), "
    r"required: (?P<required>\w+)\n(?P<text>.*?)(?=^  // (?:\w+ - computed|=)|\Z)",
    re.MULTILINE | re.DOTALL,
)
COMPLEX = re.compile(r'= new ([\w.]+)\(this, "\w+"(?:, (true|false))?\)')
DECLARED = re.compile(r"private _\w+\?: ([^;]*);")
GETTER = re.compile(r"return ((?:cdktf\.Fn\.tolist\()?)this\.get(\w+)Attribute\(")
FIELD = re.compile(r"#(\w+) \w+#\w+\}\n  \*/\n  readonly \w+(\??): (.*);$", re.MULTILINE)

SCALARS = {"String": "string", "Number": "number", "Boolean": "bool", "Any": "dynamic"}
TYPESCRIPT = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
NESTING = {"struct": "single", "list": "list", "set": "set", "map": "map"}

Type = Any
"""A type as `terraform providers schema -json` writes it: "string", ["list", "string"], …"""

Schema = dict[str, Any]


class SchemaError(Exception):
    """The package is not the expected one, or a type is missing. The message says which."""


# Generated TypeScript to schema -------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A generated TypeScript file: the classes and interfaces of one resource type."""

    text: str
    classes: dict[str, str]
    interfaces: dict[str, str]

    @classmethod
    def read(cls, text: str) -> Source:
        """Find the classes and interfaces in the text of a file."""
        return cls(text, dict(CLASS.findall(text)), dict(INTERFACE.findall(text)))

    def block(self, name: str) -> Schema:
        """Return the block that a class represents: that of a resource, or a nested block."""
        attributes: Schema = {}
        blocks: Schema = {}
        for member in MEMBER.finditer(self.classes[name]):
            flags = {
                flag: True
                for flag in ("required", "optional", "computed")
                if member[flag] == "true"
            }
            nested = self.nested_block(member, flags)
            if nested is None:
                attributes[member["name"]] = {"type": self.type_of(member), **flags}
            else:
                blocks[member["name"]] = nested
        return {"attributes": attributes} | ({"block_types": blocks} if blocks else {})

    def nested_block(self, member: re.Match[str], flags: Schema) -> Schema | None:
        """Return a member as a nested block; None if it is an attribute.

        A computed member, optional or not, is an attribute even if it is an object, because blocks
        cannot be computed.
        """
        if "computed" in flags:
            return None
        limits = {"min_items": 1} if "required" in flags else {}
        complex_value = COMPLEX.search(member["text"])
        if complex_value:
            base, nesting, single = self.shape(complex_value)
            if base.startswith("cdktf."):
                return None
            if single and nesting != "single":
                limits["max_items"] = 1
            block = self.block(f"{base}OutputReference")
        else:
            declared = DECLARED.search(member["text"])
            interface, many = re.subn(r"\[\]$", "", plain(declared[1]) if declared else "")
            if interface not in self.interfaces:
                return None
            nesting = "list" if many else "single"
            block = self.interface_block(interface)
        return {"nesting_mode": nesting, "block": block, **limits}

    def interface_block(self, name: str) -> Schema:
        """Return a block that only an interface describes, such as those of the provider."""
        return {
            "attributes": {
                field: {"type": declared_type(kind), "optional" if optional else "required": True}
                for field, optional, kind in FIELD.findall(self.interfaces[name])
                if plain(kind).removesuffix("[]") not in self.interfaces
            }
        }

    def shape(self, complex_value: re.Match[str]) -> tuple[str, str, bool]:
        """Return a complex member's class without suffix, its nesting, and whether it is single."""
        name, wraps_set = complex_value.groups()
        if name.startswith("cdktf."):
            return name, "map", False
        if name.endswith("OutputReference"):
            base = name.removesuffix("OutputReference")
            function = re.escape(base[0].lower() + base[1:]) + r"ToHclTerraform\("
            entry = rf'{function}[^\n]*\n\s+isBlock: \w+,\n\s+type: "(\w+)"'
            mapping = re.search(entry, self.text)
            return base, NESTING[mapping[1]] if mapping else "single", True
        if name.endswith("Map"):
            return name.removesuffix("Map"), "map", False
        return name.removesuffix("List"), "set" if wraps_set == "true" else "list", False

    def type_of(self, member: re.Match[str]) -> Type:
        """Return the type of an attribute."""
        complex_value = COMPLEX.search(member["text"])
        if complex_value is None:
            return simple_type(member["text"])
        base, nesting, _ = self.shape(complex_value)
        if base.startswith("cdktf."):
            return ["map", SCALARS[base.removeprefix("cdktf.").removesuffix("Map")]]
        fields = MEMBER.finditer(self.classes[f"{base}OutputReference"])
        value = ["object", {field["name"]: self.type_of(field) for field in fields}]
        return value if nesting == "single" else [nesting, value]


def simple_type(text: str) -> Type:
    """Return the type of an attribute that has no class, from its getter or declaration."""
    getter = GETTER.search(text)
    if getter is None:
        declared = DECLARED.search(text)
        return declared_type(declared[1]) if declared else "dynamic"
    wrapper, kind = getter.groups()
    if kind in SCALARS:
        return SCALARS[kind]
    if kind.endswith("Map"):
        return ["map", SCALARS[kind.removesuffix("Map")]]
    return ["set" if wrapper else "list", SCALARS[kind.removesuffix("List") or "String"]]


def declared_type(typescript: str) -> Type:
    """Return the Terraform type that a TypeScript type represents."""
    kind = plain(typescript)
    if kind.endswith("[]"):
        return ["list", declared_type(kind.removesuffix("[]"))]
    mapped = re.fullmatch(r"\{ \[key: string\]: (.*) \}", kind)
    if mapped:
        return ["map", declared_type(mapped[1])]
    return TYPESCRIPT.get(kind, "dynamic")


def plain(typescript: str) -> str:
    """Return a TypeScript type without its alternative for references."""
    kind = typescript.replace(" | cdktf.IResolvable", "").strip()
    return re.sub(r"^\((.*)\)(\[\])$", r"\1\2", kind)


# The package --------------------------------------------------------------------------------------


def sources(archive: Path) -> Iterator[str]:
    """Yield the generated TypeScript of every resource type, data source and the provider."""
    with tarfile.open(archive) as package:
        for entry in package:
            file = package.extractfile(entry) if entry.name.endswith("/index.js") else None
            source_map = SOURCE_MAP.search(file.read()) if file else None
            if source_map:
                yield json.loads(base64.b64decode(source_map[1]))["sourcesContent"][0]


def recover(archive: Path, wanted: set[str]) -> Schema:
    """Return the schemas of the provider and of the wanted types.

    Args:
        archive: The npm package.
        wanted: Names such as `aws_vpc` for a resource and `data.aws_vpc` for a data source.

    Raises:
        SchemaError: The package lacks one of the types.
    """
    provider: Schema = {}
    types: Schema = {}
    for text in sources(archive):
        kind = KIND.search(text)
        name = TERRAFORM_TYPE.search(text)
        if kind is None or name is None:
            continue
        key = {"Resource": "", "DataSource": "data.", "Provider": "provider."}[kind[2]] + name[1]
        if key in wanted:
            types[key] = {"version": 0, "block": Source.read(text).block(kind[1])}
        elif kind[2] == "Provider":
            provider = {"version": 0, "block": Source.read(text).block(kind[1])}
    missing = sorted(wanted - types.keys())
    if missing or not provider:
        raise SchemaError(f"{archive.name} lacks: {', '.join(missing) or 'the provider'}")
    return {"provider": provider, "types": dict(sorted(types.items()))}


def used_types(repository: Path) -> set[str]:
    """Return the AWS resource types and data sources of the module and its examples."""
    used = set()
    for pattern in ("*.tf", "modules/*/*.tf", "examples/*/*.tf", "examples/modules/*/*.tf"):
        for path in repository.glob(pattern):
            content = hcl2.loads(path.read_text())
            for kind, prefix in (("resource", ""), ("data", "data.")):
                for block in content.get(kind, []):
                    used |= {prefix + name.strip('"') for name in block}
    return {name for name in used if name.removeprefix("data.").startswith("aws_")}


def text_of(schema: Schema) -> str:
    """Return a schema as JSON with one line for each type, for readable diffs."""

    def compact(value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    types = ",\n".join(f"{compact(name)}:{compact(body)}" for name, body in schema["types"].items())
    return f'{{"provider":{compact(schema["provider"])},\n"types":{{\n{types}\n}}}}\n'


def main() -> int:
    """Write the schema of the types that the repository uses."""
    parser = argparse.ArgumentParser(
        description=f"Recover AWS provider {PROVIDER_VERSION}'s schema."
    )
    parser.add_argument("archive", type=Path, help="the npm package")
    options = parser.parse_args()
    digest = hashlib.sha256(options.archive.read_bytes()).hexdigest()
    if digest != ARCHIVE_SHA256:
        print(
            f"{options.archive} is not the expected package: its SHA-256 is {digest}, "
            f"not {ARCHIVE_SHA256}",
            file=sys.stderr,
        )
        return 1
    wanted = used_types(REPOSITORY)
    try:
        schema = recover(options.archive, wanted)
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    OUTPUT.write_text(text_of(schema))
    print(f"{OUTPUT.relative_to(REPOSITORY)}: {len(wanted)} types")
    return 0


if __name__ == "__main__":
    sys.exit(main())
