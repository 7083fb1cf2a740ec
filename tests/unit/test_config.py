import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from triaged.cli import main
from triaged.config import (
    SECTIONS,
    Config,
    LearnConfig,
    OnnxConfig,
    ReviewConfig,
    RootConfig,
    ScanConfig,
    WorkerConfig,
    flatten,
    load,
    parse,
)
from triaged.config_keys import KEYS
from triaged.config_text import render
from triaged.core.types import Role
from triaged.errors import EXIT_CONFIG, ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
ROOTS = [{"path": "/photos", "role": "library"}]


def mistakes(data: Any) -> list[str]:
    """Return what is wrong with loaded YAML, line by line."""
    with pytest.raises(ConfigError) as error:
        parse(data, "c.yaml")
    return [line.removeprefix("c.yaml: ") for line in str(error.value).splitlines()]


def test_the_example_file_shows_every_default() -> None:
    assert EXAMPLE.read_text() == render(Config(roots=(RootConfig(b"~/Pictures", Role.LIBRARY),)))


def test_the_example_file_is_a_configuration(scratch_home: Path) -> None:
    config = load(bytes(EXAMPLE))

    assert config.roots == (RootConfig(bytes(scratch_home / "Pictures"), Role.LIBRARY),)
    review = replace(config.review, folder=ReviewConfig().folder)
    assert replace(config, roots=(), review=review) == Config()
    assert config.review.folder == bytes(scratch_home / "Triage")


def test_roots_alone_are_enough() -> None:
    config = parse({"roots": [{"path": "/photos"}, {"path": "/kept", "role": "keep"}]})

    assert config.roots == (
        RootConfig(b"/photos", Role.LIBRARY),
        RootConfig(b"/kept", Role.KEEP),
    )
    assert (config.scan, config.learn) == (ScanConfig(), LearnConfig())


FULL = Config(
    roots=(RootConfig("/fotos ä: #1".encode(), Role.LIBRARY), RootConfig(b"/x'y\"", Role.DELETED)),
    backbone="onnx:/models/a b.onnx",
    exclude=("Raw/*", "*.tmp", "a: b"),
    xattrs=False,
    scan=ScanConfig(1.5, 10.0, 30.0),
    learn=LearnConfig(20, 30.0, 365.0),
    review=ReviewConfig(b"/home/anna/To look at", 50, 0.75, 1.0),
    worker=WorkerConfig(2, 5.0, 30.0, 50.0),
    onnx=OnnxConfig(256, (0.5, 0.4, 0.3), (0.2, 0.2, 0.25)),
)


def test_what_is_rendered_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(render(FULL))

    assert load(bytes(path)) == FULL
    assert all(value != flatten(Config())[name] for name, value in flatten(FULL).items()), (
        "every value differs from its default, or the test is blind to it"
    )


def test_every_key_has_a_sentence_and_every_value_a_key() -> None:
    assert {key.name for key in KEYS} == set(flatten(Config()))
    assert all(key.says.endswith(".") and key.allowed for key in KEYS)
    assert set(SECTIONS) <= {field.name for field in fields(Config)}


def test_every_mistake_is_listed_at_once() -> None:
    found = mistakes(
        {
            "roots": [{"path": "relative", "role": "library"}, {"path": "/x", "role": "libary"}],
            "bakcbone": "auto",
            "xattrs": "maybe",
            "learn": {"min_label": 3, "settled_days": 0},
            "scan": 5,
        }
    )

    assert found == [
        "`scan: 5` must be a section with keys of its own",
        "unknown key `bakcbone` (did you mean `backbone`?)",
        "`xattrs: 'maybe'` is not allowed; it must be true or false",
        "unknown key `learn.min_label` (did you mean `learn.min_labels`?)",
        "`learn.settled_days: 0` is not allowed; it must be 1 to 36500 days",
        "root 1: `path: 'relative'` must be an absolute path, or one below ~",
        "root 2: `role: libary` must be one of library, keep, deleted (did you mean `library`?)",
    ]


WRONG_ROOTS = {
    "none": (None, "`roots:` must be a list of {path, role}, at least one"),
    "an empty list": ([], "`roots:` must be a list of {path, role}, at least one"),
    "a word": ("/photos", "`roots:` must be a list of {path, role}, at least one"),
    "a list of words": (["/x"], "root 1: `'/x'` must be a mapping with `path` and `role`"),
    "the trash": (
        [{"path": "/x", "role": "trash"}],
        "root 1: `role: trash` must be one of library, keep, deleted",
    ),
    "no path": (
        [{"role": "keep"}],
        "root 1: `path: None` must be an absolute path, or one below ~",
    ),
    "a key too many": (
        [{"path": "/x", "rol": "keep"}],
        "root 1: unknown key `rol` (did you mean `role`?)",
    ),
}


@pytest.mark.parametrize(("roots", "expected"), WRONG_ROOTS.values(), ids=WRONG_ROOTS.keys())
def test_a_wrong_root_is_named_with_what_is_allowed(roots: object, expected: str) -> None:
    assert mistakes({"roots": roots}) == [expected]


