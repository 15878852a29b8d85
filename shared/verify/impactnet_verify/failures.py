"""The two ways in which a verification does not succeed."""


class NotVerifiedError(Exception):
    """What was given is readable, but does not prove what it should; the message names the first thing that failed."""


class UnusableInputError(Exception):
    """There was nothing to judge: a file that cannot be read, or a policy that is none."""


def require(condition: object, failure: str) -> None:
    """Raises NotVerifiedError with `failure` unless the condition holds."""
    if not condition:
        raise NotVerifiedError(failure)
