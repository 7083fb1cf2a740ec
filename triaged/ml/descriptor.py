"""The descriptor: the offline backbone, computed without pretrained weights.

    output     part                    numbers  from
    ---------  ----------------------  -------  ------------------------------------
    embedding  gradient Fisher vector    4,224  64 axes of gradient patches and place
               colour Fisher vector      1,664  24 axes of colour patches and place
    levels     layout of lines             144  `patches.direction_layout`

Both vectors have unit length; the embedding is the two side by side, again of unit length. The
code books in `data/codebook.npz` were learned from generated pictures by
`bench/build_codebook.py`; another file there is another version of the descriptor.
"""

import io
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triaged.ml.decode import Picture
from triaged.ml.fisher import CodeBook, code_book, fisher_vector
from triaged.ml.patches import colour_patches, direction_layout, gradient_patches

VERSION = 1
"""Raised with every change of the patches or of the code books: two versions never mix."""


@cache
def code_books() -> tuple[CodeBook, CodeBook]:
    """Return the shipped code books for gradients and for colour.

    Reads a file the first time: a process that will be confined calls this before.
    """
    data = resources.files("triaged").joinpath("data", "codebook.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return code_book(arrays, "gradient"), code_book(arrays, "colour")


def describe(picture: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the embedding (E,) float32 of unit L2, and the levels (L,) float32, of `picture`."""
    gradient_book, colour_book = code_books()
    image = Image.fromarray(picture.pixels)
    embedding = np.concatenate(
        [
            fisher_vector(gradient_book, *gradient_patches(image)),
            fisher_vector(colour_book, *colour_patches(image)),
        ]
    )
    return embedding / np.linalg.norm(embedding), direction_layout(image)
