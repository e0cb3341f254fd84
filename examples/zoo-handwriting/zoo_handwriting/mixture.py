"""A mixture of Gaussians without memory: the rival."""

import numpy as np


def joint(moves, shares, means, spreads):
    """Return the log density of each move in each component, times its share."""
    apart = moves[:, None] - means
    squares = np.einsum("pci,cij,pcj->pc", apart, np.linalg.inv(spreads), apart)
    return np.log(shares / (2 * np.pi * np.sqrt(np.linalg.det(spreads)))) - squares / 2


def fit_mixture(points, components=20, rounds=40):
    """Fit a mixture to offsets, and a share of lifted pens; return a function of log densities.

    By expectation maximization (Dempster, Laird & Rubin 1977). Points are `[points, 3]`.
    """
    lifted, moves = points[:, 2].mean(), points[:, :2].astype("float64")
    shares = np.full(components, 1 / components)
    means = np.random.default_rng(0).choice(moves, components, replace=False)
    spreads = np.tile(np.cov(moves.T), (components, 1, 1))
    for _ in range(rounds):
        found = joint(moves, shares, means, spreads)
        member = np.exp(found - np.logaddexp.reduce(found, axis=1, keepdims=True))
        weight = member.sum(axis=0) + 1e-9
        shares, means = weight / weight.sum(), member.T @ moves / weight[:, None]
        apart = moves[:, None] - means
        spreads = np.einsum("pc,pci,pcj->cij", member, apart, apart) / weight[:, None, None]
        # No component may shrink to a point.
        spreads += 1e-4 * np.eye(2)

    def log_densities(points):
        pen = np.log(np.where(points[:, 2] > 0, lifted, 1 - lifted))
        found = joint(points[:, :2].astype("float64"), shares, means, spreads)
        return np.logaddexp.reduce(found, axis=1) + pen

    return log_densities
