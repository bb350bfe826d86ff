"""Which solver `fit_logistic` uses."""

from __future__ import annotations

from fastml import _newton, _proximal
from fastml._solvers import Objective, lbfgs

SOLVERS = ("auto", "lbfgs", "newton-cholesky", "proximal-newton", "sgd")
WHOLE = {
    "lbfgs": lbfgs,
    "newton-cholesky": _newton.newton,
    "proximal-newton": _proximal.proximal,
}  # passes over all rows


def check_name(solver: object) -> None:
    """Refuse what is no solver's name."""
    if not isinstance(solver, str) or solver not in SOLVERS:
        names = ", ".join(map(repr, SOLVERS[:-1]))
        raise ValueError(f"solver: expected {names} or {SOLVERS[-1]!r}, got {solver!r:.60}")


def choose(solver: str, objective: Objective) -> str:
    """Return the solver to be used; refuse one that cannot take the problem."""
    newton, proximal = _newton.is_possible(objective), _proximal.is_possible(objective)
    if solver == "auto":
        return "newton-cholesky" if newton else "proximal-newton" if objective.penalty.l1 and proximal else "lbfgs"
    if solver == "newton-cholesky" and not newton:
        raise ValueError(f"solver: expected another than 'newton-cholesky', which takes fewer than {_newton.MOST} "
                         f"features and l1=0, got d={objective.problem.d} and l1={objective.penalty.l1}")  # fmt: skip
    if solver == "proximal-newton" and not proximal:
        raise ValueError(f"solver: expected another than 'proximal-newton', which takes up to {_proximal.MOST} "
                         f"parameters, got {objective.w.size + objective.b.size}")  # fmt: skip
    return solver
