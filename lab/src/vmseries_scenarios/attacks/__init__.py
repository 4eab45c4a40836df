"""Attacks on a deployment, by the attackers in the threat model of docs/security.md.

Each attacker has exactly the stated rights, in a lab that enforces IAM. An attack is held if it
touches nothing that is not its own, and if something reports it: an error to the attacker, a dead
letter, an alarm, or a named error in the log. No report is needed only if everything that the
attack concerns ends as without it, which is verified. One module has one family:

- ``forged_messages``: messages about firewalls that are in service, or of another deployment
- ``forged_times``: messages about real transitions, with other times
- ``poison_messages``: messages that no parser expects
- ``borrowed_identities``: host names and serial tags of other firewalls
- ``hostile_responses``: responses that no real Panorama returns

``site`` prepares the deployments and the attackers, ``watch`` compares the situation before and
after an attack, and ``guards`` is the negative control: functions with one guard removed.
"""