BOUNDS = {
    "scan.settle_seconds": ([0, 0.5, 600], [-1, 601, "2", True, None, float("nan")]),
    "scan.gone_seconds": ([0, 3600], [-0.1, 3601]),
    "scan.interval_minutes": ([1, 10080], [0, 10081]),
    "learn.min_labels": ([5, 10000], [4, 10001, 5.5, "10", True]),
    "learn.settled_days": ([1, 36500], [0, 36501]),
    "learn.half_life_days": ([1, 36500], [0, 36501]),
    "review.folder": (["/t", "~/t", "$HOME/t"], ["t", "", 5, None, "$NOTHING/t"]),
    "review.size": ([1, 100000], [0, 100001, 1.5]),
    "review.min_score": ([0, 0.5, 1], [-0.1, 1.1, "high"]),
    "review.min_age_days": ([0, 36500], [-1, 36501]),
    "worker.decoders": ([0, 256], [-1, 257]),
    "worker.idle_seconds": ([0, 3600], [-1, 3601]),
    "worker.file_seconds": ([1, 3600], [0, 3601]),
    "worker.max_megapixels": ([1, 10000], [0, 10001]),
    "onnx.size_px": ([16, 2048], [15, 2049]),
    "onnx.mean": ([[0, 0.5, 1]], [[1, 2], 3, ["a", 1, 2]]),
    "onnx.std": ([[0.1, 1, 2]], [[0, 1, 1], [1, 1, -1]]),
    "backbone": (
        ["auto", "descriptor", "torchvision:efficientnet_b0", "onnx:/x.onnx"],
        ["resnet", "onnx:", "torchvision:", 5, ""],
    ),
    "exclude": ([[], ["Raw/*"]], ["Raw/*", [5], {"a": 1}]),
    "xattrs": ([True, False], ["yes", 1, None]),
}


def nested(name: str, value: Any) -> dict[str, Any]:
    section, dot, key = name.partition(".")
    return {"roots": ROOTS} | ({section: {key: value}} if dot else {name: value})


def test_every_key_has_its_bounds_tested() -> None:
    assert BOUNDS.keys() == flatten(Config()).keys()


@pytest.mark.parametrize("name", BOUNDS)
def test_a_key_takes_what_it_allows_and_nothing_else(name: str) -> None:
    allowed, refused = BOUNDS[name]

    for value in allowed:
        taken = flatten(parse(nested(name, value)))[name]
        assert type(taken) is type(flatten(Config())[name])
    for value in refused:
        [mistake] = mistakes(nested(name, value))
        assert mistake.startswith(f"`{name}: {value!r}` is not allowed; it must be ")


@pytest.mark.parametrize(
    ("review", "root"),
    [("/photos/Triage", "/photos"), ("/photos", "/photos"), ("/", "/photos")],
    ids=["inside", "the same", "around"],
)
def test_the_review_folder_lies_outside_every_root(review: str, root: str) -> None:
    found = mistakes({"roots": [{"path": root}], "review": {"folder": review}})

    assert found == [f"`review.folder: {review}` must lie outside every root, and {root} is one"]


def test_the_review_folder_is_not_led_into_a_root_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "elsewhere").symlink_to("photos")

    [mistake] = mistakes(
        {
            "roots": [{"path": str(tmp_path / "photos")}],
            "review": {"folder": str(tmp_path / "elsewhere/Triage")},
        }
    )

    assert "must lie outside every root" in mistake


def test_a_root_is_named_once() -> None:
    assert mistakes({"roots": [*ROOTS, {"path": "/photos/", "role": "keep"}]}) == [
        "root '/photos' is named twice"
    ]


def test_a_configuration_that_is_no_mapping_is_refused() -> None:
    assert mistakes(["/photos"]) == ["must be a mapping with at least `roots:`"]
    assert mistakes(None) == ["must be a mapping with at least `roots:`"]


BROKEN_FILES = {
    "missing": (None, "run `triaged init` first"),
    "no YAML": (b"roots: [", "is not valid YAML"),
    "not utf-8": (b"roots: \xff", "cannot be read"),
}


@pytest.mark.parametrize(("data", "expected"), BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_a_file_that_cannot_be_read_says_so(
    tmp_path: Path, data: bytes | None, expected: str
) -> None:
    path = tmp_path / "c.yaml"
    if data is not None:
        path.write_bytes(data)

    with pytest.raises(ConfigError, match=expected):
        load(bytes(path))


@pytest.mark.parametrize("text", ["roots: 5", None], ids=["a mistake", "no file"])
def test_a_configuration_that_cannot_be_used_exits_78(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "c.yaml"
    if text:
        path.write_text(text)

    done = CliRunner().invoke(main, ["--config", str(path), "check"])

    assert done.exit_code == EXIT_CONFIG == 78
    assert "Traceback" not in done.output
    assert str(path) in done.stderr


def test_a_misspelt_section_is_told_as_well() -> None:
    found = mistakes({"roots": ROOTS, "sacn": {"settle_seconds": 1}})

    assert found == ["unknown key `sacn` (did you mean `scan`?)"]


@pytest.mark.parametrize("path", ["/x\0y", "~/x\0y"], ids=["absolute", "at home"])
def test_a_path_that_can_be_none_is_refused(path: str) -> None:
    assert mistakes({"roots": [{"path": path}]}) == [
        f"root 1: `path: {path!r}` must be an absolute path, or one below ~"
    ]


def test_a_home_and_variables_are_resolved(scratch_home: Path) -> None:
    os.environ["TRIAGED_TEST_DISK"] = "/media/disk"
    try:
        config = parse({"roots": [{"path": "~/Pictures"}, {"path": "$TRIAGED_TEST_DISK/x/../y"}]})
    finally:
        del os.environ["TRIAGED_TEST_DISK"]

    assert [root.path for root in config.roots] == [
        bytes(scratch_home / "Pictures"),
        b"/media/disk/y",
    ]


def test_the_text_is_plain_yaml() -> None:
    assert yaml.safe_load(render(FULL))["learn"]["min_labels"] == 20
