"""When what was taught is taken back: the program says so once, and rests."""

import generated
from home import Home


def test_a_model_that_lost_its_labels_is_retired_and_nobody_works_for_ever(home: Home) -> None:
    photos = {f"Pictures/{n}.jpg": generated.photo(n) for n in range(12)}
    home.make_tree(photos)
    with home.daemon() as daemon:
        daemon.wait_until_settled()
        home.run("gio", "trash", *[f"Pictures/{n}.jpg" for n in range(6)])
        daemon.wait_until("there is a model", lambda: home.ask("status")["model"] is not None)
        daemon.wait_until_settled()
        home.ask("undo")
        daemon.wait_until("the model is gone", lambda: home.ask("status")["model"] is None)
        daemon.wait_until_settled()
        log = home.log()

    assert home.ask("status")["scored"] == 0
    assert log.count("not yet") <= 2
