# SPDX-License-Identifier: Apache-2.0
"""A cloud whose clock is moved, and a table of few units in it."""
import pytest

from scaled import Scaled


@pytest.fixture
def scaled(own_cloud):
    it = Scaled(own_cloud("--auth", "open"))
    it.make_table()
    return it
