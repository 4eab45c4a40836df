"""Panorama: configuration, commits and jobs, managed firewalls, high availability, XML API.

``service`` is the entry point: one Panorama or a pair. A ``peer`` has an ``api``, which checks the
request's ``administrators`` and ``admin_roles`` and passes it to ``config_requests``,
``op_commands``, ``commits``, ``locks``, ``device_licenses`` or the ``change_journal``.
"""
