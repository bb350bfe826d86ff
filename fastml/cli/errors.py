"""The one exception that the command line turns into one sentence and exit status 2."""

__all__ = ["CommandError"]


class CommandError(Exception):
    """Something is wrong with what the user gave; the message is one clear sentence without a final period."""
