"""Which notifications a person wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from feed.domain.notification import Group


def _all_wanted() -> dict[Group, bool]:
    return dict.fromkeys(Group, True)


@dataclass(frozen=True, slots=True)
class Preferences:
    """All of them, until a person says otherwise. `version` counts their changes."""

    version: int = 0
    wanted: Mapping[Group, bool] = field(default_factory=_all_wanted)

    def changed(self, changes: Mapping[Group, bool]) -> Self:
        return type(self)(self.version + 1, {**self.wanted, **changes})
