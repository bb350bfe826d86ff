"""fit_logistic with EarlyStopping: which step it stops at, and whose weights it returns."""

import numpy as np
import pytest
from test_fitting import both_solvers, data


@both_solvers
def test_early_stopping_puts_the_best_back(solver, fastml):
    X, y = data(n=40, d=20)
    validation, stopping = data(n=400, d=20), fastml.EarlyStopping(patience=3)
    fit = fastml.fit_logistic(X, y, validation_data=validation, early_stopping=stopping, solver=solver, rng=0)
    assert (fit.n_iter, fit.converged) == (stopping.best_step + 4, False)
    assert min(step.validation_loss for step in fit.history) == stopping.best
    assert fastml.logistic_loss(*validation, fit.w, fit.b) == stopping.best
    assert fit.loss == fastml.logistic_loss(X, y, fit.w, fit.b)


@both_solvers
@pytest.mark.parametrize("end", [{"max_iter": 12}, {"tol": 0.03}, {"callback": lambda step: step.iteration == 12}])
def test_the_best_is_kept_however_the_fit_ends(solver, end, fastml):
    (X, y), validation = data(n=40, d=20), data(n=400, d=20)
    for restore_best in (True, False):
        stopping = fastml.EarlyStopping(patience=1000, restore_best=restore_best)
        options = {"validation_data": validation, "early_stopping": stopping, "solver": solver, "rng": 0}
        fit = fastml.fit_logistic(X, y, **options, **end)
        assert stopping.best_step + 1 < fit.n_iter < 200
        expected = stopping.best if restore_best else fit.history[-1].validation_loss
        assert fastml.logistic_loss(*validation, fit.w, fit.b) == expected
        assert fit.loss == fastml.logistic_loss(X, y, fit.w, fit.b)


def test_a_validation_loss_of_nan_stops_and_restores_nothing(fastml):
    (X, y), validation = data(), data(seed=1)
    validation[0][3, 2] = np.nan
    stopping = fastml.EarlyStopping(patience=3)
    fit = fastml.fit_logistic(X, y, validation_data=validation, early_stopping=stopping)
    assert (fit.n_iter, stopping.best, stopping.best_params) == (3, None, None)
    assert fit.loss == fastml.logistic_loss(X, y, fit.w, fit.b) < np.log(2)
