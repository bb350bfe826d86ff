"""Early stopping: end a training once a validation value has stopped getting better."""

import math
from collections.abc import Mapping
from typing import Any, Literal, SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from fastml._arguments import finite, integer, real

__all__ = ["EarlyStopping", "Params"]

Params = NDArray[Any] | list[NDArray[Any]] | tuple[NDArray[Any], ...] | dict[Any, NDArray[Any]]

WORST = {"min": math.inf, "max": -math.inf}
STATE = ("mode", "best", "best_step", "step", "waited", "best_params")


class EarlyStopping:
    """Say when to stop a training, and keep the parameters of its best step.

    Parameters
    ----------
    patience : int, default 5
        At least 1. The `patience`-th update in a row that is not better stops.
    min_delta : float, default 0.0
        Finite, not negative. Better means ``value < best - min_delta``, or ``value > best + min_delta`` with
        ``mode="max"``. The first value counts against the worst there is, inf or -inf; NaN is never better.
    mode : {"min", "max"}, default "min"
        Whether small values, as of a loss, or large ones, as of an accuracy, are good.
    restore_best : bool, default True
        On stopping, write the parameters of the best step back into the arrays given to `update`.

    Attributes
    ----------
    best : float or None
        The best value; None as long as there was none.
    best_step : int or None
        The update that brought it, counted from 0.
    best_params : ndarray, list, tuple or dict of ndarray, or None
        A copy of the parameters of that update; None where it was given none.

    Raises
    ------
    TypeError
        An argument is not of its type.
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> stopping = fastml.EarlyStopping(patience=2)
    >>> w = np.zeros(3)
    >>> for loss in [0.9, 0.5, 0.7, 0.6, 0.4]:
    ...     w += 1
    ...     if stopping.update(loss, w):
    ...         break
    >>> stopping.best, stopping.best_step, w
    (0.5, 1, array([2., 2., 2.]))
    """

    def __init__(
        self,
        patience: SupportsIndex = 5,
        *,
        min_delta: SupportsFloat = 0.0,
        mode: Literal["min", "max"] = "min",
        restore_best: bool = True,
    ) -> None:
        self.patience = integer("patience", patience, least=1)
        self.min_delta = finite("min_delta", min_delta, least=0)
        if not isinstance(mode, str) or mode not in ("min", "max"):
            raise ValueError(f"mode: expected 'min' or 'max', got {mode!r}")
        if not isinstance(restore_best, (bool, np.bool_)):
            raise TypeError(f"restore_best: expected a bool, got {type(restore_best).__name__}")
        self.mode: Literal["min", "max"] = mode
        self.restore_best = bool(restore_best)
        self.best: float | None = None
        self.best_step: int | None = None
        self.best_params: Params | None = None
        self._step = 0
        self._waited = 0

    def update(self, value: SupportsFloat, params: Params | None = None) -> bool:
        """Take the value of one more step.

        Parameters
        ----------
        value : float
            What is watched: a loss, an accuracy.
        params : ndarray, or list, tuple or dict of ndarray, optional
            The parameters that gave it. Copied when `value` is better; on stopping with `restore_best`, overwritten by
            those of the best step.

        Returns
        -------
        bool
            Whether to stop now. An update after that is counted on: True again unless its value is better.

        Raises
        ------
        TypeError
            `value` is not a real number, or `params` is not made of arrays.
        ValueError
            With `restore_best`: `params` is read-only, or in keys, length, shape or dtype not what it was at the best
            step. Nothing has changed then.

        Examples
        --------
        >>> import fastml
        >>> stopping = fastml.EarlyStopping(patience=1, mode="max")
        >>> [stopping.update(accuracy) for accuracy in (0.8, 0.9, 0.9)]
        [False, False, True]
        """
        number = real("value", value)
        if params is not None:
            check_params(self, params)
        self._step += 1
        if self._is_better(number):
            self.best, self.best_step, self._waited = number, self._step - 1, 0
            self.best_params = None if params is None else _copy(params)
            return False
        self._waited += 1
        stop = self._waited >= self.patience
        if stop and params is not None:
            put_back(self, params)
        return stop

    def state_dict(self) -> dict[str, Any]:
        """Return what has been seen so far, to resume an interrupted training.

        Returns
        -------
        dict
            Strings, numbers and None, and as "best_params" a copy of the arrays.

        Raises
        ------
        MemoryError
            There is no room for the copy.

        Examples
        --------
        >>> import fastml
        >>> stopping = fastml.EarlyStopping()
        >>> stopping.update(0.5)
        False
        >>> stopping.state_dict()
        {'mode': 'min', 'best': 0.5, 'best_step': 0, 'step': 1, 'waited': 0, 'best_params': None}
        """
        params = None if self.best_params is None else _copy(self.best_params)
        values = (self.mode, self.best, self.best_step, self._step, self._waited, params)
        return dict(zip(STATE, values, strict=True))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` was called.

        Parameters
        ----------
        state : mapping
            What `state_dict` returned. Patience, min_delta and restore_best are not part of it.

        Raises
        ------
        TypeError
            `state` is not a mapping, or an entry is not of its type. Nothing has changed then.
        ValueError
            An entry is missing, unknown or out of its range, or `state` is of the other mode. Nothing has changed then.

        Examples
        --------
        >>> import fastml
        >>> stopping, resumed = fastml.EarlyStopping(patience=1), fastml.EarlyStopping(patience=1)
        >>> stopping.update(0.5)
        False
        >>> resumed.load_state_dict(stopping.state_dict())
        >>> resumed.update(0.6)
        True
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"state: expected a mapping, got {type(state).__name__}")
        if set(state) != set(STATE):
            raise ValueError(f"state: expected the entries {', '.join(STATE)}, got {', '.join(map(str, state))}")
        if state["mode"] != self.mode:
            raise ValueError(f"state['mode']: expected {self.mode!r}, got {state['mode']!r}")
        best, best_step, best_params = None, None, None
        step = integer("state['step']", state["step"], least=0)
        waited = integer("state['waited']", state["waited"], least=0)
        if state["best"] is not None:
            best = real("state['best']", state["best"])
            if math.isnan(best):  # nothing would ever be better
                raise ValueError("state['best']: expected a number or None, got nan")
            best_step = integer("state['best_step']", state["best_step"], least=0)
        if state["best_params"] is not None:
            _arrays("state['best_params']", state["best_params"])
            best_params = _copy(state["best_params"])
        self.best, self.best_step, self.best_params = best, best_step, best_params
        self._step, self._waited = step, waited

    def _is_better(self, value: float) -> bool:
        best = WORST[self.mode] if self.best is None else self.best
        return value < best - self.min_delta if self.mode == "min" else value > best + self.min_delta


def check_params(stopping: EarlyStopping, params: Params) -> None:
    """Refuse at every step what could not be written to at the last one."""
    arrays = _arrays("params", params)
    if not stopping.restore_best:
        return
    for name, array in arrays.items():
        if not array.flags.writeable:
            raise ValueError(f"{name}: expected a writeable array, got a read-only one")
    if stopping.best_params is None:
        return
    best = _arrays("params", stopping.best_params)
    if set(arrays) != set(best):
        raise ValueError(f"params: expected {', '.join(best)} as at the best step, got {', '.join(arrays)}")
    for name, kept in best.items():
        if (arrays[name].shape, arrays[name].dtype) != (kept.shape, kept.dtype):
            raise ValueError(f"{name}: expected shape {kept.shape} and dtype {kept.dtype} as at the best step, "
                             f"got {arrays[name].shape} and {arrays[name].dtype}")  # fmt: skip


def put_back(stopping: EarlyStopping, params: Params) -> None:
    """With `restore_best`, write the parameters of the best step, if there are any, into those given."""
    if stopping.restore_best and stopping.best_params is not None:
        arrays = _arrays("params", params)
        for name, array in _arrays("params", stopping.best_params).items():
            arrays[name][...] = array


def _arrays(name: str, params: Params) -> dict[str, NDArray[Any]]:
    """Return the arrays by the name that a message gives them."""
    if isinstance(params, np.ndarray):
        return {name: params}
    if not isinstance(params, (list, tuple, dict)):
        raise TypeError(f"{name}: expected an ndarray, or a list or dict of ndarrays, got {type(params).__name__}")
    items = params.items() if isinstance(params, dict) else enumerate(params)
    arrays = {f"{name}[{key!r}]": array for key, array in items}
    for item, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{item}: expected an ndarray, got {type(array).__name__}")
    return arrays


def _copy(params: Params) -> Params:
    if isinstance(params, np.ndarray):
        return params.copy(order="K")
    if isinstance(params, dict):
        return {key: array.copy(order="K") for key, array in params.items()}
    copies = [array.copy(order="K") for array in params]
    return tuple(copies) if isinstance(params, tuple) else copies
