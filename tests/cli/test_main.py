"""The command line as a whole: quick answers without torch, one line per mistake, exit codes."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from insitu.cli import main as outside
from insitu.cli.main import main
from insitu.core import InsituError


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["list"],
        ["list", "devices"],
        ["show", "pcm-nandakumar2018"],
        ["show", "resnet12"],
        ["show", "digital"],
        ["run", "--help"],
        ["report", "--help"],
        ["memory", "--help"],
    ],
)
def test_light_commands_import_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys; from insitu.cli.main import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'tyro', 'matplotlib', 'sklearn', 'numba', 'scipy'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    for file in outside.COMMANDS.glob("[!_]*.py"):
        name = file.stem.replace("_", "-")
        assert f"  {name} " in text
        assert main([name, "--help"]) == 0
        assert f"usage: insitu {name}" in capsys.readouterr().out


NAMED = {"run": "energy", "sweep": "energy", "train": "omniglot", "matrix": "omniglot"}  # whose flags help lists


@pytest.mark.parametrize("command", outside.commands())
def test_help_is_shown_behind_any_word(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    actions = {"device": ["teach"], "memory": ["verify"], "data": ["get"], "list": ["devices"], "export": ["c"]}
    for words in ([NAMED.get(command, "x")], actions.get(command, [])):
        for word in ("--help", "-h"):
            with pytest.raises(SystemExit, match=r"^0$"):  # as a process ends, and as the help of flags does
                sys.exit(main([command, *words, word]))
            shown = capsys.readouterr()
            assert f"usage: insitu {command}" in shown.out
            assert not shown.err


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("insitu: error: ")
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["lisst"], "no command 'lisst'; did you mean list?"),
        (["list", "device"], "did you mean devices?"),
        (["list", "devices", "data"], "one room at most"),
        (["list", "--json"], "list does not know --json; it takes one room at most"),
        (["show"], "show takes one name"),
        (["show", "devices"], "devices is a room; 'insitu list devices' lists what is in it"),
        (["show", "xyzzy"], "nothing called 'xyzzy' in any room; see 'insitu list'"),
        (["run", "energy", "seeds", "3"], "'seeds' is not a flag; flags begin with --: see 'insitu run energy --help'"),
        (["matrix", "--learners"], "--learners takes names; leave it away to combine all; got nothing"),
        (["teach", ".", "parts.insitu", "--encoder", "none"], ". is a folder; the file of the memory comes first"),
        (["predict", ".", "parts.insitu"], ". is a folder; the file of the memory comes first"),
        (["show", "pcm-joshi2021"], "did you mean pcm-joshi2020"),
        (["show", "ideal", "--figure"], "--figure takes a file name"),
        (["show", "ideal", "--figure", "a.gif"], ".svg or .png"),
        (["show", "crossbar", "--figure", "a.svg"], "has no curves"),
        (["show", "ideal", "--colour"], "show does not know --colour"),
        (["run"], "name of an experiment first"),
        (["run", "no-such-table"], "nothing called 'no-such-table' in the room experiments"),
        (["train", "no-such-job"], "no training called 'no-such-job'"),
        (["report"], "report takes the folder of a run"),
        (["report", "--resluts", "a"], "report does not know --resluts"),
        (["report", "--results"], "--results takes the file"),
        (["data"], "data takes 'get NAME' or 'path', got nothing"),
        (["data", "got", "omniglot"], "got got omniglot"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    assert said in one_line(capsys)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def raises(args: list[str]) -> int:
        raise error

    monkeypatch.setattr(outside, "_run", raises)


def test_trouble_with_files_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fail_with(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "/some/file"))
    assert main([]) == 1
    assert "/some/file: No space left on device" in one_line(capsys)


def test_an_error_caused_by_files_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = InsituError("could not write a\nb")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    fail_with(monkeypatch, error)
    assert main([]) == 1
    assert "could not write a b" in one_line(capsys)


def test_ctrl_c_says_what_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fail_with(monkeypatch, KeyboardInterrupt("3 of 10 seeds are kept"))
    assert main([]) == 130
    assert capsys.readouterr().err == "insitu: interrupted; 3 of 10 seeds are kept\n"


def test_a_bug_says_how_to_see_more(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fail_with(monkeypatch, ZeroDivisionError("division by zero"))
    assert main([]) == 70
    assert "ZeroDivisionError: division by zero (this is a bug of insitu; INSITU_DEBUG=1" in one_line(capsys)


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("INSITU_DEBUG", "1")
    assert main(["lisst"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    code = f"{sys.executable} -m insitu list | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)
