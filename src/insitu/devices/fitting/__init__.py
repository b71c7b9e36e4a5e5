"""Devices from measurements: tables of reads become the constants of a ``MeasuredDevice``, in one file of its own."""
