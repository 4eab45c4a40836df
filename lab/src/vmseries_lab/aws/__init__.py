"""The simulated AWS: moto completed with what it lacks, one module per service."""
