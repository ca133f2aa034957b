# SPDX-License-Identifier: Apache-2.0
"""Imports from S3: formats and packings, what is no item, what becomes of those that cannot be; and an export that
comes back as the same table."""
import gzip
import io
import json
import subprocess
import time

import botocore.exceptions
import pytest

from tables import arn, fill, invalid, keys, refused, switch


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def imported(dynamodb, name):
    """imported(bucket, …): what DescribeImport says at last, and the table's name, which is removed at the end."""
    made = []

    def run(bucket, prefix=None, table=None, schema=None, wait=True, **how):
        it = table or name("imported")
        made.append(it)
        how.setdefault("InputFormat", "DYNAMODB_JSON")
        source = {"S3Bucket": bucket} | ({"S3KeyPrefix": prefix} if prefix else {})
        shown = dynamodb.import_table(
            S3BucketSource=source, **how,
            TableCreationParameters={"TableName": it, "BillingMode": "PAY_PER_REQUEST", **(schema or keys())}
        )["ImportTableDescription"]
        return (finished(dynamodb, shown) if wait else shown), it

    yield run
    for it in made:
        try:
            dynamodb.delete_table(TableName=it)
        except botocore.exceptions.ClientError:
            pass


def finished(dynamodb, shown):
    deadline = time.monotonic() + 60
    while shown["ImportStatus"] == "IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.05)
        shown = dynamodb.describe_import(ImportArn=shown["ImportArn"])["ImportTableDescription"]
    return shown


def wait_for_table(dynamodb, table):
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    return dynamodb.describe_table(TableName=table)["Table"]


def items(dynamodb, table, **how):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, **how)
    return sorted((item for page in pages for item in page["Items"]), key=lambda item: item["pk"]["S"])


def line(**item):
    return json.dumps({"Item": item}) + "\n"


def counts(shown):
    return shown["ProcessedItemCount"], shown["ImportedItemCount"], shown["ErrorCount"]


def test_json(dynamodb, s3, bucket, imported):
    s3.put_object(Bucket=bucket, Key="in/1.json", Body=line(pk={"S": "a"}, n={"N": "1.50"}) + "\n" + line(
        pk={"S": "b"}, deep={"M": {"l": {"L": [{"SS": ["y", "x"]}, {"B": "AAE="}]}}}))
    s3.put_object(Bucket=bucket, Key="in/2.json", Body=line(pk={"S": "a"}, n={"N": "2"}).rstrip())
    s3.put_object(Bucket=bucket, Key="other", Body=b"not read")
    shown, table = imported(bucket, "in/")
    assert shown["ImportStatus"] == "COMPLETED", shown
    assert counts(shown) == (3, 3, 0)
    assert shown["ProcessedSizeBytes"] == sum(s3.head_object(Bucket=bucket, Key=f"in/{i}.json")["ContentLength"]
                                              for i in (1, 2))
    described = wait_for_table(dynamodb, table)
    assert described["TableStatus"] == "ACTIVE" and described["ItemCount"] == 2
    assert shown["TableId"] == described["TableId"] and shown["TableArn"] == arn(table)
    assert shown["TableCreationParameters"]["KeySchema"] == described["KeySchema"]
    assert items(dynamodb, table) == [
        {"pk": {"S": "a"}, "n": {"N": "2"}},
        {"pk": {"S": "b"}, "deep": {"M": {"l": {"L": [{"SS": ["x", "y"]}, {"B": b"\0\1"}]}}}}]


@pytest.mark.parametrize("packing", ("GZIP", "ZSTD"))
def test_packed(dynamodb, s3, bucket, imported, packing):
    text = "".join(line(pk={"S": f"k{i:05}"}, v={"N": str(i)}, pad={"S": "é" * (i % 700)}) for i in range(4000)).encode()
    pack = {"GZIP": gzip.compress,
            "ZSTD": lambda raw: subprocess.run(["zstd", "-c"], input=raw, stdout=subprocess.PIPE, check=True).stdout}
    try:
        body = pack[packing](text)
    except FileNotFoundError:
        pytest.skip("zstd is not installed")
    s3.put_object(Bucket=bucket, Key="packed", Body=body)
    shown, table = imported(bucket, InputCompressionType=packing)
    assert (shown["ImportStatus"], counts(shown)) == ("COMPLETED", (4000, 4000, 0)), shown
    wait_for_table(dynamodb, table)
    assert [int(item["v"]["N"]) for item in items(dynamodb, table)] == list(range(4000))


