"""Palo Alto Networks' API of Software NGFW credits: pools of credits, and what has taken them."""

from vmseries_autoscale.credit_pool.answers import Pool, Profile
from vmseries_autoscale.credit_pool.client import CreditPoolClient
from vmseries_autoscale.credit_pool.headroom import Headroom, headroom

__all__ = ["CreditPoolClient", "Headroom", "Pool", "Profile", "headroom"]
