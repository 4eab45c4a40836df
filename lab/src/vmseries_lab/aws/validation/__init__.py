"""Refuses what AWS refuses: checks every call with published models of AWS's services.

``wire`` reads a request, ``model`` has the tree of its action, ``constraints`` and ``patterns`` say
what a value must satisfy, ``published_rules`` adds what the models of the SDKs do not state,
``state_rules`` what depends on the account, ``reviewed_actions`` which actions have an effect here.
``validator`` puts them together, and ``errors`` words the refusal as the service does.
"""

from vmseries_lab.aws.validation.validator import Refusal, Validator

__all__ = ["Refusal", "Validator"]
