"""``python -m adapter``: the same as the ``viaduct`` command."""

import sys

from adapter.cli.main import main

sys.exit(main())
