# SPDX-License-Identifier: Apache-2.0
"""For scenarios that move the clock: what the server does by itself takes a moment."""
import datetime

import botocore.auth

from refusals import wait_for as eventually

DAY = 86400


def skewed(cloud, monkeypatch):
    """skew(seconds): moves the cloud's clock, and the one that requests are signed by."""
    real, moved = botocore.auth.get_current_datetime, [0]
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: real() + datetime.timedelta(seconds=moved[0]))

    def skew(seconds):
        moved[0] += seconds
        cloud.advance(seconds)
        for client in cloud.clients.values():  # the server closes what has been idle for so long
            client._endpoint.http_session.close()
    return skew
