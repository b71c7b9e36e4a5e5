"""Networks that turn an input into a vector."""
