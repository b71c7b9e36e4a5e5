"""Memories larger than one machine: classes spread over shards, each an actor of a Ray cluster with a log on disk."""

from insitu.memory.sharded.memory import ShardedMemory, ShardLostError

__all__ = ["ShardLostError", "ShardedMemory"]
