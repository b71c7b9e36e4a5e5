"""The outside: the command line, the reports it writes. Nothing below imports from here."""
