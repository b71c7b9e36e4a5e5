"""Fit a device to your own measurements, and write it as one file with a figure of data against model.

usage: insitu fit-device PULSES.csv [--drift FILE.csv] [--programmed FILE.csv]
                         [--out my_device.py] [--figure my_device.svg|.png] [--overwrite]

PULSES.csv has the columns cell, pulse (0 is the state after RESET) and conductance_us, one row per read; rows with
equal cell and pulse are repeated reads, from which the noise of reading is fitted. --drift takes a table of cell,
time_s (since the last pulse) and conductance_us; --programmed one of cell, target_us and conductance_us after
program-and-verify. The file's name is the name of the device. What the data do not hold is assumed; the output says so.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import insitu
from insitu import catalog
from insitu.core import InsituError, write_text

FILES = {"--drift": "drift.csv", "--programmed": "programmed.csv", "--out": "my_device.py", "--figure": "my_device.svg"}


def main(args: list[str]) -> int:
    """Fit, hold the device to the laws of devices, write it and its figure, and print what was found."""
    pulses, files, overwrite = _arguments(args)
    out = files.get("--out", Path(FILES["--out"]))
    figure = files.get("--figure", out.with_suffix(".svg"))
    _check_outputs(out, figure, overwrite)
    from insitu.devices import laws
    from insitu.devices.fitting import report
    from insitu.devices.fitting.measurements import read_csv
    from insitu.devices.fitting.pulses import fit

    drift = read_csv(files["--drift"], "time_s") if "--drift" in files else None
    programmed = read_csv(files["--programmed"], "target_us") if "--programmed" in files else None
    fitted = fit(read_csv(pulses, "pulse"), drift, programmed)
    laws.check(fitted.device)
    write_text(out, report.source_text(fitted, out.stem, insitu.__version__))
    report.draw(fitted, catalog.dashed(out.stem), figure)
    print("\n".join(["fitted", *(f"  {line}" for line in report.findings(fitted))]))
    print("\n".join(["assumed", *(f"  {phrase}" for phrase in fitted.assumed or ["nothing"])]))
    print(f"laws    {len(laws.LAWS)} of devices hold\ndevice  {out}\nfigure  {figure}\n\n{_use(out)}")
    return 0


def _arguments(args: list[str]) -> tuple[Path, dict[str, Path], bool]:
    names, files, overwrite, rest = [], {}, False, list(args)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word in FILES:
            if not equals and (not rest or rest[0].startswith("--")):
                raise InsituError(f"{word} takes the name of a file, such as {FILES[word]}")
            files[word] = Path(value if equals else rest.pop(0))
        elif word == "--overwrite":
            overwrite = True
        elif word.startswith("-"):
            known = [*FILES, "--overwrite"]
            raise InsituError(f"fit-device does not know {word}; {catalog.suggest(word, known) or ', '.join(known)}")
        else:
            names.append(word)
    if len(names) != 1:
        raise InsituError(f"fit-device takes one table of pulses, got {' '.join(names) or 'none'}; see --help")
    return Path(names[0]), files, overwrite


def _check_outputs(out: Path, figure: Path, overwrite: bool) -> None:
    """Raise ``InsituError`` where the device could not be found by its name, or a file would be lost."""
    if out.suffix != ".py" or not re.fullmatch("[a-z][a-z0-9_]*", out.stem) or keyword.iskeyword(out.stem):
        raise InsituError(
            f"--out is a file such as my_device.py, whose name, in lower case, is the device's; got {out.name}"
        )
    if figure.suffix.lower() not in (".svg", ".png"):
        raise InsituError(f"--figure {figure}: a figure is written as .svg or .png")
    shipped = catalog.ROOTS[0] / "devices" / out.name
    taken = [part.path for part in catalog.parts("devices") if part.name == catalog.dashed(out.stem)]
    others = [path for path in [*taken, shipped] if path.exists() and path != out.resolve()]
    if others:
        raise InsituError(f"the name {out.stem} is taken, by {others[0]}; give another with --out")
    for file in (out, figure):
        if file.exists() and not overwrite:
            raise InsituError(f"{file} exists; give another name with --out, or --overwrite to replace it")


def _use(out: Path) -> str:
    name, placed = catalog.dashed(out.stem), out.resolve().parent.name == "devices"
    move = "" if placed else "put the file into a folder called devices; "
    parts = out.parent.parent if placed and out.parent.name else "the folder that holds devices"
    return f"to use it, {move}set {catalog.OWN} to {parts}; then {name} is a device: insitu show {name}"
