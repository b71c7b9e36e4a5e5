"""``python -m insitu`` is the command line."""

import sys

from insitu.app.main import main

sys.exit(main())
