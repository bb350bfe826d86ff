"""The same MLP trained with fastml, plain NumPy, torch and scikit-learn: ``python -m bench.mlp``."""
