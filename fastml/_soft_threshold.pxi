"""The proximal step of the l1 penalty, of _activations.pyx."""


def soft_threshold(x, t, /, out=None, *, where=True, dtype=None, casting=None, order=None, subok=None):
    """Return ``sign(x) * max(|x| - t, 0)``: `x` shrunk towards 0 by `t`, exactly 0 where ``|x| <= t``.

    Parameters
    ----------
    x : array_like of float16, float32 or float64
        Any shape. Integers and bool become float64.
    t : float, or array_like of float16, float32 or float64
        Broadcast against `x`. A Python number leaves the dtype of `x` as it is.
    out : ndarray, optional
        Where the result goes: the result's shape and dtype. May be an input itself.
    where, dtype, casting, order, subok
        As for every NumPy ufunc.

    Returns
    -------
    ndarray
        The broadcast shape, the wider dtype of the two.

    Raises
    ------
    TypeError
        An argument has no safe conversion to a float, or `out` does not take the result's dtype.
    ValueError
        The shapes do not broadcast together, or not to that of `out`.

    Notes
    -----
    Max error: 0.51 ULP (float16), 0.5 ULP (float32), 0.5 ULP (float64).
    NaN where `t` is negative, and where either is NaN.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.soft_threshold(np.array([-3.0, 0.5, 2.0], dtype=np.float32), 1.0)
    array([-2.,  0.,  1.], dtype=float32)
    """
    return apply(&SOFT_THRESHOLD, ufuncs["soft_threshold"], x, t, None, out, where, dtype, casting, order, subok)
