#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes C structs, tables and typed wrappers for the records of one service.

usage: tools/gen_records.py PREFIX path/records.idl OUTDIR
writes OUTDIR/PREFIX.records.h and OUTDIR/PREFIX.records.c; the language is described in
src/store/record.h.
"""
import pathlib
import re
import sys

FAMILIES = {'control': 'FAMILY_CONTROL', 'items': 'FAMILY_ITEMS', 'objects': 'FAMILY_OBJECTS',
            'logs': 'FAMILY_LOGS'}
SCALARS = {'text': ('struct span', 'RECORD_TEXT'), 'bytes': ('struct span', 'RECORD_TEXT'),
           'u64': ('uint64_t', 'RECORD_U64'), 'i64': ('int64_t', 'RECORD_I64'),
           'bool': ('bool', 'RECORD_BOOL'), 'time': ('int64_t', 'RECORD_TIME')}
LISTS = {'text': ('struct record_texts', 'RECORD_LIST_TEXT'),
         'bytes': ('struct record_texts', 'RECORD_LIST_TEXT'),
         'u64': ('struct record_numbers', 'RECORD_LIST_U64')}
KEYWORDS = set('auto break case char const continue default do double else enum extern float for goto if '
               'inline int long register restrict return short signed sizeof static struct switch '
               'typedef union unsigned void volatile while bool unix linux errno'.split())
OWN_KEYSPACES = range(0x00, 0x08)  # the store's


class Wrong(Exception):
    pass


class Member:
    def __init__(self, name, kind, type_, part=None, number=0):
        self.name, self.kind, self.type, self.part, self.number = name, kind, type_, part, number


class Record:
    def __init__(self, name, family=None, keyspace=0):
        self.name, self.family, self.keyspace = name, family, keyspace
        self.keys, self.fields = [], []


class Reader:
    def __init__(self, text, prefix):
        self.prefix = prefix
        self.tokens = []
        for number, line in enumerate(text.splitlines(), 1):
            words = re.findall(r'[{}]|[^\s{}]+', line.split('#')[0])
            self.tokens += [(word, number) for word in words]
        self.at = 0
        self.line = 1

    def next(self):
        if self.at == len(self.tokens):
            raise Wrong('the file ends within a block')
        word, self.line = self.tokens[self.at]
        self.at += 1
        return word

    def expect(self, word):
        have = self.next()
        if have != word:
            raise Wrong(f'"{word}" expected instead of "{have}"')

    def name(self):
        word = self.next()
        if not re.fullmatch(r'[a-z][a-z0-9_]*', word):
            raise Wrong(f'"{word}" is no name (lower case, digits, _)')
        return word

    def all(self):
        records = []
        while self.at < len(self.tokens):
            what = self.next()
            if what == 'record':
                record = self.head()
            elif what == 'part':
                record = Record(self.name())
            else:
                raise Wrong(f'"record" or "part" expected instead of "{what}"')
            if any(record.name == other.name for other in records):
                raise Wrong(f'{record.name} stands twice')
            self.expect('{')
            self.members(record)
            records.append(record)
        self.resolve(records)
        return records

    def head(self):
        name = self.name()
        self.expect('in')
        family = self.next()
        if family not in FAMILIES:
            raise Wrong(f'"{family}" is no family: {" ".join(FAMILIES)}')
        self.expect('keyspace')
        number = self.next()
        try:
            keyspace = int(number, 0)
        except ValueError:
            raise Wrong(f'"{number}" is no number') from None
        if keyspace in OWN_KEYSPACES or not 0 <= keyspace <= 0xfe:
            raise Wrong(f'keyspace {number}: 0x08 to 0xfe are free')
        return Record(name, family, keyspace)

    def members(self, record):
        while (word := self.next()) != '}':
            member = self.key(record) if word == 'key' else self.field(word)
            have = record.keys + record.fields
            if any(member.name == other.name for other in have):
                raise Wrong(f'{record.name}.{member.name} stands twice')
            if member.number and any(member.number == other.number for other in record.fields):
                raise Wrong(f'{record.name}: number {member.number} stands twice')
            (record.fields if member.number else record.keys).append(member)
        if record.family and not record.keys:
            raise Wrong(f'{record.name} has no key')
        if len(record.fields) > 255 or len(record.keys) > 16:
            raise Wrong(f'{record.name} has too many members')

    def key(self, record):
        type_ = self.next()
        if type_ not in ('text', 'u64'):
            raise Wrong(f'a key is text or u64, not "{type_}"')
        if not record.family:
            raise Wrong('a part has no key')
        return Member(self.name(), SCALARS[type_][1], SCALARS[type_][0])

    def field(self, word):
        if not word.isdigit() or not 0 < int(word) < 65536:
            raise Wrong(f'a field number (1 to 65535) or "key" expected instead of "{word}"')
        number, type_ = int(word), self.next()
        if type_ == 'part':
            part = self.name()
            return Member(self.name(), 'RECORD_PART', f'struct {self.prefix}_{part} *', part, number)
        if type_ == 'list':
            element = self.name()
            if element in LISTS:
                type_, kind = LISTS[element]
                return Member(self.name(), kind, type_, None, number)
            return Member(self.name(), 'RECORD_LIST_PART', f'struct {self.prefix}_{element}_list',
                          element, number)
        if type_ not in SCALARS:
            raise Wrong(f'"{type_}" is no type')
        return Member(self.name(), SCALARS[type_][1], SCALARS[type_][0], None, number)

    @staticmethod
    def resolve(records):
        parts = {record.name for record in records if not record.family}
        for record in records:
            for field in record.fields:
                if field.part and field.part not in parts:
                    raise Wrong(f'{record.name}.{field.name}: there is no part {field.part}')


def c_name(name):
    return name + '_' if name in KEYWORDS else name


def declare(member, comment):
    star = '' if member.type.endswith('*') else ' '
    return f'    {member.type}{star}{c_name(member.name)};{comment}'


WRAPPERS_H = '''int {p}_get(struct txn *txn, struct arena *arena, struct {p} *record) MUST_CHECK;
void {p}_put(struct txn *txn, const struct {p} *record);
void {p}_delete(struct txn *txn, const struct {p} *record);
int {p}_each(struct txn *txn, const struct {p} *from, int fixed, struct arena *arena,
    int (*visit)(void *user, struct {p} *record), void *user) MUST_CHECK;
'''

WRAPPERS_C = '''int {p}_get(struct txn *txn, struct arena *arena, struct {p} *record) {{
    return record_get(txn, &{p}_table, arena, record);
}}

void {p}_put(struct txn *txn, const struct {p} *record) {{
    record_put(txn, &{p}_table, record);
}}

void {p}_delete(struct txn *txn, const struct {p} *record) {{
    record_delete(txn, &{p}_table, record);
}}

struct {p}_visit {{
    int (*visit)(void *user, struct {p} *record);
    void *user;
}};

static int {p}_visited(void *user, void *record) {{
    const struct {p}_visit *each = user;
    return each->visit(each->user, record);
}}

int {p}_each(struct txn *txn, const struct {p} *from, int fixed, struct arena *arena,
    int (*visit)(void *user, struct {p} *record), void *user) {{
    struct {p}_visit each = {{visit, user}};
    return record_each(txn, &{p}_table, from, fixed, arena, {p}_visited, &each);
}}
'''


def header(prefix, source, records):
    out = [f'/* Made by tools/gen_records.py from {source}; see store/record.h. */', '#pragma once',
           '#include "store/record.h"', '']
    listed = sorted({field.part for record in records for field in record.fields
                     if field.kind == 'RECORD_LIST_PART'})
    for name in listed:
        out += [f'struct {prefix}_{name}_list {{', f'    struct {prefix}_{name} *at;', '    size_t count;',
                '};', '']
    for record in records:
        out.append(f'struct {prefix}_{record.name} {{')
        out += [declare(member, ' /* key */') for member in record.keys]
        out += [declare(member, '') for member in record.fields]
        out += ['};', f'extern const struct record_table {prefix}_{record.name}_table;']
        if record.family:
            out.append(WRAPPERS_H.format(p=f'{prefix}_{record.name}'))
        else:
            out.append('')
    return '\n'.join(out)


def table(prefix, record):
    struct = f'{prefix}_{record.name}'
    out = []
    if record.fields:
        out.append(f'static const struct record_field {struct}_fields[] = {{')
        for field in record.fields:
            part = f', .part = &{prefix}_{field.part}_table' if field.part else ''
            out.append(f'    {{.name = "{field.name}", .number = {field.number}, .type = {field.kind},'
                       f' .offset = offsetof(struct {struct}, {c_name(field.name)}){part}}},')
        out += ['};', '']
    if record.keys:
        out.append(f'static const struct record_key_part {struct}_keys[] = {{')
        out += [f'    {{offsetof(struct {struct}, {c_name(key.name)}), {key.kind}}},' for key in record.keys]
        out += ['};', '']
    out += [f'_Static_assert(sizeof(struct {struct}) <= UINT16_MAX, "{struct} is too large");',
            f'const struct record_table {struct}_table = {{', f'    .name = "{struct}",',
            f'    .size = sizeof(struct {struct}),']
    if record.family:
        out += [f'    .keyspace = {record.keyspace:#04x},', f'    .family = {FAMILIES[record.family]},']
    for what, members in (('field', record.fields), ('key', record.keys)):
        if members:
            out += [f'    .{what}s = {struct}_{what}s,', f'    .{what}_count = {len(members)},']
    return '\n'.join(out + ['};', ''])


def body(prefix, source, records):
    out = [f'/* Made by tools/gen_records.py from {source}; see store/record.h. */',
           f'#include "{prefix}.records.h"', '']
    for record in records:
        out.append(table(prefix, record))
        if record.family:
            out.append(WRAPPERS_C.format(p=f'{prefix}_{record.name}'))
    return '\n'.join(out)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    prefix, path, outdir = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    reader = Reader(path.read_text(encoding='utf-8'), prefix)
    try:
        records = reader.all()
    except Wrong as wrong:
        sys.exit(f'{path}:{reader.line}: {wrong}')
    outdir.mkdir(parents=True, exist_ok=True)
    for name, text in ((f'{prefix}.records.h', header(prefix, path.name, records)),
                       (f'{prefix}.records.c', body(prefix, path.name, records))):
        (outdir / name).write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main()
