"""Attacks on a deployment, by the attackers in the threat model of docs/security.md.

Each attacker has exactly the stated rights, in a lab that enforces IAM. An attack is held if it
touches nothing except the attacker's own resources, and if it is reported. Each module has one
family of attacks:

- ``forged_messages``: messages about firewalls that are in service, or of another deployment
- ``forged_times``: messages about real transitions, with other times
- ``poison_messages``: messages that no parser expects
- ``borrowed_identities``: host names and serial tags of other firewalls
- ``hostile_responses``: responses that no real Panorama returns

``site`` prepares the deployments and the attackers, ``watch`` compares the situation before and
after an attack, and ``guards`` is the negative control: functions with one guard removed.
"""
