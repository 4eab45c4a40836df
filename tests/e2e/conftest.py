"""Let pytest explain the assertions of what tests share as it does those of a test file."""

import pytest

pytest.register_assert_rewrite("e2e.story")
