"""Estimators on dask arrays that no one machine holds; needs the extra ``fastml-kernels[dask]``."""

try:
    import dask.array as _array  # noqa: F401
    import distributed as _distributed  # noqa: F401
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"fastml.dask needs dask, distributed and scikit-learn: pip install 'fastml-kernels[dask]' ({error})",
        name=error.name,
    ) from error

from fastml.dask.logistic import LogisticRegression

__all__ = ["LogisticRegression"]
