# SPDX-License-Identifier: Apache-2.0
"""What a service refuses with."""
import botocore.exceptions
import pytest


def refused(call, **arguments):
    """(code, message) of the refusal."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
