"""LogisticRegression with the interface of scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastml.fitting import Step
from fastml.sklearn.data import computing_dtype
from fastml.sklearn.labels import as_labels, encode
from fastml.sklearn.solving import LogisticSolver, classes_of, codes_of
from fastml.sklearn.training import check_result, stopping_of, unchanged_on_error, waited_enough

Array = npt.NDArray[Any]

SLICE = 1024  # rows of `partial_fit` between two places that are averaged


class LogisticRegression(LogisticSolver):
    """Logistic regression (two classes, or independent labels) or softmax regression (more classes).

    It takes the place of scikit-learn's: the same objective, the same meaning of its parameters and attributes. With
    s the weights of the rows, given or by class, it minimizes ::

        C * sum(s * loss) + (1 - l1_ratio) / 2 * sum(w**2) + l1_ratio * sum(abs(w))

    Parameters
    ----------
    C : float, default 1.0
        How much the data count beside the penalty; inf means no penalty.
    l1_ratio : float, default 0.0
        From 0, squares alone, to 1, absolute values alone, by which some coefficients become exactly 0. Any solver
        takes any ratio that it can; the intercept is not penalised.
    tol : float, default 1e-4
        Converged means that no entry of the gradient of the mean loss exceeds it ("sgd": that the loss changes by a
        smaller share).
    fit_intercept : bool, default True
    class_weight : None, "balanced" or dict, default None
        Weights by class, which multiply those of the rows; "balanced" lets all classes count the same.
    random_state : None, int, numpy.random.RandomState or Generator
        The order of "sgd".
    solver : str, default "auto"
        As in `fastml.fit_logistic`.
    max_iter : int, default 100
        Iterations, or epochs.
    warm_start : bool, default False
        Start from `coef_` and `intercept_` of the fit before.
    n_jobs : None or int
        Threads: None, as many as the library has; -1, all CPUs.
    verbose : int, default 0
        Show a progress bar.
    scale : float, optional
        Multiplies X wherever it comes, as 1/255 for the bytes of an image; `coef_` is for the product.
    early_stopping : int, EarlyStopping or None, default 5
        With `validation_data`: after how many iterations in a row without a smaller loss on them to stop; the best
        coefficients are kept. None: never.
    callback : callable, optional
        Called after every iteration with a `Step` (iteration, loss, validation_loss) while `coef_` holds its outcome;
        a true result stops.

    Attributes
    ----------
    classes_ : ndarray, shape (K,)
        The sorted labels.
    coef_ : ndarray, shape (1, d) for two classes, else (K, d)
        float32 if X was float16, float32 or of 8-bit integers, else float64.
    intercept_ : ndarray, shape (1,) or (K,)
    multi_label_ : bool
        Whether y had a column for each label.
    n_iter_ : ndarray of int32, shape (1,)
    loss_history_ : ndarray
        After every iteration: the objective divided by ``C * sum(s)``, that is the mean loss with its penalties.
    validation_loss_history_ : ndarray
        With `validation_data`: the mean loss on them.
    n_features_in_ : int
    feature_names_in_ : ndarray
        Where X has names for its columns.

    Notes
    -----
    X may be float16, float32, float64, int8 or uint8, in any layout, a memory map, or a SciPy CSR matrix: it is never
    converted whole and never copied. An error leaves the estimator as it was. After a KeyboardInterrupt `coef_` and
    `intercept_` hold the last finished iteration.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.sklearn import LogisticRegression
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["no", "no", "yes", "yes"]
    >>> model = LogisticRegression(C=10).fit(X, y)
    >>> model.predict([[0.5], [2.5]])
    array(['no', 'yes'], dtype='<U3')
    >>> model.predict_proba([[1.5], [4.0]]).round(3)
    array([[0.5  , 0.5  ],
           [0.001, 0.999]])
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "auto",
        max_iter: int = 100,
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
        scale: float | None = None,
        early_stopping: Any = 5,
        callback: Callable[[Step], bool | None] | None = None,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.scale = scale
        self.early_stopping = early_stopping
        self.callback = callback

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> LogisticRegression:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)
        y : array_like, shape (n,) or (n, K)
            Labels of any type that can be sorted; or 0 or 1 for each of K independent labels.
        sample_weight : array_like, shape (n,), optional
            Numbers >= 0.
        validation_data : (X, y), optional
            Rows that are not fitted but watched: see `early_stopping`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A shape does not fit, a parameter is out of its range, y has one class only, or X or the loss is not finite.
        TypeError
            A parameter or an array is not of its type.

        Warns
        -----
        ConvergenceWarning
            `max_iter` was not enough.
        """
        with unchanged_on_error(self):
            matrix, labels = self._checked(X, y, reset=True)
            classes, codes = classes_of(labels)
            self._start(classes, codes.ndim == 2, computing_dtype(matrix), self.warm_start)
            self._seen, self._rows, self._iterate = np.zeros(1 if codes.ndim == 2 else len(classes)), len(codes), None
            weight = self._weights(codes, sample_weight)
            validation = self._validation(validation_data)
            stopping = stopping_of(self.early_stopping, validation is not None)
            history: list[Step] = []
            settings = {"solver": self.solver, "max_iter": self.max_iter, "early_stopping": stopping}
            model = self.coef_, self.intercept_
            result, asked = self._run(matrix, codes, weight, model, history, validation_data=validation, **settings)
            stopped = asked or waited_enough(stopping, len(history))
            check_result(type(self).__name__, result, self.max_iter, self.tol, stopped, matrix)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> LogisticRegression:
        """Go once over some more rows, by averaged SGD, from where `fit` or `partial_fit` has left off.

        The penalty is that of all rows so far, so that the coefficients approach those of one `fit` to them.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)
        y : array_like, shape (n,) or (n, K)
            As in `fit`.
        classes : array_like, shape (K,), optional
            All labels that will ever come; needed in the first call where y has shape (n,).
        sample_weight : array_like, shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit`; also if a label is none of `classes`.
        """
        with unchanged_on_error(self):
            first = not hasattr(self, "coef_")
            matrix, labels = self._checked(X, y, reset=first)
            known = self._known_classes(labels, classes, first)
            codes = codes_of(known, labels, "y")
            self._start(known, codes.ndim == 2, computing_dtype(matrix) if first else self.coef_.dtype, warm=True)
            self._seen = self._seen.copy() if hasattr(self, "_seen") else np.zeros(1 if codes.ndim == 2 else len(known))
            self._rows = getattr(self, "_rows", 0)
            weight = self._weights(codes, sample_weight)
            self._average(matrix, codes, weight)
        return self

    def _average(self, X: Any, codes: Array, weight: Array | None) -> None:
        """Let SGD go once over the rows, and make `coef_` the mean of where it has been.

        SGD keeps its rate, and so its noise; the mean has little of either. Later places count more, in proportion to
        the rows before them (Lacoste-Julien, Schmidt and Bach, 2012).
        """
        model = getattr(self, "_iterate", None) or (self.coef_, self.intercept_)
        model = model[0].copy(), model[1].copy()
        history: list[Step] = []
        parts = -(-len(codes) // SLICE)
        for k in range(parts):
            rows = slice(k, None, parts)  # spread over all rows, in whatever order they are
            part = None if weight is None else weight[rows]
            result, _ = self._run(X[rows], codes[rows], part, model, history, solver="sgd", max_iter=1)
            if not np.isfinite(result.loss):
                check_result(type(self).__name__, result, 1, self.tol, False, X)
            n = len(codes[rows])
            share = 2.0 * n / (self._rows + 2.0 * n)
            self.coef_ += share * (model[0] - self.coef_)
            self.intercept_ += share * (model[1] - self.intercept_)
            self._rows += n
        self._iterate = model

    def _known_classes(self, labels: Array, classes: Any, first: bool) -> Array:
        """Return the classes of `partial_fit`."""
        if labels.ndim == 2:
            classes = np.arange(labels.shape[1])
        elif classes is not None:
            classes = encode(as_labels(classes))[0]
        elif first:
            raise ValueError("classes: expected all labels in the first call of partial_fit, got None")
        if first:
            return np.asarray(classes)
        if classes is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(f"classes: expected {self.classes_} as before, got {classes}")
        return self.classes_
