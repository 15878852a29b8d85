"""Starts one program that cannot outlive whoever started it: run as a script, it becomes that program.

    python -I -S leash.py PARENT_PID SIGNAL ACCOUNT -- COMMAND...

A supervisor that is killed outright runs no clean-up, so the kernel has to do it (PR_SET_PDEATHSIG, Linux; elsewhere
the leash is a plain exec). SIGNAL 0 is no leash. ACCOUNT is `-` or `UID:GID`: PostgreSQL refuses to run as root, so
root hands it to another account. This is a program of its own rather than a `preexec_fn`, which is unsafe in a process
with threads and warns from Python 3.12 on. It imports nothing of ours, so that it starts in some 20 ms.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h, here and below
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _become(account: str, libc: ctypes.CDLL | None) -> None:
    """Gives up root, keeping one capability: to walk through folders that are closed to the account.

    A clone below root's own home (0700, as in most containers) is such a folder; opening it to everybody would be
    worse. Where the kernel denies the capability the program still starts, and fails only if folders are closed to it.
    """
    user_id, _, group_id = account.partition(":")
    if libc is not None:
        libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(int(group_id))
    os.setuid(int(user_id))
    if libc is not None:
        mask = 1 << _CAP_DAC_OVERRIDE
        header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
        data = (_CapabilityData * 2)(_CapabilityData(mask, mask, mask))  # version 3 takes two words; the second is zero
        if libc.capset(ctypes.byref(header), ctypes.byref(data)) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def main(arguments: list[str]) -> None:
    parent, signal_number, account, _separator, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if account != "-":
        _become(account, libc)
    if libc is not None:
        # After the change of account, which clears it; before the check, so that no moment is left uncovered.
        libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(parent):
        raise SystemExit("the process that asked for this program is gone")
    os.execvp(command[0], command)  # noqa: S606 -- starting the given program without a shell is this file's purpose


if __name__ == "__main__":
    main(sys.argv[1:])
