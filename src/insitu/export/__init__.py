"""Portable C of what is learned here, so that a microcontroller goes on learning it, with the same bits."""

from insitu.export.head import export_head
from insitu.export.memory import export_memory, integer_memory, network_of
from insitu.export.network import export_network
from insitu.export.replay import export_replay

__all__ = ["export_head", "export_memory", "export_network", "export_replay", "integer_memory", "network_of"]
