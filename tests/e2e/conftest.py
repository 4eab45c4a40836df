"""Lets pytest rewrite the assertions of shared modules, as it does for test files."""

import pytest

pytest.register_assert_rewrite("e2e.story")
