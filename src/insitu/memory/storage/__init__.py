"""A memory in a file: one SQLite database with a journal of events, and files to carry it elsewhere."""
