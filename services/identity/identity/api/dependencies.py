"""What routers are given: the wiring, the directory of the request's unit of work, the client's address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from chassis.api.routing import Work
from chassis.database import UnitOfWork
from identity.api.addresses import ClientAddresses
from identity.use_cases.log_in import LoginLimits
from identity.use_cases.ports import Directory, OpenDirectory, Passwords


@dataclass(frozen=True, slots=True)
class IdentityWiring:
    """What identity's routers work with."""

    open_directory: OpenDirectory
    directory_of: Callable[[UnitOfWork], Directory]
    passwords: Passwords
    addresses: ClientAddresses
    limits: LoginLimits


async def wiring(request: Request) -> IdentityWiring:
    found: IdentityWiring = request.app.state.wiring
    return found


Wiring = Annotated[IdentityWiring, Depends(wiring)]


async def _directory(work: Work, wired: Wiring) -> Directory:
    return wired.directory_of(work)


# The repositories in this request's unit of work.
DirectoryOfRequest = Annotated[Directory, Depends(_directory)]


async def _address(request: Request, wired: Wiring) -> str:
    return wired.addresses.of(request)


ClientAddress = Annotated[str, Depends(_address)]
