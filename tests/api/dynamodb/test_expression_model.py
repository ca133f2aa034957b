# SPDX-License-Identifier: Apache-2.0
"""Random conditions and updates on random items, against a model in Python: numbers are Decimals there."""
import copy
import decimal
import itertools
import random

import botocore.exceptions

NAMES = ["aa", "bb", "cc", "dd", "ee"]
TYPES = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "L", "M"]
COMPARE = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
EXACT = decimal.Context(prec=38, traps=[decimal.Inexact])


def started():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    return random.Random(seed)


def plain(number):
    """A Decimal as the service writes it."""
    return "0" if number == 0 else format(number.normalize(decimal.Context(prec=80)), "f")


def number_of(dice):
    digits = dice.choice([1, 1, 2, 18, 37])
    return plain(decimal.Decimal(dice.randrange(-10**digits, 10**digits)).scaleb(-dice.choice([0, 0, 1, 5, digits])))


def value_of(dice, depth=0, types=None):
    kind = dice.choice(types or (TYPES if depth < 2 else TYPES[:7]))
    match kind:
        case "S":
            value = "".join(dice.choices("abü", k=dice.randrange(4)))
        case "N":
            value = number_of(dice)
        case "B":
            value = bytes(dice.choices([0, 97, 255], k=dice.randrange(3)))
        case "BOOL":
            value = dice.random() < .5
        case "NULL":
            value = True
        case "SS":
            value = dice.sample(["a", "b", "ab", "ü"], dice.randrange(1, 4))
        case "NS":
            value = dice.sample(["1", "2", "-3", "0.5"], dice.randrange(1, 4))
        case "L":
            value = [value_of(dice, depth + 1) for _ in range(dice.randrange(4))]
        case "M":
            value = {name: value_of(dice, depth + 1) for name in dice.sample(NAMES, dice.randrange(4))}
    return {kind: value}


def item_of(dice, key):
    return {"pk": {"S": key}, **{name: value_of(dice) for name in dice.sample(NAMES, dice.randrange(1, 5))}}


def comparable(value):
    """What decides whether two values are equal; also their order among scalars of a type."""
    (kind, inner), = value.items()
    match kind:
        case "N":
            return kind, decimal.Decimal(inner)
        case "S":
            return kind, inner.encode()
        case "B":
            return kind, bytes(inner)
        case "SS":
            return kind, frozenset(inner)
        case "NS":
            return kind, frozenset(map(decimal.Decimal, inner))
        case "L":
            return kind, tuple(map(comparable, inner))
        case "M":
            return kind, frozenset((name, comparable(each)) for name, each in inner.items())
    return kind, inner


def equal(a, b):
    return a is not None and b is not None and comparable(a) == comparable(b)


def find(item, path):
    value = {"M": item}
    for step in path:
        if isinstance(step, int):
            value = value["L"][step] if "L" in value and step < len(value["L"]) else None
        else:
            value = value["M"].get(step) if "M" in value else None
        if value is None:
            return None
    return value


def text_of(path):
    return path[0] + "".join(f"[{step}]" if isinstance(step, int) else "." + step for step in path[1:])


def path_of(dice):
    path = [dice.choice(NAMES)]
    while dice.random() < .3:
        path.append(dice.choice([0, 1, 2, *NAMES]))
    return path


