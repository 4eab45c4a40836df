"""An instance refresh with the module's defaults, in each readiness mode."""
