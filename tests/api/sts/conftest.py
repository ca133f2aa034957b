# SPDX-License-Identifier: Apache-2.0
"""Fixtures of tests/api/identities.py for this folder."""
from identities import account, other  # noqa: F401
