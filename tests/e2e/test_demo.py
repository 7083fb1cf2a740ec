"""The README's first command: a drawn library, a pretend owner, the real daemon."""

import re
from pathlib import Path

import pytest
from home import Home
from PIL import Image


@pytest.mark.timeout(600)  # it takes about two minutes on two idle cores, and draws 320 pictures
def test_the_demo_learns_what_its_owner_deletes(home: Home, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    done = home.triaged("demo", "--sheet", str(sheet))

    assert done.returncode == 0, done.stderr
    first = re.search(r"\d\.\d+", done.stdout)
    assert first is not None
    assert float(first.group()) >= 0.90, "the AUROC of the scores before the acts"
    assert "likely-delete" in done.stdout
    assert len(re.findall(r"^\s*00\d\d_\d\d_\S+", done.stdout, re.MULTILINE)) >= 10
    assert Image.open(sheet).width > 1000