class Writer:
    """Makes expressions: each a text, and a function from an item to what it should come to."""

    def __init__(self, dice):
        self.dice, self.values = dice, {}

    def value(self, types=None):
        name = f":v{len(self.values)}"
        self.values[name] = value_of(self.dice, types=types)
        return name, self.values[name]

    def path(self):
        path = path_of(self.dice)
        return text_of(path), lambda item: find(item, path)

    def size(self):
        text, of = self.path()

        def size(item):
            value = of(item)
            kind = next(iter(value)) if value else None
            return {"N": str(len(value[kind]))} if kind in ("S", "B", "SS", "NS", "L", "M") else None
        return f"size({text})", size

    def operand(self, types=None):
        if self.dice.random() < .3:
            return self.path()
        name, value = self.value(types)
        return name, lambda item: value

    def ordered(self):
        op = self.dice.choice(list(COMPARE))
        types = self.dice.choice([["S"], ["N"], ["B"]])
        left, a = self.size() if types == ["N"] and self.dice.random() < .5 else self.path()
        name, value = self.value(types)

        def holds(item):
            found = a(item)
            return found is not None and comparable(found)[0] == types[0] and COMPARE[op](
                comparable(found)[1], comparable(value)[1])
        return f"{left} {op} {name}", holds

    def equals(self):
        op = self.dice.choice(["=", "<>"])
        left, a = self.path()
        right, b = self.operand()
        if left == right:
            return self.equals()
        return f"{left} {op} {right}", lambda item: equal(a(item), b(item)) == (op == "=")

    def between(self):
        types = self.dice.choice([["S"], ["N"], ["B"]])
        left, a = self.path()
        pair = sorted([self.value(types), self.value(types)], key=lambda each: comparable(each[1])[1])

        def holds(item):
            found = a(item)
            return found is not None and types[0] in found and (
                comparable(pair[0][1]) <= comparable(found) <= comparable(pair[1][1]))
        return f"{left} BETWEEN {pair[0][0]} AND {pair[1][0]}", holds

    def among(self):
        left, a = self.path()
        each = [one for one in (self.operand() for _ in range(4)) if one[0] != left] or [self.operand(["S"])]
        if left in [text for text, _ in each]:
            return self.among()
        return (f"{left} IN ({', '.join(text for text, _ in each)})",
                lambda item: any(equal(a(item), of(item)) for _, of in each))

    def function(self):
        left, a = self.path()
        match self.dice.choice(["exists", "missing", "type", "begins", "contains"]):
            case "exists":
                return f"attribute_exists({left})", lambda item: a(item) is not None
            case "missing":
                return f"attribute_not_exists ({left})", lambda item: a(item) is None
            case "type":
                kind = self.dice.choice(TYPES)
                name = f":v{len(self.values)}"
                self.values[name] = {"S": kind}
                return f"attribute_type({left}, {name})", lambda item: kind in (a(item) or {})
            case "begins":
                name, value = self.value(["S", "B"])
                kind = next(iter(value))
                return f"begins_with({left}, {name})", lambda item: (
                    kind in (a(item) or {}) and comparable(a(item))[1].startswith(comparable(value)[1]))
            case "contains":
                name, value = self.value(["S", "N", "B", "BOOL", "NULL"])
                return f"contains({left}, {name})", lambda item: self.contains(a(item), value)

    @staticmethod
    def contains(found, value):
        match found:
            case {"S": text}:
                return "S" in value and value["S"] in text
            case {"B": data}:
                return "B" in value and bytes(value["B"]) in bytes(data)
            case {"SS": texts}:
                return value.get("S") in texts
            case {"NS": numbers}:
                return "N" in value and decimal.Decimal(value["N"]) in map(decimal.Decimal, numbers)
            case {"L": each}:
                return any(equal(one, value) for one in each)
        return False

    def condition(self, depth=0):
        shape = self.dice.random()
        if depth < 3 and shape < .2:
            text, of = self.condition(depth + 1)
            return (f"NOT {text}" if text[0] == "(" else f"NOT ({text})"), lambda item: not of(item)
        if depth < 3 and shape < .6:
            op = self.dice.choice(["AND", "or"])
            sides = [self.condition(depth + 1) for _ in range(2)]
            merge = all if op == "AND" else any
            text = f" {op} ".join(text if text[0] == "(" else f"({text})" for text, _ in sides)
            return "(" * bool(depth) + text + ")" * bool(depth), lambda item: merge(of(item) for _, of in sides)
        return self.dice.choice([self.ordered, self.equals, self.equals, self.between, self.among, self.function])()


def test_conditions(dynamodb, table):
    dice = started()
    items = {str(key): item_of(dice, str(key)) for key in range(60)}
    for item in items.values():
        dynamodb.put_item(TableName=table, Item=item)
    matched = 0
    for _ in range(400):
        writer = Writer(dice)
        text, of = writer.condition()
        given = {"ExpressionAttributeValues": writer.values} if writer.values else {}
        found = dynamodb.scan(TableName=table, FilterExpression=text, **given)["Items"]
        expected = {key for key, item in items.items() if of(item)}
        assert {item["pk"]["S"] for item in found} == expected, (text, writer.values)
        matched += len(expected)
        key = dice.choice(list(items))
        try:
            dynamodb.put_item(TableName=table, Item=items[key], ConditionExpression=text, **given)
            assert key in expected, (text, writer.values)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ConditionalCheckFailedException", (text, error)
            assert key not in expected, (text, writer.values)
    assert 0 < matched < 400 * 60


class Refused(Exception):
    pass


def add_numbers(a, b, sign=1):
    """Refused when the sum has more than 38 digits: nothing is rounded."""
    try:
        return {"N": plain(EXACT.add(decimal.Decimal(a), sign * decimal.Decimal(b)))}
    except decimal.Inexact:
        raise Refused from None


def need(value, *kinds):
    """The operand's own value, of one of these types."""
    if value is None or not set(value) & set(kinds):
        raise Refused
    return next(iter(value.values()))


