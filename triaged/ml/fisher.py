"""Fisher vectors: how the patches of one picture differ from the patches of pictures in general.

A code book is a mixture of K Gaussians with diagonal covariance over P numbers. With q_nk the
responsibility of Gaussian k for patch n, z = (x - mean) / deviation and N patches,

    first_k  = sum_n q_nk z_nk         / (N sqrt(weight_k))
    second_k = sum_n q_nk (z_nk^2 - 1) / (N sqrt(2 weight_k))

then the signed square root of each number, then unit length. Source: Perronnin, Sanchez and
Mensink 2010, equations 16 to 18 and section 2.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CodeBook:
    """What patches look like in general.

    Patches (N, D) become `(rows - centre) @ project`, (N, P - 2), joined with their places times
    `place_weight[0]`; `weights` (K,), `means` (K, P) and `deviations` (K, P) are the mixture.
    """

    centre: Array
    project: Array
    place_weight: Array
    weights: Array
    means: Array
    deviations: Array

    @property
    def size(self) -> int:
        """The length of a Fisher vector, 2 K P."""
        return 2 * self.means.size


def code_book(arrays: Mapping[str, Array], prefix: str) -> CodeBook:
    """Return the code book stored in `arrays` as `PREFIX_FIELD`."""
    return CodeBook(**{f.name: arrays[f"{prefix}_{f.name}"] for f in fields(CodeBook)})


def projected(book: CodeBook, rows: Array, places: Array) -> Array:
    """Return patches (N, D) with places (N, 2) in the space of the mixture, (N, P)."""
    return np.hstack([(rows - book.centre) @ book.project, places * book.place_weight[0]])


def responsibilities(book: CodeBook, points: Array) -> tuple[Array, Array]:
    """Return q (N, K), rows summing to 1, and the log likelihood of each of `points` (N, P)."""
    precision = 1 / np.square(book.deviations)  # (K, P)
    scores = points @ (book.means * precision).T - np.square(points) @ precision.T / 2  # (N, K)
    scores += np.log(book.weights) - np.log(book.deviations).sum(axis=1)
    scores -= (np.square(book.means) * precision).sum(axis=1) / 2
    highest = scores.max(axis=1, keepdims=True)
    np.exp(scores - highest, out=scores)
    total = scores.sum(axis=1, keepdims=True)
    constant = np.float32(points.shape[1] / 2 * np.log(2 * np.pi))
    return scores / total, (highest + np.log(total))[:, 0] - constant


def fisher_vector(book: CodeBook, rows: Array, places: Array) -> Array:
    """Return the Fisher vector, (2 K P,) float32 of unit L2, of patches (N, D) at places (N, 2)."""
    points = projected(book, rows, places)
    shares, _ = responsibilities(book, points)
    mass = shares.sum(axis=0)[:, None]  # (K, 1)
    sums = shares.T @ points  # (K, P)
    squares = shares.T @ np.square(points)
    means, deviations, root = book.means, book.deviations, np.sqrt(book.weights)[:, None]
    first = (sums - means * mass) / (deviations * root)
    spread = squares - 2 * means * sums + np.square(means) * mass
    second = (spread / np.square(deviations) - mass) / (root * np.float32(np.sqrt(2)))
    vector = np.concatenate([first.ravel(), second.ravel()]) / np.float32(len(points))
    vector = np.sign(vector) * np.sqrt(np.abs(vector))
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)
