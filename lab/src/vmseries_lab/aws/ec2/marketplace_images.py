"""The VM-Series images of the AWS Marketplace, as a subscribed account sees them.

Names, owner and product codes: Palo Alto Networks, terraform-aws-swfw-modules, modules/vmseries
(variable ``vmseries_product_code``) and the Marketplace listings. The IDs are the lab's own; real
IDs differ per Region and release.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses._base_response import EC2BaseResponse

from vmseries_lab.aws.moto_patching import backend, require_moto, wrap
from vmseries_lab.core.world import World

MARKETPLACE_OWNER = "679593333241"
MARKETPLACE_ALIAS = "aws-marketplace"

PRODUCT_CODES = {
    "byol": "6njl1pau431dv1qxipg63mvah",
    "bundle1": "e9yfvyj3uag5uo5j2hjikv74n",
    "bundle2": "hd44w1chf26uv4p52cdynb2o",
}
ARM_BYOL_PRODUCT_CODE = "70xbkm08ivye46l4gfa6c85v7"

RELEASES = {
    "10.2.10": "2024-06-20",
    "11.1.4-h7": "2024-10-30",
    "11.1.6-h3": "2025-03-12",
    "11.2.5": "2025-02-06",
}


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the Marketplace."""

    image_id: str
    name: str
    product_code: str
    architecture: str
    created: datetime


def marketplace_images() -> list[Image]:
    """Return all VM-Series images of the lab; their IDs are constant."""
    listings = [("PA-VM-AWS", code, "x86_64") for code in PRODUCT_CODES.values()]
    listings.append(("PA-VMARM-AWS", ARM_BYOL_PRODUCT_CODE, "arm64"))
    images = []
    for listing, (prefix, code, architecture) in enumerate(listings, start=1):
        for release, (version, date) in enumerate(RELEASES.items(), start=1):
            images.append(
                Image(
                    image_id=f"ami-0fa{listing:02x}{release:02x}0000000000",
                    name=f"{prefix}-{version}-7064e142-2859-40a4-ab62-8b0996b842e{listing}",
                    product_code=code,
                    architecture=architecture,
                    created=datetime.fromisoformat(date).replace(tzinfo=UTC),
                )
            )
    return images


def _seed(store: Any) -> None:
    for image in marketplace_images():
        store.amis[image.image_id] = Ami(
            store,
            image.image_id,
            name=image.name,
            description=image.name,
            owner_id=MARKETPLACE_OWNER,
            owner_alias=MARKETPLACE_ALIAS,
            public=True,
            virtualization_type="hvm",
            architecture=image.architecture,
            image_location=f"{MARKETPLACE_ALIAS}/{image.name}",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name="/dev/xvda",
            creation_date=image.created,
            product_codes={image.product_code},
            boot_mode="legacy-bios",
        )


def _product_codes(codes: Any) -> list[dict[str, str]]:
    return [{"ProductCodeId": code, "ProductCodeType": "marketplace"} for code in sorted(codes)]


def install(world: World) -> list[Image]:  # noqa: ARG001 - the common form of every part
    """Add the VM-Series images whenever moto creates or resets its EC2 store.

    DescribeImages returns ``ProductCodes`` and ``EnaSupport``, and supports the filters
    ``owner-alias``, ``product-code`` and ``ena-support``.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
    """
    require_moto()

    wrap(AmiBackend, "_load_amis", _load)
    wrap(Ami, "get_filter_value", _filter_value)
    Ami.ena_support = True
    for shape in ("Image.ProductCodes", "Instance.ProductCodes"):
        EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER[shape] = _product_codes
    images = marketplace_images()
    store = backend("ec2")
    # A store that was just created already contains the images.
    if images[0].image_id not in store.amis:
        _seed(store)
    return images


def _load(original: Any, store: Any) -> None:
    original(store)
    _seed(store)


def _filter_value(original: Any, image: Any, name: str, method: str | None = None) -> Any:
    return "true" if name == "ena-support" else original(image, name, method)
