"""The simulated AWS: moto and what it lacks, one module or package per service."""

from functools import cache

from botocore.loaders import JSONFileLoader

# Every session of boto3 parses the megabytes that describe a service for itself, and moto makes a
# dozen sessions while it is imported: a third of a lab's start. They are never changed afterwards.
_load_file = cache(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda _loader, path: _load_file(path)  # type: ignore[assignment,method-assign]
