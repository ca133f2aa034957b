# SPDX-License-Identifier: Apache-2.0
"""For scenarios that move the clock: what the server does by itself takes a moment."""
import time

DAY = 86400


def eventually(check, seconds=20):
    deadline = time.monotonic() + seconds
    while not check() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert check()
