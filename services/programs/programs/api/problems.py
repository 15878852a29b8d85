"""Which status each refusal of programs is answered with."""

from chassis.api.problems import ProblemTable
from programs.domain.refusals import (
    AlreadyOnBoardError,
    BoardFullError,
    ChairTakenError,
    CriteriaFrozenError,
    NotAnExecutiveError,
    ProgramInUseError,
    ProgramTooLargeError,
    UnsoundProgramError,
)

PROBLEMS = ProblemTable(
    {
        UnsoundProgramError: 409,
        CriteriaFrozenError: 409,
        ProgramInUseError: 409,
        NotAnExecutiveError: 409,
        AlreadyOnBoardError: 409,
        ChairTakenError: 409,
        BoardFullError: 409,
        ProgramTooLargeError: 422,
    }
)
