#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of AWS managed policies as C.

usage: tools/gen_policies.py models/aws_managed_policies.json OUT.c
"""
import hashlib
import json
import pathlib
import sys

ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'


def policy_id(name):
    """Stable and of the right form; the real ids are not published."""
    digest = hashlib.sha256(name.encode()).digest()
    return 'ANPA' + ''.join(ID_LETTERS[byte % 32] for byte in digest[:17])


def text(value):
    """A C string literal in lines of bearable length; '?' is escaped because of trigraphs."""
    pieces = []
    for at in range(0, len(value), 90):
        piece = value[at:at + 90].replace('\\', '\\\\').replace('"', '\\"').replace('?', '\\?')
        pieces.append(f'"{piece}"')
    return '\n     '.join(pieces)


def row(policy):
    document = json.dumps(policy['document'], separators=(',', ':'))
    arn = f'arn:aws:iam::aws:policy{policy["path"]}{policy["name"]}'
    fields = [arn, policy['name'], policy['path'], policy_id(policy['name']), policy['version'],
              document]
    spans = ',\n     '.join(f'S_INIT({text(field)})' for field in fields)
    return f'    {{{spans},\n     {policy["created"]}000, {policy["updated"]}000}},'


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    policies = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding='utf-8'))
    policies.sort(key=lambda policy: policy['name'].lower())
    lines = ['/* Made by tools/gen_policies.py from models/aws_managed_policies.json. */',
             '#include "auth/managed_policy.h"', '',
             'const struct managed_policy managed_policy_table[] = {',
             *[row(policy) for policy in policies], '};',
             f'const size_t managed_policy_count = {len(policies)};', '']
    pathlib.Path(sys.argv[2]).write_text('\n'.join(lines), encoding='utf-8')


if __name__ == '__main__':
    main()
