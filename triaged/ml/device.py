"""How many threads the numeric libraries may use: as many as there are cores to run on."""

import os

import torch


def settle_threads() -> None:
    """Let torch use the cores this process may run on, and no more."""
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0))))
