"""Walks the flows of a deployment through AWS and PAN-OS, packet by packet.

``aws_reader`` reads the networks of an account through the public Describe calls, and
``pan_os_reader`` the configuration of the firewalls from Panorama's running configuration.
``pan_os`` decides what a firewall does with a packet, ``walker`` follows a packet and its reply,
``flows`` lists the flows of a deployment, and ``report`` prints them. Nothing is changed, and no
packet is sent.
"""
