"""``python -m acceptance``, which reads its options from the environment."""

import sys

from acceptance.main import main

sys.exit(main())
