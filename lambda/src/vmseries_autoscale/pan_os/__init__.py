"""The XML API of PAN-OS devices: connection, commands and errors."""
