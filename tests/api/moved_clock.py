# SPDX-License-Identifier: Apache-2.0
"""For scenarios that move the clock: what the server does by itself takes a moment."""
from refusals import wait_for as eventually

DAY = 86400
