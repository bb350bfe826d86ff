"""LogisticRegression on dask arrays."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
from dask.delayed import delayed

import fastml.sklearn
from fastml._arguments import finite, integer
from fastml._logistic_data import Penalty
from fastml._solver_choice import WHOLE, check_name, choose
from fastml._solvers import Objective
from fastml.dask.data import Rows
from fastml.dask.partitions import Partitions
from fastml.dask.prediction import LazyAnswers
from fastml.fitting import FitResult, Step, check_hooks, fit_logistic, iterate
from fastml.sklearn.data import computing_dtype
from fastml.sklearn.training import check_result, stopping_of, unchanged_on_error, waited_enough, weights_of_classes

Array = npt.NDArray[Any]

STAYS = ("callback", "verbose", "n_jobs")  # where the client is


class LogisticRegression(LazyAnswers, fastml.sklearn.LogisticRegression):
    """Logistic or softmax regression on dask arrays, whose partitions are passed over where they lie.

    The same as `fastml.sklearn.LogisticRegression`, whose parameters and attributes it has. Every iteration sends the
    coefficients to the partitions, takes one fused pass over each, and adds up losses and gradients in a tree whose
    shape depends on the number of partitions alone: not even the bits depend on which worker does what.

    Parameters
    ----------
    C, l1_ratio, tol, fit_intercept, class_weight, max_iter, warm_start, verbose, scale, early_stopping, callback
        As in `fastml.sklearn.LogisticRegression`.
    solver : str, default "auto"
        As there, but for "sgd".
    random_state, n_jobs
        Without effect; how many threads a partition gets is up to the workers (dask sets OMP_NUM_THREADS=1).

    Notes
    -----
    X, y and sample_weight are persisted for the time of the fit: each worker holds its partitions and little more.
    Partitions are chunks of rows; X is rechunked where its columns are in several. A pass over a chunk of X should take
    much longer than the millisecond or two that dask needs for a task: 100 MB are a good size. What a worker that dies
    has held is computed again elsewhere, unless it was scattered. Without a distributed client dask's threads do the
    work.

    Predictions on dask arrays are dask arrays, computed when they are asked for; other arrays are answered at once.

    Examples
    --------
    >>> import dask.array as da, numpy as np
    >>> from fastml.dask import LogisticRegression
    >>> X = da.from_array(np.array([[0.0], [1.0], [2.0], [3.0]]), chunks=(2, 1))
    >>> y = da.from_array(np.array(["no", "no", "yes", "yes"]), chunks=2)
    >>> model = LogisticRegression(C=10).fit(X, y)
    >>> model.predict(X).compute()
    array(['no', 'no', 'yes', 'yes'], dtype='<U3')
    >>> model.predict(np.array([[0.5]]))
    array(['no'], dtype='<U3')
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> LogisticRegression:
        """Fit the model.

        Parameters
        ----------
        X : dask array, shape (n, d)
            Chunks are arrays or SciPy CSR, of float16, float32, float64 or integers, which every pass converts block
            by block.
        y : dask array or array_like, shape (n,) or (n, K)
            As in `fastml.sklearn.LogisticRegression`. Its chunks need not be those of X, unless those are unknown.
        sample_weight : dask array or array_like, shape (n,), optional
        validation_data : (X, y), optional
            Dask arrays.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            X is no dask array, or a parameter is not of its type.
        ValueError
            A shape does not fit, y has one class only, a parameter is out of its range, or a number is not finite: the
            message names row and partition.
        """
        with unchanged_on_error(self):
            rows = Rows(X, y, sample_weight)
            dtype = np.dtype(computing_dtype(rows))
            classes, self._seen = rows.labels(dtype)
            self.n_features_in_, self._rows, self._iterate = rows.d, rows.n, None
            self._start(classes, rows.multi_label, dtype, self.warm_start)
            data = self._partitions(rows, self._class_weights(rows))
            validation = self._validation(validation_data)
            stopping = stopping_of(self.early_stopping, validation is not None)
            history: list[Step] = []
            settings = {"solver": self.solver, "max_iter": self.max_iter, "early_stopping": stopping}
            model = self.coef_, self.intercept_
            result, asked = self._run(data, None, None, model, history, validation_data=validation, **settings)
            stopped = asked or waited_enough(stopping, len(history))
            check_result(type(self).__name__, result, self.max_iter, self.tol, stopped, np.empty((0, rows.d)))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> LogisticRegression:
        """Go once over some more rows, in mini-batches, partition by partition: the coefficients travel, X stays.

        Parameters
        ----------
        X : dask array or array_like, shape (n, d)
        y : dask array or array_like, shape (n,) or (n, K)
            As in `fit`.
        classes : array_like, shape (K,), optional
            All labels that will ever come; needed in the first call where y has shape (n,).
        sample_weight : dask array or array_like, shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit`; also if a label is none of `classes`.

        Notes
        -----
        One partition after the other takes part: this is no way to use many workers at once. `loss_history_` is that of
        the last partition, and no callback is called.
        """
        if not isinstance(X, da.Array):
            return super().partial_fit(X, y, classes, sample_weight)
        with unchanged_on_error(self):
            rows = Rows(X, y, sample_weight)
            known = self.classes_ if hasattr(self, "classes_") else classes
            rows.labels(np.dtype(computing_dtype(rows)), None if known is None else np.unique(known))
            step = delayed(learn, pure=False, traverse=False)
            state: Any = {name: value for name, value in vars(self).items() if name not in STAYS}
            state = delayed(state, pure=False, traverse=False)
            for part in rows.parts:
                state = step(state, *part, classes)
            self.__dict__.update(state.compute(optimize_graph=False))
        return self

    def _class_weights(self, rows: Rows) -> Array | None:
        """Return the weight of each class, None where all are 1; set the sum of the weights of all rows."""
        if self.class_weight is None:
            self._total = float(self._seen.sum())
            return None
        if rows.multi_label:
            raise ValueError("class_weight: expected None where y has a column for each label, "
                             f"got {self.class_weight!r:.60}")  # fmt: skip
        factors = weights_of_classes(self.class_weight, self.classes_, self._seen)
        self._total = float(factors @ self._seen)
        return factors

    def _partitions(self, rows: Rows, class_weight: Array | None) -> Partitions:
        """Return the rows as the solver sees them."""
        data = rows.targets(self.classes_, class_weight, self.coef_.dtype)
        K = self.coef_.shape[0]
        return Partitions(data, rows.sizes, rows.d, K, self.coef_.dtype, self.multi_label_, self.scale)

    def _validation(self, data: Any) -> Any:
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(f"validation_data: expected a pair (X, y), got {type(data).__name__}")
        try:
            X, y = data
            rows = Rows(X, y, d=self.n_features_in_)
            rows.labels(self.coef_.dtype, self.classes_, self.multi_label_)
            return self._partitions(rows, None)
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None

    @staticmethod
    def _fit(X: Any, y: Any, **options: Any) -> FitResult:
        """Do with partitions what `fit_logistic` does with arrays."""
        if not isinstance(X, Partitions):
            return fit_logistic(X, y, **options)
        solver, early_stopping, callback = options["solver"], options["early_stopping"], options["callback"]
        check_name(solver)
        if solver == "sgd":
            raise ValueError("solver: expected one that takes all rows, got 'sgd' (partial_fit takes such steps)")
        w, b, validation = options["w"], options["b"], options["validation_data"]
        problem: Any = X
        objective = Objective(problem, Penalty(options["l1"], options["l2"]), w, b, bool(options["fit_intercept"]))
        check_hooks(early_stopping, validation, callback, [w, b])
        max_iter = integer("max_iter", options["max_iter"], least=0)
        steps = WHOLE[choose(solver, objective)](objective, finite("tol", options["tol"], least=0))
        return iterate(steps, objective, max_iter, validation, early_stopping, callback, False)


def learn(state: dict[str, Any], X: Any, y: Array, sample_weight: Array | None, classes: Any) -> dict[str, Any]:
    """Return what a model has become after a partition."""
    model = fastml.sklearn.LogisticRegression()
    model.__dict__.update(state)
    model.partial_fit(X, y, classes, sample_weight)
    return {name: value for name, value in vars(model).items() if name not in STAYS}
