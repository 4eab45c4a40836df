"""Any PAN-OS device: connection, commands and errors."""
