"""Portable C of what is learned here, so that a microcontroller goes on learning it, with the same bits."""

from insitu.export.memory import export_memory, integer_memory

__all__ = ["export_memory", "integer_memory"]
