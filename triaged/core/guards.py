"""What is held back because a broken disk, a sync client or one slip of the hand could fake it.

seen                                            then
----------------------------------------------  -------------------------------------
one act on more than max(200, 5 %) of a root     its photos are held for the owner's word
a root that had photos and shows none            the root is offline: nothing is gone
"""

ACT_MOST = 200
ACT_SHARE = 0.05


def is_too_large(size_of_act: int, photos_in_root: int) -> bool:
    """Return whether one act is so large that the owner must confirm it."""
    return size_of_act > max(ACT_MOST, ACT_SHARE * photos_in_root)


def is_emptied(known: int, seen: int, moved_away: int) -> bool:
    """Return whether a root that had `known` photos came up empty without a trace of them.

    `moved_away` of them were seen elsewhere: a root whose every photo is accounted for was emptied
    by its owner.
    """
    return seen == 0 and known > 0 and moved_away < known