INDEX = {"IndexName": "byN", "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
         "Projection": {"ProjectionType": "ALL"}}


def indexed():
    schema = keys()
    schema["AttributeDefinitions"].append({"AttributeName": "n", "AttributeType": "N"})
    return {**schema, "GlobalSecondaryIndexes": [INDEX]}


def test_long_records(dynamodb, s3, bucket, imported):
    """The text of an item may be much longer than the item: 3 MB here."""
    long = json.dumps({"Item": {"pk": {"S": "long"}, "l": {"L": [{"NULL": True}] * 100}}}).replace(" ", " " * 15000)
    s3.put_object(Bucket=bucket, Key="in", Body=long + "\n" + line(pk={"S": "short"}) + " " * (17 << 20))
    shown, _ = imported(bucket)
    assert (shown["ImportStatus"], shown["FailureCode"], counts(shown)) == ("FAILED", "S3ObjectMalformed", (2, 2, 0))


def test_csv(dynamodb, s3, bucket, imported):
    s3.put_object(Bucket=bucket, Key="a.csv", Body='pk,n,text\r\none,1,"a ""quoted"", text\nof two lines"\ntwo,2.5,\n'
                                                   'three,,"" \nfour,4\n,5,no key\nsix,six,no number\nseven,7,x,y\n')
    shown, table = imported(bucket, schema=indexed(), InputFormat="CSV")
    assert shown["ImportStatus"] == "COMPLETED", shown
    wait_for_table(dynamodb, table)
    assert items(dynamodb, table) == [
        {"pk": {"S": "four"}, "n": {"N": "4"}},
        {"pk": {"S": "one"}, "n": {"N": "1"}, "text": {"S": 'a "quoted", text\nof two lines'}},
        {"pk": {"S": "two"}, "n": {"N": "2.5"}}]
    assert counts(shown) == (7, 3, 4)
    assert len(items(dynamodb, table, IndexName="byN")) == 3


def test_csv_options(dynamodb, s3, bucket, imported):
    s3.put_object(Bucket=bucket, Key="a.csv", Body="one;1\ntwo;2")
    options = {"Csv": {"Delimiter": ";", "HeaderList": ["pk", "v"]}}
    shown, table = imported(bucket, InputFormat="CSV", InputFormatOptions=options)
    assert (shown["ImportStatus"], shown["InputFormatOptions"]) == ("COMPLETED", options)
    wait_for_table(dynamodb, table)
    assert items(dynamodb, table) == [{"pk": {"S": "one"}, "v": {"S": "1"}}, {"pk": {"S": "two"}, "v": {"S": "2"}}]


def test_ion(dynamodb, s3, bucket, imported):
    s3.put_object(Bucket=bucket, Key="a.ion", Body="""$ion_1_0 {Item:{pk:"a",n:103.,big:6d2,small:-1.5d-7,b:{{AAE=}},
        no:null,yes:true,l:[1,"x",{'a b':"c"}],ss:$dynamodb_SS::["y","x"],ns:$dynamodb_NS::[2.,1d1]}}
        // a comment
        { "Item" : {pk : "b\\u00e9\\n", text: '''one ''' '''two''', '$m': {}, empty: [] } } {Item:{pk:symbol}}
        {Item:{pk:2020-01-01T}}
        nothing
        {Item:{pk:"open", """.encode())
    shown, table = imported(bucket, InputFormat="ION")
    assert (shown["ImportStatus"], shown["InputFormat"], counts(shown)) == ("COMPLETED", "ION", (6, 2, 4)), shown
    wait_for_table(dynamodb, table)
    assert items(dynamodb, table) == [
        {"pk": {"S": "a"}, "n": {"N": "103"}, "big": {"N": "600"}, "small": {"N": "-0.00000015"}, "b": {"B": b"\0\1"},
         "no": {"NULL": True}, "yes": {"BOOL": True}, "l": {"L": [{"N": "1"}, {"S": "x"}, {"M": {"a b": {"S": "c"}}}]},
         "ss": {"SS": ["x", "y"]}, "ns": {"NS": ["2", "10"]}},
        {"pk": {"S": "bé\n"}, "text": {"S": "one two"}, "$m": {"M": {}}, "empty": {"L": []}}]


