"""Words of Panorama's answers that say nothing about a deployment, and are recorded as they are.

Everything else is replaced. The words are from recorded answers in the public tests of the vendor's
own clients (pan-os-python, pango, demisto/content) and from the PAN-OS CLI reference.
"""

from __future__ import annotations

import re

PATH_STEPS = frozenset(
    {
        *("config", "readonly", "shared", "mgt-config", "devices", "device", "entry", "vsys"),
        *("device-group", "template", "template-stack", "log-collector-group", "log-collector"),
        *("logfwd-setting", "deviceconfig", "system", "setting", "hostname", "type", "dhcp-client"),
        *("network", "interface", "plugins", "sw_fw_license", "license-manager", "sd_wan"),
        *("pre-rulebase", "post-rulebase", "security", "rules", "address", "address-group"),
        *("service", "tag", "users", "admin-role", "certificate", "variable", "templates"),
    }
)
"""Names of elements in the XPaths of Panorama's configuration. Any other step may be a value."""

WORDS = frozenset(
    {
        # Any element.
        *("yes", "no", "on", "off", "none", "None", "Never", "unknown", "enable", "disable"),
        *("enabled", "disabled", "success", "error", "n/a", "N/A", "any", "default", "ok", "all"),
        # Devices and groups.
        *("In Sync", "Out of Sync", "connected", "disconnected", "not connected", "normal"),
        *(
            "commit succeeded",
            "commit succeeded with warnings",
            "commit failed",
            "validation failed",
        ),
        *(
            "vm",
            "pc",
            "PA-VM",
            "Panorama",
            "panorama",
            "vsys1",
            "localhost.localdomain",
            "AWS",
            "aws",
        ),
        *(
            "Valid",
            "Invalid",
            "Present",
            "Not Present",
            "Not Connected",
            "Not configured",
            "failed",
        ),
        *(
            "Unknown",
            "PA-VM-AWS",
            "Amazon AWS",
            "cloud",
            "auto",
            "manual",
            "dhcp-client",
            "static",
            "sync",
            "idle",
        ),
        # Jobs.
        *(
            "Commit",
            "CommitAll",
            "CommitAndPush",
            "Validate",
            "ValidateAll",
            "AutoCom",
            "BatchLicense",
        ),
        *("Failed-Job", "Downld", "Install", "BatchInstall", "ConfgSync", "HA-Sync", "EDLFetch"),
        *("PEND", "ACT", "FIN", "OK", "FAIL", "YES", "NO", "Completed"),
        *("Configuration committed successfully", "Commit failed", "system"),
        # High availability.
        *(f"{p}-{s}" for p in ("primary", "secondary") for s in ("active", "passive", "suspended")),
        *("up", "down", "synchronized", "not synchronized", "synchronization in progress"),
        # Changes.
        *("CREATE", "EDIT", "DELETE", "MOVE", "RENAME", "SET", "set", "edit", "delete"),
        *("__sw_fw_license", "__dynamic_user", "admin"),
        # Features of licenses, and plugins.
        *("VM-Series", "PA-VM", "VM-Capacity", "Support", "Premium", "Standard", "Logging Service"),
        *("Threat Prevention", "Advanced Threat Prevention", "WildFire License", "DNS Security"),
        *("Advanced URL Filtering", "PAN-DB URL Filtering", "GlobalProtect Gateway", "SD WAN"),
        *("Advanced WildFire License", "Device Management License", "AutoFocus Device License"),
        *("vm_series", "sw_fw_license", "sd_wan", "clustering", "cloudconnector", "dlp", "ztp"),
        # Texts of a result.
        *("No devices", "License manager is initializing", "command succeeded"),
        *("Successfully deactivated VM. Please issue reboot", "There are no changes to commit."),
    }
)

VERSIONS = frozenset({"sw-version", "version"})
"""Elements and attributes whose value is a version of PAN-OS or of a plugin."""
VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(?:-[a-z]{1,2}[0-9]{1,4})?")

CAPACITIES = frozenset({"vm-license"})
"""Elements whose value is the model of a license ("show system info")."""
CAPACITY = re.compile(r"VM-(?:SERIES(?:-[0-9]{1,2})?|[0-9]{2,4}(?:-HV)?)")


def is_known(owner: str, text: str) -> bool:
    """Return whether a text may be recorded as it is.

    Args:
        owner: Name of the element or of the attribute.
        text: Its whole text.
    """
    if text in WORDS:
        return True
    if owner in VERSIONS:
        return VERSION.fullmatch(text) is not None
    return owner in CAPACITIES and CAPACITY.fullmatch(text) is not None
