"""Machines that learn a new thing from a handful of examples, on the device, in the memory itself."""
