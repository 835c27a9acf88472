"""What tests of the command line share."""

import pytest

from arenas.cli import main


@pytest.fixture
def cli(capsys):
    """Run a command in this process; its exit code, output and messages."""

    def run(*args):
        with pytest.raises(SystemExit) as end:
            main([*map(str, args)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return end.value.code, out, err

    return run


@pytest.fixture
def ok(cli, monkeypatch):
    """Run a command that must do well, in this process; what it prints."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*args):
        code, out, err = cli(*args)
        assert code == 0, err
        return out

    return run