def test_what_is_no_item(dynamodb, s3, bucket, imported):
    bad = ["{", "[]", '{"Other": {}}', '{"Item": {"pk": {"N": "1"}}}', '{"Item": {"v": {"S": "no key"}}}',
           '{"Item": {"pk": {"S": "x"}, "v": {"N": "no number"}}}', '{"Item": {"pk": {"S": "x"}, "v": {}}}',
           '{"Item": {"pk": {"S": ""}}}', '{"Item": {"pk": {"S": "x"}}} and more', "\xff",
           '{"Item": {"pk": {"S": "big"}, "v": {"S": "%s"}}}' % ("x" * 409600), "null"]
    body = io.BytesIO(b"".join(text.encode("latin-1") + b"\n" for text in bad))
    s3.put_object(Bucket=bucket, Key="bad", Body=body.getvalue() + line(pk={"S": "good"}).encode())
    shown, table = imported(bucket)
    assert (shown["ImportStatus"], counts(shown)) == ("COMPLETED", (len(bad) + 1, 1, len(bad))), shown
    wait_for_table(dynamodb, table)
    assert items(dynamodb, table) == [{"pk": {"S": "good"}}]


def test_over_a_crash(own_cloud, name):
    cloud = own_cloud()
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    s3.create_bucket(Bucket="source")
    for part in range(3):
        text = "".join(line(pk={"S": f"{part}-{i}"}, pad={"S": "x" * 3000}) for i in range(1500))
        s3.put_object(Bucket="source", Key=str(part), Body=gzip.compress(text.encode(), 1))
    shown = dynamodb.import_table(
        S3BucketSource={"S3Bucket": "source"}, InputFormat="DYNAMODB_JSON", InputCompressionType="GZIP",
        TableCreationParameters={"TableName": "table", "BillingMode": "PAY_PER_REQUEST", **keys()}
    )["ImportTableDescription"]
    table = dynamodb.describe_table(TableName="table")["Table"]
    if dynamodb.describe_import(ImportArn=shown["ImportArn"])["ImportTableDescription"]["ImportStatus"] == "IN_PROGRESS":
        assert table["TableStatus"] == "CREATING"
    for _ in range(2):
        time.sleep(0.1)
        cloud.restart()
    shown = finished(dynamodb, shown)
    assert (shown["ImportStatus"], counts(shown)) == ("COMPLETED", (4500, 4500, 0))
    assert wait_for_table(dynamodb, "table")["ItemCount"] == 4500


def test_imports_that_fail(dynamodb, s3, bucket, imported):
    s3.put_object(Bucket=bucket, Key="text", Body=b"no gzip")
    for how, code in (({"bucket": "no-such-bucket-anywhere"}, "S3NoSuchBucket"),
                      ({"bucket": bucket, "prefix": "nothing"}, "S3NoSuchKey"),
                      ({"bucket": bucket, "InputCompressionType": "GZIP"}, "S3ObjectMalformed")):
        shown, table = imported(**how)
        assert (shown["ImportStatus"], shown["FailureCode"]) == ("FAILED", code), shown
        dynamodb.get_waiter("table_not_exists").wait(TableName=table)


def test_refused_imports(dynamodb, s3, bucket, table, imported, name):
    with refused("ResourceInUseException", f"Table already exists: {table}"):
        imported(bucket, table=table)
    with invalid("InputFormatOptions can only be specified when InputFormat is CSV"):
        imported(bucket, InputFormatOptions={"Csv": {"Delimiter": ","}})
    missing = arn(table) + "/import/01234567890123-00000000"
    with refused("ImportNotFoundException", f"Import not found: {missing}"):
        dynamodb.describe_import(ImportArn=missing)
    s3.put_object(Bucket=bucket, Key="one", Body=line(pk={"S": "a"}))
    shown, target = imported(bucket, ClientToken="import-one")
    again, _ = imported(bucket, table=target, ClientToken="import-one")
    assert again["ImportArn"] == shown["ImportArn"]
    with refused("ImportConflictException",
                 "An import with the same client token but other parameters was requested before"):
        imported(bucket, table=name("else"), ClientToken="import-one")


