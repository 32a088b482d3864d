"""``python -m benchhost``."""

from benchhost.cli.main import main

main()
