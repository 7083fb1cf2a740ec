"""How many threads torch may use here: one.

At idle priority a second thread waits, spinning, for a first one that does not get the processor: a
fit of 2,000 labels took 74 s instead of 8 s beside other work.
"""

import torch


def use_one_thread() -> None:
    """Let torch compute in the thread that calls it."""
    torch.set_num_threads(1)
