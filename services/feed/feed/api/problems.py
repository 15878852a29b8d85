"""Which status each refusal of the feed is answered with: only the standard ones so far."""

from chassis.api.problems import ProblemTable

PROBLEMS = ProblemTable({})
