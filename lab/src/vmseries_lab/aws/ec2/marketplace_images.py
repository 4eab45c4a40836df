"""The VM-Series images of the AWS Marketplace, as a subscribed account sees them.

Names, owner and product codes: Palo Alto Networks, terraform-aws-swfw-modules, modules/vmseries
(variable ``vmseries_product_code``) and the Marketplace listings. The IDs are the lab's own; real
IDs differ per Region and release.

An image is deprecated two years after its creation, or earlier if a test says so: DescribeImages
then hides it from everybody but its owner, unless it is requested by ID or with
``IncludeDeprecated``; instances can still be launched. A deregistered image is gone.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/deregister-ami.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.responses.amis import AmisResponse

from vmseries_lab.aws.moto_patching import backend, require_moto, wrap
from vmseries_lab.core.control_api import Route
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
    "11.1.10-h25": "2026-05-13",
    "11.2.15": "2026-09-23",
}
"""PAN-OS versions and the days on which their images were created.

The last two are among those that a public catalog of the Marketplace shows; the days are the lab's.
https://github.com/jamesholland-uk/pan-os-image-catalog
"""

LISTED = timedelta(days=2 * 365)
"""Time after which a public image is deprecated at the latest (EnableImageDeprecation)."""


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
        _add(store, image)


def _add(store: Any, image: Image) -> None:
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


class Marketplace:
    """The publisher of the images, which deprecates, removes and replaces them for tests."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deprecated: dict[str, datetime] = {}
        self._replaced = 0

    def routes(self) -> list[tuple[str, str, Route]]:
        """Return the routes of the control API."""
        return [("POST", "images", lambda _query, body: self.change(**body))]

    def change(self, *, version: str, state: str) -> list[str]:
        """Change all images of a version; return their IDs.

        Args:
            version: PAN-OS version.
            state: ``deprecated``, ``deregistered``, or ``republished`` for new images with the same
                names, whose IDs are returned.

        Raises:
            ValueError: if there is no such image or no such state.
        """
        with self._world.lock:
            store = backend("ec2")
            images = [
                image
                for image in store.amis.values()
                if image.owner_alias == MARKETPLACE_ALIAS and f"-AWS-{version}-" in image.name
            ]
            if not images:
                raise ValueError(f"the Marketplace has no image of PAN-OS {version}")
            match state:
                case "deprecated":
                    self._deprecated |= {image.id: self._world.clock.utc() for image in images}
                    return [image.id for image in images]
                case "deregistered":
                    for image in images:
                        store.deregister_image(image.id)
                    return [image.id for image in images]
                case "republished":
                    return [self._publish_again(store, image) for image in images]
        raise ValueError(f"an image is deprecated, deregistered or republished, not {state!r}")

    def deprecation_time(self, image: Any) -> datetime | None:
        """Return when an image of the Marketplace is deprecated, ``None`` for other images."""
        if image.owner_alias != MARKETPLACE_ALIAS:
            return None
        created: datetime = image.creation_date
        return self._deprecated.get(image.id, created + LISTED)

    def describe(self, original: Any, response: Any) -> Any:
        """DescribeImages: deprecated images of others are hidden unless they are requested.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
        """
        answer = original(response)
        now = self._world.clock.utc()
        requested = (
            response._get_param("ImageIds", [])  # noqa: SLF001
            or response._get_param("IncludeDeprecated") in (True, "true")  # noqa: SLF001
        )
        shown = []
        for image in answer.result["Images"]:
            time = self.deprecation_time(image)
            image.deprecation_time = time.strftime("%Y-%m-%dT%H:%M:%S.000Z") if time else None
            if requested or time is None or now < time:
                shown.append(image)
        answer.result["Images"] = shown
        return answer

    def _publish_again(self, store: Any, image: Any) -> str:
        self._replaced += 1
        again = Image(
            image_id=f"{image.id[:-4]}{self._replaced:04x}",
            name=image.name,
            product_code=next(iter(image.product_codes)),
            architecture=image.architecture,
            created=self._world.clock.utc(),
        )
        _add(store, again)
        return again.image_id


def _product_codes(codes: Any) -> list[dict[str, str]]:
    return [{"ProductCodeId": code, "ProductCodeType": "marketplace"} for code in sorted(codes)]


def install(world: World) -> Marketplace:
    """Add the VM-Series images whenever moto creates or resets its EC2 store.

    DescribeImages returns ``ProductCodes`` and ``EnaSupport``, and supports the filters
    ``owner-alias``, ``product-code`` and ``ena-support``.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
    """
    require_moto()

    wrap(AmiBackend, "_load_amis", _load)
    wrap(Ami, "get_filter_value", _filter_value)
    marketplace = Marketplace(world)
    wrap(AmisResponse, "describe_images", marketplace.describe)
    Ami.ena_support = True
    for shape in ("Image.ProductCodes", "Instance.ProductCodes"):
        EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER[shape] = _product_codes
    images = marketplace_images()
    store = backend("ec2")
    # A store that was just created already contains the images.
    if images[0].image_id not in store.amis:
        _seed(store)
    return marketplace


def _load(original: Any, store: Any) -> None:
    original(store)
    _seed(store)


def _filter_value(original: Any, image: Any, name: str, method: str | None = None) -> Any:
    return "true" if name == "ena-support" else original(image, name, method)
