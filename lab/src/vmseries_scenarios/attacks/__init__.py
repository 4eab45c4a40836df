"""Attacks on a deployment, by attackers with few rights each.

Each attacker has exactly the stated rights, in a lab that enforces IAM. An attack is held if it
touches nothing that is not its own, and if something reports it: an error to the attacker, a dead
letter, an alarm, or a named error in the log. No report is needed only if everything that the
attack concerns ends as without it, which is verified. One module has one family:

- ``forged_messages``: messages about firewalls that are in service, or not the deployment's
- ``forged_times``: messages about real transitions, with other times
- ``poison_messages``: messages that no parser expects
- ``borrowed_identities``: host names and serial tags of other firewalls
- ``hostile_responses``: a Panorama that returns what no Panorama returns

``site`` is the situation, ``watch`` compares it before and after, and ``guards`` is the negative
control: functions with one guard removed.
"""
