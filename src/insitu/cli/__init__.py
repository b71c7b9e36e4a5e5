"""The command line: one file per sub-command in ``commands``; flags are derived from records."""
