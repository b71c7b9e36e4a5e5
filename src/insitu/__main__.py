"""``python -m insitu`` is the command line."""

import sys

from insitu.cli.main import main

sys.exit(main())
