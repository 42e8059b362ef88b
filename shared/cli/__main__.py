"""``python -m shared.cli``: the command line, as ``./minzheng`` starts it."""
from shared.cli.main import main

main()
