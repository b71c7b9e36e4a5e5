"""A memory in a file: one SQLite database with a journal of events; maintenance, export and import."""