def test_imports_are_listed(own_cloud):
    cloud = own_cloud()
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    s3.create_bucket(Bucket="source")
    s3.put_object(Bucket="source", Key="one", Body=line(pk={"S": "a"}))
    made = []
    for i in range(3):
        shown = dynamodb.import_table(S3BucketSource={"S3Bucket": "source"}, InputFormat="DYNAMODB_JSON",
                                      TableCreationParameters={"TableName": f"table{i}", **keys(),
                                                               "BillingMode": "PAY_PER_REQUEST"})
        made.append(finished(dynamodb, shown["ImportTableDescription"])["ImportArn"])
    first = dynamodb.list_imports(PageSize=2)
    assert [it["ImportArn"] for it in first["ImportSummaryList"]] == made[:2]
    rest = dynamodb.list_imports(PageSize=2, NextToken=first["NextToken"])
    assert [it["ImportArn"] for it in rest["ImportSummaryList"]] == made[2:] and "NextToken" not in rest
    only, = dynamodb.list_imports(TableArn=arn("table1"))["ImportSummaryList"]
    assert (only["ImportArn"], only["ImportStatus"], only["InputFormat"]) == (made[1], "COMPLETED", "DYNAMODB_JSON")
    with pytest.raises(botocore.exceptions.ClientError, match="nextToken|NextToken"):
        dynamodb.list_imports(NextToken="0" * 112)


@pytest.mark.parametrize("form", ("DYNAMODB_JSON", "ION"))
def test_an_export_comes_back(dynamodb, s3, bucket, table, imported, form):
    switch(dynamodb, table)
    fill(dynamodb, table, 300, 500)
    dynamodb.put_item(TableName=table, Item={
        "pk": {"S": "'é\"\\\n\x01"}, "a b": {"N": "-1.5"}, "null": {"NULL": True}, "0": {"N": "1E125"},
        "m": {"M": {"$x": {"BOOL": False}, "l": {"L": [{"N": "0"}, {"N": "1E-130"}, {"S": ""}]}}},
        "s": {"SS": ["x y", "'"]}, "n": {"NS": ["100", "2.50"]}, "b": {"BS": [b"\0", b"\xff"]}, "e": {"B": b""}})
    shown = dynamodb.export_table_to_point_in_time(TableArn=arn(table), S3Bucket=bucket,
                                                   ExportFormat=form)["ExportDescription"]
    deadline = time.monotonic() + 60
    while shown["ExportStatus"] == "IN_PROGRESS" and time.monotonic() < deadline:
        time.sleep(0.05)
        shown = dynamodb.describe_export(ExportArn=shown["ExportArn"])["ExportDescription"]
    assert (shown["ExportStatus"], shown["ExportFormat"]) == ("COMPLETED", form)
    data = shown["ExportManifest"].replace("manifest-summary.json", "data/")
    names = [it["Key"] for it in s3.list_objects_v2(Bucket=bucket, Prefix=data)["Contents"]]
    assert all(it.endswith(".ion.gz" if form == "ION" else ".json.gz") for it in names)
    if form == "ION":
        lines = gzip.decompress(s3.get_object(Bucket=bucket, Key=names[0])["Body"].read()).decode().splitlines()
        assert all(it.startswith("$ion_1_0 {Item:{") for it in lines)
        # v:100 and v:103 as the real service writes them
        assert any(",v:1d2}" in it for it in lines) and any(",v:103.}" in it for it in lines)
    back, target = imported(bucket, data, InputCompressionType="GZIP", InputFormat=form)
    assert (back["ImportStatus"], counts(back)) == ("COMPLETED", (301, 301, 0)), back
    wait_for_table(dynamodb, target)
    assert items(dynamodb, target) == items(dynamodb, table)
