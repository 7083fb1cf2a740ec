"""The first minutes and the mistakes in them: init, check, help, run --once, exit codes."""

import json
import os
import stat

import pytest
from generated import photo, receipt
from home import Home

_COMMANDS = (
    *("init", "check", "run", "status", "learn", "score", "explain"),
    *("label", "labels", "undo", "confirm", "demo"),
)


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_explains_itself(shared_home: Home, command: str) -> None:
    done = shared_home.triaged(command, "--help")

    assert done.returncode == 0
    assert f"triaged {command}" in done.stdout
    assert len(done.stdout.splitlines()) > 4


def test_the_help_names_every_command(shared_home: Home) -> None:
    listed = shared_home.triaged("--help").stdout

    assert [command for command in _COMMANDS if f"\n  {command} " not in listed] == []


def test_init_writes_a_configuration_that_runs(home: Home) -> None:
    home.config_file.unlink()
    home.make_tree({"Pictures/a.jpg": photo(1)})
    (home.path / "Screenshots").mkdir()

    found = home.ask("init", "--yes")

    assert {(r["path"], r["role"]) for r in found["roots"]} == {
        (str(home.pictures), "library"),
        (str(home.path / "Screenshots"), "library"),
    }
    assert found["config"] == str(home.config_file)
    assert home.config_file.read_text().count("#") > 10
    assert home.triaged("check").returncode == 0


def test_init_does_not_overwrite_a_configuration(home: Home) -> None:
    before = home.config_file.read_text()

    done = home.triaged("init", "--yes")

    assert done.returncode == 1
    assert "--force" in done.stderr
    assert home.config_file.read_text() == before


def test_check_names_every_mistake_of_a_bad_configuration_and_exits_78(home: Home) -> None:
    home.configure(backbon="auto", xattrs="perhaps", scan={"settle_seconds": -1})
    with open(home.config_file, "a") as file:
        file.write("learn:\n  min_labls: 3\n")

    for command in (("check",), ("run",), ("status", "--json")):
        done = home.triaged(*command)
        assert done.returncode == 78
        assert "did you mean `backbone`" in done.stderr
        assert "`xattrs: 'perhaps'`" in done.stderr
        assert "0 to 600 seconds" in done.stderr
        assert "did you mean `learn.min_labels`" in done.stderr
        assert "Traceback" not in done.stderr
    assert not home.state.exists()


def test_no_configuration_is_one_message_with_what_to_do(home: Home) -> None:
    home.config_file.unlink()

    done = home.triaged("run")

    assert done.returncode == 78
    assert "triaged init" in done.stderr


def test_check_says_which_folder_is_missing(home: Home) -> None:
    home.pictures.rmdir()

    done = home.triaged("check", "--json")

    assert done.returncode == 1
    trouble = {root["path"]: root["trouble"] for root in json.loads(done.stdout)}
    assert trouble[str(home.pictures)] == "missing"
    assert trouble[str(home.path / "Deleted")] is None


def test_run_once_looks_learns_scores_publishes_and_leaves(home: Home) -> None:
    home.configure(learn={"min_labels": 6}, review={"min_score": 0.1})
    home.make_tree({f"Pictures/view-{i}.jpg": photo(i) for i in range(6)})
    home.make_tree({f"Pictures/slip-{i}.jpg": receipt(i) for i in range(9)})
    assert home.triaged("run", "--once").returncode == 0
    home.run("trash-put", *(f"Pictures/slip-{i}.jpg" for i in range(6)))

    done = home.triaged("run", "--once")

    assert done.returncode == 0, done.stderr
    assert len(home.decisions()) == 6
    assert home.attribute("Pictures/view-0.jpg") is not None
    assert home.links()
    assert home.processes() == []
    status = home.ask("status")
    assert (status["running"], status["labels"]["delete"]) == (False, 6)


def test_state_and_review_folder_are_private(home: Home) -> None:
    home.make_tree({"Pictures/a.jpg": photo(1)})

    assert home.triaged("run", "--once").returncode == 0

    modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in home.state.glob("*.db")}
    assert set(modes.values()) == {0o600}
    for folder in (home.state, home.path / "Triage"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_configuration_file_may_be_named(home: Home) -> None:
    elsewhere = home.path / "other.yaml"
    home.config_file.rename(elsewhere)

    assert home.triaged("--config", str(elsewhere), "check").returncode == 0
    assert home.triaged("check").returncode == 78
