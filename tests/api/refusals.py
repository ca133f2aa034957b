# SPDX-License-Identifier: Apache-2.0
"""What scenarios say again and again: what a call is refused with, and waiting for a state."""
import time

import botocore.exceptions
import pytest


def refused(call, **arguments):
    """(code, message) of the refusal."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def wait_for(condition, seconds=60):
    """What the condition answers, once it is true. The deadline is for what hangs, not for what is slow."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return answer
