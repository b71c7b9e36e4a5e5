"""The process that computes: it holds the memories, and answers calls of the process that speaks HTTP."""
