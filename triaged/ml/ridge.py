"""Kernel ridge regression with weights, and what it would have said of rows it had not seen.

Minimises  sum_i c_i (t_i - f(x_i) - b)^2 + ridge |f|^2  with a free bias b; targets t are -1, +1.

    form       solves for                     used for
    ---------  -----------------------------  --------------------------
    exact      (K + ridge / c) alpha + b = t  up to a few thousand rows
    landmarks  f = K_nm a, |f|^2 = a' K_mm a  more (Nystroem)

Both are linear in t with hat matrix H, so that leaving out a group g of rows gives, exactly,
t_g - (I - H_gg)^-1 r_g with the residuals r of the one fit. In the exact form I - H = ridge P / c
with P the inverse bordered by the bias, and the same reads P_gg^-1 alpha_g.

Source: Cawley, Talbot 2007, "Preventing over-fitting during model selection via Bayesian
regularisation of the hyper-parameters", section 3; groups as in An, Liu, Venkatesh 2007, "Fast
cross-validation algorithms for least squares support vector machine and kernel ridge regression".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_JITTER = 1e-10  # the centred kernel has one null direction; this keeps its Cholesky factor real


@dataclass(frozen=True, slots=True)
class Solution:
    """A fit: `coefficients (m,)` of the centred kernel, bias, and the left-out `loo (n,)`."""

    coefficients: Tensor
    bias: float
    loo: Tensor


def solve_exact(
    kernel: Tensor, t: Tensor, c: Tensor, ridge: float, groups: list[Tensor]
) -> Solution:
    """Return the fit of targets `t (n,)` with weights `c (n,)` by a centred `kernel (n, n)`.

    `groups` come from `by_size`.
    """
    system = kernel.clone()  # (n, n)
    system.diagonal().add_(ridge / c)
    system = torch.linalg.cholesky(system)
    inverse = torch.cholesky_inverse(system)  # (n, n)
    del system
    column = inverse.sum(1)  # (n,)
    total = column.sum()
    bias = column @ t / total
    alpha = inverse @ t - column * bias
    inverse.addr_(column, column / total, alpha=-1.0)  # P
    gap = torch.empty_like(t)
    for members in groups:  # (count, size)
        own = inverse[members[:, :, None], members[:, None, :]]  # (count, size, size)
        gap[members] = _solve(own, alpha[members])
    return Solution(alpha, float(bias), t - gap)


def solve_landmarks(
    kernel: Tensor,
    among: Tensor,
    t: Tensor,
    c: Tensor,
    ridge: float,
    groups: list[Tensor],
) -> Solution:
    """Return the fit by a centred `kernel (n, m)` with m landmarks, `among (m, m)` themselves."""
    count, root = kernel.shape[1], c.sqrt()
    z = torch.cat([kernel, torch.ones_like(t)[:, None]], 1).mul_(root[:, None])  # (n, m + 1)
    normal = z.T @ z  # (m + 1, m + 1)
    normal[:count, :count] += ridge * among
    normal.diagonal()[:count] += _JITTER * float(normal.diagonal()[:count].mean())
    factor = torch.linalg.cholesky(normal)
    solution = torch.cholesky_solve((z.T @ (root * t))[:, None], factor)[:, 0]
    residual = t - kernel @ solution[:count] - solution[count]
    half = torch.linalg.solve_triangular(factor.T, z, upper=True, left=False)  # (n, m + 1)
    gap = torch.empty_like(t)
    for members in groups:  # (count, size)
        own = half[members]  # (count, size, m + 1)
        kept = torch.eye(own.shape[1], dtype=t.dtype) - own @ own.mT
        gap[members] = _solve(kept, (root * residual)[members]) / root[members]
    return Solution(solution[:count], float(solution[count]), t - gap)


def by_size(groups: Sequence[int]) -> list[Tensor]:
    """Return the rows of each group, groups of one size together: tensors (count, size) int64."""
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    sized: dict[int, list[list[int]]] = {}
    for rows in members.values():
        sized.setdefault(len(rows), []).append(rows)
    return [torch.tensor(sized[size]) for size in sorted(sized)]


def _solve(matrices: Tensor, right: Tensor) -> Tensor:
    if matrices.shape[1] == 1:
        return right / matrices[:, :, 0]
    solved: Tensor = torch.linalg.solve(matrices, right)
    return solved
