"""triaged: learns from the photos its owner deletes, and shows the next ones to look at.

Read in this order: `core/types.py` (the words), `core/reconcile.py` and `core/decide.py` (what a
change is and what it teaches), `observe.py`, `judge.py` and `publish.py` (the three steps of the
resident process), `daemon.py` (its loop), `worker.py` (the heavy process), `cli.py`.

    core      pure rules: stdlib only, no clock, no disk
    fs        the owner's folders: the only code that writes there
    store     the two databases: every SQL statement
    ml        pictures and the preference model: heavy imports
    daemon    -> observe, judge, publish -> fs, store, core; never ml
    worker    -> ml, store, core; never fs
    cli       -> everything, heavy parts lazily

`tests/unit/test_arrows.py` holds these arrows.
"""

__version__ = "0.1.0"
