"""Homes arranged otherwise: roots behind links, roots within roots, roots that come and go."""

from generated import photo
from home import Home


def test_a_library_behind_a_symlink_learns_from_the_trash(home: Home) -> None:
    home.pictures.rename(home.path / "data")
    home.pictures.symlink_to(home.path / "data")
    home.make_tree({f"Pictures/trip/{n}.jpg": photo(n) for n in range(3)})
    with home.daemon() as daemon:
        home.run("gio", "trash", "Pictures/trip/0.jpg")
        home.run("trash-put", "data/trip/1.jpg")
        daemon.wait_until("both are learned", lambda: len(home.decisions()) == 2)
        daemon.wait_until_settled()

    assert sorted(home.decisions()) == [
        ("0.jpg", "delete", "trashed", 1.0),
        ("1.jpg", "delete", "trashed", 1.0),
    ]


def test_deleted_and_keep_folders_inside_the_library_teach_once(home: Home) -> None:
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(4)})
    (home.pictures / "sorted/out").mkdir(parents=True)
    (home.pictures / "sorted/best").mkdir()
    roles = {"": "library", "sorted/out": "deleted", "sorted/best": "keep"}
    roots = [{"path": str(home.pictures / name), "role": role} for name, role in roles.items()]
    cookies = {"path": str(home.path / "Cookies"), "role": "library"}
    home.configure(roots=[*roots, cookies])
    with home.daemon() as daemon:
        home.run("mv", "Pictures/0.jpg", "Pictures/sorted/out/")
        home.run("mv", "Pictures/1.jpg", "Pictures/sorted/best/")
        daemon.wait_until("both are learned", lambda: len(home.decisions()) == 2)
        home.run("mv", "Pictures/sorted/out/0.jpg", "Pictures/")
        daemon.wait_until("the way back is learned", lambda: len(home.decisions()) == 3)
        daemon.wait_until_settled()
    with home.daemon():
        pass

    assert sorted(home.decisions()) == [
        ("0.jpg", "delete", "discarded", 1.0),
        ("0.jpg", "keep", "restored", 1.0),
        ("1.jpg", "keep", "chosen", 1.0),
    ]


def test_a_root_taken_from_the_configuration_and_put_back_teaches_nothing_twice(
    home: Home,
) -> None:
    home.make_tree({"Favourites/dear.jpg": photo(1), "Deleted/bad.jpg": photo(2)})
    home.make_tree({"Pictures/plain.jpg": photo(3)})
    whole = home.config_file.read_text()
    with home.daemon():
        learned = home.decisions()

    home.configure(
        roots=[
            {"path": str(home.path / name), "role": "library"} for name in ("Pictures", "Cookies")
        ]
    )
    with home.daemon():
        pass
    home.config_file.write_text(whole)
    with home.daemon():
        assert home.decisions() == learned

    assert sorted(learned) == [
        ("bad.jpg", "delete", "found", 1.0),
        ("dear.jpg", "keep", "found", 1.0),
    ]


def test_a_copy_in_the_trash_on_the_first_day_teaches_nothing(home: Home) -> None:
    home.make_tree({"Pictures/a.jpg": photo(1), "Pictures/more/b.jpg": photo(1)})
    home.make_tree({f"Pictures/{n}.jpg": photo(10 + n) for n in range(30)})
    home.run("trash-put", "Pictures/a.jpg")

    with home.daemon():
        assert home.decisions() == []

    assert [act["reason"] for act in home.acts()] == ["an identical copy stays"]


def test_an_undone_deletion_stays_undone(home: Home) -> None:
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(3)})
    with home.daemon() as daemon:
        home.run("gio", "trash", "Pictures/0.jpg")
        daemon.wait_until("it is learned", lambda: len(home.decisions()) == 1)
        home.ask("undo")
        assert home.decisions() == []
    with home.daemon():
        assert home.decisions() == []
    home.run("trash-empty", "--trash-dir", str(home.trash), given="y\n")
    with home.daemon() as daemon:
        daemon.wait_until_gone(".local/share/Trash/files", {"0.jpg"})
        assert home.decisions() == []


def test_a_backbone_that_is_not_there_is_said_and_nothing_is_lost(home: Home) -> None:
    home.configure(backbone=f"onnx:{home.path}/none.onnx")
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(3)})
    with home.daemon(wait=False) as daemon:
        daemon.wait_until("all are known", lambda: len(home.present("Pictures")) == 3)
        home.run("gio", "trash", "Pictures/0.jpg")
        daemon.wait_until("the act is stored", lambda: bool(home.acts()))
        daemon.wait_until(
            "status says so", lambda: "none.onnx" in " ".join(home.ask("status")["warnings"])
        )
        assert daemon.stop() == 0
    done = home.triaged("run", "--once")
    assert done.returncode not in (0, 2)
    assert "none.onnx" in done.stderr
    assert "Traceback" not in done.stderr

    home.configure()
    with home.daemon():
        assert home.decisions() == [("0.jpg", "delete", "trashed", 1.0)]
    assert not any("none.onnx" in warning for warning in home.ask("status")["warnings"])
