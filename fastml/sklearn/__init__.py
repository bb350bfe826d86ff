"""Estimators of scikit-learn's interface over the solvers of fastml; needs the extra ``fastml-kernels[sklearn]``."""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "fastml.sklearn needs scikit-learn: pip install 'fastml-kernels[sklearn]'", name="sklearn"
    ) from error

from fastml.sklearn.logistic import LogisticRegression

__all__ = ["LogisticRegression"]
