"""Parts of an analog crossbar: cells in tiles, converters, products, probes for drift, batches and differences."""
