"""Large symmetric matrices most of whose parameters have nothing to do with each other.

A bin-by-bin factor shares no bin with another one, so that the second derivative of thousands of them is a
diagonal, with a border for the few parameters that change whole samples. Eliminating the diagonal first
(Schur's complement) takes parameters × border² in place of parameters³. The matrix itself shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nuhist.inference.structure import Index
from nuhist.tables import Array

LARGE = 300  # parameters: with fewer, a plain factorisation is as fast
_BORDER = 0.5  # of the parameters: with more in the border, nothing is gained


@dataclass(frozen=True, eq=False)
class Arrow:
    """A symmetric matrix in which some rows have a diagonal and a border only.

    Attributes
    ----------
    border, others
        Positions of the rows of the border, and of those that have to do with these alone.
    diagonal
        Diagonal of the others, shape (others,).
    beside
        Elements of the border's rows in the others' columns, (border, others).
    complement
        What is left for the border when the others are eliminated, (border, border).
    """

    border: Index
    others: Index
    diagonal: Array
    beside: Array
    complement: Array

    @property
    def positive(self) -> bool:
        """Whether the matrix is positive definite."""
        if not (self.diagonal > 0).all():
            return False
        try:
            np.linalg.cholesky(self.complement)
        except np.linalg.LinAlgError:
            return False
        return True

    def solved(self, right: Array) -> Array:
        """Solution of the linear equations with the matrix, of shape (parameters,)."""
        found = np.empty_like(right)
        scaled = right[self.others] / self.diagonal
        found[self.border] = np.linalg.solve(self.complement, right[self.border] - self.beside @ scaled)
        found[self.others] = scaled - (found[self.border] @ self.beside) / self.diagonal
        return found

    def inverse(self) -> Array:
        """Inverse of the matrix."""
        size = self.border.size + self.others.size
        found, ratio = np.zeros((size, size)), self.beside / self.diagonal
        inner = np.linalg.inv(self.complement)
        found[np.ix_(self.border, self.border)] = inner
        corner = -inner @ ratio
        found[np.ix_(self.border, self.others)] = corner
        found[np.ix_(self.others, self.border)] = corner.T
        found[np.ix_(self.others, self.others)] = -ratio.T @ corner
        found[self.others, self.others] += 1 / self.diagonal
        return found


def arrow(matrix: Array) -> Arrow | None:
    """The structure of a large matrix, or None where it has none, or is no matrix of finite numbers."""
    size = len(matrix)
    if size <= LARGE:
        return None
    filled = matrix != 0
    elements = np.count_nonzero(filled, axis=1)
    # Rows of the border are full, the others have as many elements as the border, and one more.
    thick = elements > _BORDER * size
    border, others = np.flatnonzero(thick), np.flatnonzero(~thick)
    diagonal = matrix[others, others]
    usable = np.isfinite(diagonal) & (diagonal != 0)
    corner = np.count_nonzero(filled[np.ix_(border, border)])
    among_others = elements.sum() - 2 * elements[border].sum() + corner
    if border.size > _BORDER * size or not usable.all() or among_others != others.size:
        return None
    beside = matrix[np.ix_(border, others)]
    complement = matrix[np.ix_(border, border)] - (beside / diagonal) @ beside.T
    return Arrow(border, others, diagonal, beside, complement) if np.isfinite(complement).all() else None
