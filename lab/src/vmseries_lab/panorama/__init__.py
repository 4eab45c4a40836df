"""The lab's Panorama: an HTTPS server that speaks the PAN-OS XML API."""

from __future__ import annotations

from vmseries_lab.certificates import Authority
from vmseries_lab.panorama.service import Panorama
from vmseries_lab.world import World


def install(world: World, authority: Authority) -> Panorama:
    """Start a Panorama with a certificate of ``authority``; it lives on the world's clock."""
    panorama = Panorama(world, authority)
    world.engines.append(panorama)
    return panorama