class Updater(Writer):
    """One clause at a time, on attributes of the top: a text and what it makes of an attribute's value."""

    def clause(self, name):
        other = self.dice.choice(NAMES)
        match self.dice.choice(["set", "copy", "sum", "first", "append", "remove", "add", "delete"]):
            case "set":
                text, value = self.value()
                return "SET", f"{name} = {text}", lambda item: value
            case "copy":
                return "SET", f"{name} = {other}", lambda item: item.get(other) or need(None)
            case "sum":
                op = self.dice.choice("+-")
                text, value = self.value(["N"])

                def total(item):
                    return add_numbers(need(item.get(other), "N"), value["N"], 1 if op == "+" else -1)
                return "SET", f"{name} = {other} {op} {text}", total
            case "first":
                text, value = self.value()
                return "SET", f"{name} = if_not_exists({other}, {text})", lambda item: item.get(other, value)
            case "append":
                text, value = self.value(["L"])
                front = self.dice.random() < .5
                arguments = f"{text}, {other}" if front else f"{other}, {text}"

                def append(item):
                    old = need(item.get(other), "L")
                    return {"L": value["L"] + old if front else old + value["L"]}
                return "SET", f"{name} = list_append({arguments})", append
            case "remove":
                return "REMOVE", name, lambda item: None
            case "add":
                text, value = self.value(["N", "SS", "NS"])
                kind = next(iter(value))

                def add(item):
                    if name not in item:
                        return value
                    old = need(item[name], kind)
                    if kind == "N":
                        return add_numbers(old, value["N"])
                    return {kind: sorted(set(old) | set(value[kind]))}
                return "ADD", f"{name} {text}", add
            case "delete":
                text, value = self.value(["SS", "NS"])
                kind = next(iter(value))

                def delete(item):
                    if name not in item:
                        return None
                    left = set(need(item[name], kind)) - set(value[kind])
                    return {kind: sorted(left)} if left else None
                return "DELETE", f"{name} {text}", delete

    def update(self):
        clauses = [(name, *self.clause(name)) for name in self.dice.sample(NAMES, self.dice.randrange(1, 4))]
        words = {word: [part for _, kind, part, _ in clauses if kind == word]
                 for word in ("SET", "REMOVE", "ADD", "DELETE")}
        text = " ".join(f"{word} {', '.join(parts)}" for word, parts in words.items() if parts)

        def apply(item):
            # Every operand is read from the item as it was.
            new = copy.deepcopy(item)
            for name, _, _, of in clauses:
                value = of(item)
                new.pop(name, None)
                if value is not None:
                    new[name] = value
            return new
        return text, apply


def test_updates(dynamodb, table):
    dice = started()
    items = {str(key): item_of(dice, str(key)) for key in range(20)}
    for item in items.values():
        dynamodb.put_item(TableName=table, Item=item)
    refused = 0
    for _ in range(600):
        writer = Updater(dice)
        text, apply = writer.update()
        key = dice.choice(list(items))
        given = {"ExpressionAttributeValues": writer.values} if writer.values else {}
        try:
            expected = apply(items[key])
        except Refused:
            expected = None
        try:
            answer = dynamodb.update_item(TableName=table, Key={"pk": {"S": key}}, UpdateExpression=text,
                                          ReturnValues="ALL_NEW", **given)["Attributes"]
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ValidationException"
            assert expected is None, (text, writer.values, items[key], error)
            refused += 1
            continue
        assert expected is not None, (text, writer.values, items[key])
        assert equal({"M": answer}, {"M": expected}), (text, writer.values, items[key], answer)
        read = dynamodb.get_item(TableName=table, Key={"pk": {"S": key}})["Item"]
        assert equal({"M": read}, {"M": expected}), (text, read)
        # A quarter starts anew, lest the items all end up with the same few values.
        items[key] = item_of(dice, key) if dice.random() < .25 else expected
        if items[key] is not expected:
            dynamodb.put_item(TableName=table, Item=items[key])
    assert 0 < refused < 600


def test_projections(dynamodb, table):
    dice = started()
    item = item_of(dice, "p")
    deep = [{"M": {"cc": {"N": "1"}, "dd": {"S": "x"}}}, {"N": "2"}, {"S": "y"}]
    item["aa"] = {"M": {"bb": {"L": deep}, "cc": {"BOOL": True}}}
    dynamodb.put_item(TableName=table, Item=item)
    for _ in range(200):
        paths = [["aa"] + path_of(dice) if dice.random() < .5 else path_of(dice) for _ in range(dice.randrange(1, 4))]
        text = ", ".join(map(text_of, paths))
        if any(clash(a, b) for a, b in itertools.combinations(paths, 2)):
            continue
        answer = dynamodb.get_item(TableName=table, Key={"pk": {"S": "p"}}, ProjectionExpression=text).get("Item", {})
        expected = picked({"M": item}, paths)
        assert equal({"M": answer}, expected or {"M": {}}), (text, item)


def clash(a, b):
    """One leads through the other, or they take the same thing for a list and for a map."""
    steps = next(((x, y) for x, y in zip(a, b) if x != y), None)
    return steps is None or type(steps[0]) is not type(steps[1])


def picked(value, paths):
    """What of this value the paths keep; None when nothing does."""
    if [] in paths:
        return value
    if "M" in value:
        kept = {name: picked(each, [path[1:] for path in paths if path[0] == name])
                for name, each in value["M"].items() if any(path[0] == name for path in paths)}
        kept = {name: each for name, each in kept.items() if each is not None}
        return {"M": kept} if kept else None
    if "L" in value:
        kept = [picked(each, [path[1:] for path in paths if path[0] == at and isinstance(path[0], int)])
                for at, each in enumerate(value["L"]) if any(path[0] == at for path in paths)]
        kept = [each for each in kept if each is not None]
        return {"L": kept} if kept else None
    return None
