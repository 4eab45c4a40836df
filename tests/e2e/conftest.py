"""Let pytest explain the assertions of the shared story as it does those of a test file."""

import pytest

pytest.register_assert_rewrite("e2e.story")
