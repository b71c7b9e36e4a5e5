"""README.md of an exported folder: what is in it, how to build the example, and what a device takes of it."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS = {
    "model.c": """\
The memory: compile `insitu.c`, `insitu_save.c` and `model.c`, and include `insitu.h`, which describes every function;
`model.h` has the sizes of buffers. Input codes are code = (input - offset) / step, rounded, with the constants at the
end of `model.c`; `insitu_codes`, which `-DINSITU_FLOAT` adds, computes them of floats. `insitu_save` writes two blocks
in turn. `insitu_serial.c` and `insitu_requests.c` serve the requests of `insitu device` over a serial line, as
`firmware.c` does on a board that QEMU emulates: `make firmware.elf`.""",
    "network.c": """\
The network: compile `insitu_network.c` and `network.c`, and `insitu_dense.c` where it is there, and include
`insitu_network.h`; `network.h` has the sizes of buffers. `insitu_latent` turns an image into a latent, bits to keep for
replay; `insitu_features` turns that into features, and `insitu_signs` those into input codes of a memory.""",
    "head.c": """\
The head, a last layer that learns by CWR*: compile `insitu_head.c` and `head.c`, and include `insitu_head.h`; `head.h`
has the sizes of buffers. An experience is `insitu_begin`, `insitu_step` per mini-batch, and `insitu_end`.""",
    "replay.c": """\
Latents kept for replay: compile `insitu_replay.c` and `replay.c`, and include `insitu_replay.h`.""",
}


def readme(parts: Mapping[str, str]) -> str:
    """Return the text for files of constants, each with what it holds."""
    listed = "\n".join(f"- `{name}`: {what}" for name, what in parts.items())
    texts = "\n\n".join(TEXTS[name] for name in parts)
    return f"""# What learns on the device

Written by `insitu export c`:

{listed}

    make && ./example

builds `example.c` and runs it on this machine. A device takes the other files, with any C99 compiler. There is no heap,
no recursion and no floating point, but for one optional function.

{texts}
"""
