"""`python -m product_matching`: the command line."""

import sys

from product_matching.cli import main

sys.exit(main())
