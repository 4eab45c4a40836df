"""A stand-in for a Terraform provider that has a schema and nothing else.

That is enough for `terraform validate` to check the names of arguments and blocks, their types,
required arguments, and references to attributes. The stand-in accepts all values. The variable
TF_REATTACH_PROVIDERS contains its address for Terraform, so that nothing has to be installed.

https://developer.hashicorp.com/terraform/plugin/debugging#terraform-cli-development-overrides
https://github.com/hashicorp/terraform/blob/main/docs/plugin-protocol/tfplugin6.proto
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc

Schema = Mapping[str, Any]

SERVICE = "tfplugin6.Provider"
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


# The schema in protobuf's wire format -------------------------------------------------------------
#
# Four small messages that are only written. A generated module and its runtime would be larger.


def varint(number: int) -> bytes:
    """Encode an unsigned number."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def message(*fields: tuple[int, bytes | str | int | bool]) -> bytes:
    """Encode a message from the numbers and values of its fields.

    Like protobuf, this omits zero, False and empty values. Nested messages are already encoded.
    """
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += varint(number << 3) + varint(value) if value else b""
        elif value:
            data = value.encode() if isinstance(value, str) else value
            encoded += varint(number << 3 | 2) + varint(len(data)) + data
    return encoded


def encode_block(block: Schema) -> bytes:
    """Encode `Schema.Block`: attributes are its field 2, nested blocks its field 3."""
    attributes = [
        message(
            (1, name),
            (2, json.dumps(body["type"])),
            (4, body.get("required", False)),
            (5, body.get("optional", False)),
            (6, body.get("computed", False)),
        )
        for name, body in block["attributes"].items()
    ]
    blocks = [
        message(
            (1, name),
            (2, encode_block(body["block"])),
            (3, NESTING[body["nesting_mode"]]),
            (4, body.get("min_items", 0)),
            (5, body.get("max_items", 0)),
        )
        for name, body in block.get("block_types", {}).items()
    ]
    return message(*((2, item) for item in attributes), *((3, item) for item in blocks))


def encode_schema(schema: Schema) -> bytes:
    """Encode `Schema`: version and block. The block must be present even if it is empty."""
    block = encode_block(schema["block"])
    return message((1, schema["version"])) + varint(2 << 3 | 2) + varint(len(block)) + block


def encode_provider_schema(schema: Schema) -> bytes:
    """Encode `GetProviderSchema.Response` from a file that tools/aws_schema.py has written."""
    entries: list[tuple[int, bytes]] = [(1, encode_schema(schema["provider"]))]
    for name, body in schema["types"].items():
        number = 3 if name.startswith("data.") else 2
        entry = message((1, name.removeprefix("data.")), (2, encode_schema(body)))
        entries.append((number, entry))
    return message(*entries)


# The server ---------------------------------------------------------------------------------------


class Handler(grpc.GenericRpcHandler):
    """Answers every call of the protocol with encoded messages."""

    def __init__(self, schema: Schema) -> None:
        self._answers = {f"/{SERVICE}/GetProviderSchema": encode_provider_schema(schema)}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        # An empty message is a valid answer to all other calls: it has no diagnostics.
        answer = self._answers.get(details.method, b"")
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)


@contextmanager
def serving(schema: Schema, source: str) -> Iterator[dict[str, str]]:
    """Serve a schema on the loopback interface for the provider `source`.

    Yields:
        Environment variables that let Terraform use it.
    """
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=[Handler(schema)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    reattach = {
        source: {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
        }
    }
    try:
        yield {"TF_REATTACH_PROVIDERS": json.dumps(reattach)}
    finally:
        server.stop(grace=None).wait()
