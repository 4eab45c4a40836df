"""The simulated AWS: moto with additions, one module or package per service."""

from functools import cache

from botocore.loaders import JSONFileLoader

# Every boto3 session parses the service models, which are megabytes of JSON. Moto creates a dozen
# sessions while it is imported, a third of the lab's start-up time. The models never change.
_load_file = cache(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda _loader, path: _load_file(path)  # type: ignore[assignment,method-assign]
