"""Parts of binary networks: layers and units in training form, the frozen form, and its weights as bits."""
