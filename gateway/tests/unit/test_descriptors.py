"""The limit of open files: lifted as far as it may be, never lowered."""

import subprocess
import sys

import pytest

# In a process of its own: a hard limit that was lowered cannot be raised again.
PROGRAM = """
import resource, sys
from gateway.descriptors import raise_descriptor_limit
soft, hard, *wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
told = [raise_descriptor_limit(each) for each in wanted]
sys.stderr.write(repr((told, resource.getrlimit(resource.RLIMIT_NOFILE))))
"""


@pytest.mark.parametrize(
    ("wanted", "told", "left"),
    [
        ([300], [300], (300, 512)),
        ([512, 299], [512, 512], (512, 512)),  # what is more already stays
        ([600], [512], (512, 512)),  # as much as is allowed
        ([100], [256], (256, 512)),
    ],
)
def test_the_limit_is_lifted_to_what_is_wanted_as_far_as_that_is_allowed(wanted, told, left):
    arguments = [str(each) for each in (256, 512, *wanted)]
    result = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    assert result.stderr == repr((told, left))
    assert ("open_files_limited" in result.stdout) == (wanted[0] > left[1])
