"""What a business rule says when the answer is no: a fact with a stable code, free of HTTP."""

from typing import Any, ClassVar


class RefusalError(Exception):
    """A rule refused. A subclass sets `CODE` (stable, snake_case) and a docstring that a user may read.

    `detail` is a sentence for people; `facts` are extra members of the problem (such as `state`), never secret.
    `field` is what of the request breaks the rule, named in `errors` where the answer is 422; `FIELD` unless said.
    """

    CODE: ClassVar[str]
    FIELD: ClassVar[str] = "body"

    def __init__(self, detail: str | None = None, *, field: str | None = None, **facts: Any) -> None:
        self.field = field or self.FIELD
        self.detail = detail or (type(self).__doc__ or self.CODE).strip().split("\n", maxsplit=1)[0]
        self.facts = facts
        super().__init__(self.detail)


class NotFoundError(RefusalError):
    """There is no such thing, or it is not yours to see."""

    CODE = "not_found"


class IllegalStateError(RefusalError):
    """The state that this is in does not allow that move."""

    CODE = "illegal_state"

    def __init__(self, state: str, detail: str | None = None) -> None:
        super().__init__(detail or f"Not possible while the state is {state}.", state=state)


class ForbiddenError(RefusalError):
    """Your role does not allow that."""

    CODE = "forbidden"


class StaleVersionError(RefusalError):
    """Someone changed it since you read it: read it again, then repeat."""

    CODE = "stale_version"


class StepUpRequiredError(RefusalError):
    """Confirm that it is you: this needs a password confirmation not older than five minutes."""

    CODE = "step_up_required"


class FieldRefusalError(RefusalError):
    """One or more fields break a rule that only the business knows; answered as 422 with `errors`."""

    CODE = "validation_failed"

    def __init__(self, errors: list[tuple[str, str, str]], detail: str | None = None) -> None:
        """`errors`: (field path, code, message) each."""
        self.errors = errors
        super().__init__(detail or "Some fields break a rule.")
