"""What the rules of programmes refuse, each with its stable code."""

from typing import Any

from chassis.refusals import RefusalError


class UnsoundProgramError(RefusalError):
    """The programme is not ready to be public: `errors` names everything that has to be mended."""

    CODE = "program_not_ready"

    def __init__(self, problems: list[tuple[str, str, str]]) -> None:
        """`problems`: (field, code, message) each."""
        self.problems = problems
        errors: list[dict[str, Any]] = [
            {"field": field, "code": code, "message": message} for field, code, message in problems
        ]
        super().__init__(errors=errors)


class CriteriaFrozenError(RefusalError):
    """Someone has submitted: the criteria they are scored by stay as they were."""

    CODE = "criteria_frozen"


class ProgramInUseError(RefusalError):
    """Someone has applied, or money has come in: archive the programme instead of deleting it."""

    CODE = "program_in_use"


class NotAnExecutiveError(RefusalError):
    """Only a user whose role is executive can sit on a board."""

    CODE = "not_an_executive"


class AlreadyOnBoardError(RefusalError):
    """This user sits on the board already."""

    CODE = "already_on_board"


class ChairTakenError(RefusalError):
    """The board has a chair already."""

    CODE = "chair_taken"


class BoardFullError(RefusalError):
    """The board has as many members as it may have."""

    CODE = "board_full"


class ProgramTooLargeError(RefusalError):
    """Form, criteria and lists together are larger than one event may be: shorten their texts."""

    CODE = "program_too_large"
