"""tools/aws_schema.py recovers schemas from the TypeScript in the npm package's source maps."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path

import pytest

import aws_schema

RESOURCE = """\
export function thingLimitToHclTerraform(struct?: any): any {
}
export class ThingLimitOutputReference extends cdktf.ComplexObject {
  // burst - computed: true, optional: true, required: false
  private _burst?: number;
  public get burst() {
    return this.getNumberAttribute('burst');
  }
}
export class ThingRuleOutputReference extends cdktf.ComplexObject {
  // ports - computed: false, optional: false, required: true
  private _ports?: number[];
  public get ports() {
    return this.getNumberListAttribute('ports');
  }
}
export class ThingStateOutputReference extends cdktf.ComplexObject {
  // code - computed: true, optional: false, required: false
  public get code() {
    return this.getStringAttribute('code');
  }
  // seen - computed: true, optional: false, required: false
  private _seen = new cdktf.BooleanMap(this, "seen");
  public get seen() {
    return this._seen;
  }
}
export class Thing extends cdktf.TerraformResource {
  public static readonly tfResourceType = "aws_thing";

  // name - computed: false, optional: false, required: true
  private _name?: string;
  public get name() {
    return this.getStringAttribute('name');
  }

  // zones - computed: true, optional: true, required: false
  private _zones?: string[];
  public get zones() {
    return cdktf.Fn.tolist(this.getListAttribute('zones'));
  }

  // states - computed: true, optional: false, required: false
  private _states = new ThingStateList(this, "states", true);
  public get states() {
    return this._states;
  }

  // rule - computed: false, optional: false, required: true
  private _rule = new ThingRuleList(this, "rule", true);
  public get rule() {
    return this._rule;
  }

  // limit - computed: false, optional: true, required: false
  private _limit = new ThingLimitOutputReference(this, "limit");
  public get limit() {
    return this._limit;
  }

  // ==========
  // SYNTHESIS
  // ==========
  protected synthesizeHclAttributes(): { [name: string]: any } {
    const attrs = {
      limit: {
        value: thingLimitToHclTerraform(this._limit.internalValue),
        isBlock: true,
        type: "list",
        storageClassType: "ThingLimitList",
      },
    };
  }
}
"""

PROVIDER = """\
export interface AwsProviderDefaultTags {
  /**
  * Docs: {@link https://example.com/docs#tags AwsProvider#tags}
  */
  readonly tags?: { [key: string]: string };
}
export class AwsProvider extends cdktf.TerraformProvider {
  public static readonly tfResourceType = "aws";

  // region - computed: false, optional: true, required: false
  private _region?: string;
  public get region() {
    return this._region;
  }

  // default_tags - computed: false, optional: true, required: false
  private _defaultTags?: AwsProviderDefaultTags[] | cdktf.IResolvable;
  public get defaultTags() {
    return this._defaultTags;
  }
}
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An npm package with the structure of @cdktf/provider-aws."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as package:
        for name, text in (("thing", RESOURCE), ("provider", PROVIDER)):
            mapped = base64.b64encode(json.dumps({"sourcesContent": [text]}).encode())
            data = b"//# sourceMappingURL=data:application/json;base64," + mapped
            entry = tarfile.TarInfo(f"package/lib/{name}/index.js")
            entry.size = len(data)
            package.addfile(entry, io.BytesIO(data))
    return path


def test_attributes_and_blocks_are_recovered(archive: Path) -> None:
    recovered = aws_schema.recover(archive, {"aws_thing"})
    assert recovered["types"]["aws_thing"]["block"] == {
        "attributes": {
            "name": {"type": "string", "required": True},
            "zones": {"type": ["set", "string"], "optional": True, "computed": True},
            "states": {
                "type": ["set", ["object", {"code": "string", "seen": ["map", "bool"]}]],
                "computed": True,
            },
        },
        "block_types": {
            "rule": {
                "nesting_mode": "set",
                "min_items": 1,
                "block": {"attributes": {"ports": {"type": ["list", "number"], "required": True}}},
            },
            "limit": {
                "nesting_mode": "list",
                "max_items": 1,
                "block": {
                    "attributes": {"burst": {"type": "number", "optional": True, "computed": True}}
                },
            },
        },
    }


def test_blocks_of_the_provider_are_recovered(archive: Path) -> None:
    provider = aws_schema.recover(archive, set())["provider"]["block"]
    assert provider["attributes"] == {"region": {"type": "string", "optional": True}}
    tags = {"attributes": {"tags": {"type": ["map", "string"], "optional": True}}}
    assert provider["block_types"] == {"default_tags": {"nesting_mode": "list", "block": tags}}


def test_a_type_that_the_package_lacks_is_named(archive: Path) -> None:
    with pytest.raises(aws_schema.SchemaError, match=r"lacks: data\.aws_thing"):
        aws_schema.recover(archive, {"aws_thing", "data.aws_thing"})


def test_types_are_collected_from_every_terraform_file(tmp_path: Path) -> None:
    for folder, text in (
        (".", 'resource "aws_one" "x" {}\nresource "terraform_data" "x" {}\n'),
        ("modules/m", 'data "aws_two" "x" {}\n'),
        ("examples/e", 'resource "aws_three" "x" {}\n'),
    ):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "main.tf").write_text(text)
    assert aws_schema.used_types(tmp_path) == {"aws_one", "data.aws_two", "aws_three"}


def test_a_written_schema_has_a_line_for_each_type_and_can_be_parsed(archive: Path) -> None:
    recovered = aws_schema.recover(archive, {"aws_thing"})
    text = aws_schema.text_of(recovered)
    assert json.loads(text) == recovered
    assert sum(line.startswith('"aws_') for line in text.splitlines()) == 1
