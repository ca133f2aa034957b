# SPDX-License-Identifier: Apache-2.0
"""Users with policies: each object by itself, sources of copies, keys of a deletion, tags."""


def allow(actions, *resources, **more):
    return {"Effect": "Allow", "Action": actions, "Resource": [f"arn:aws:s3:::{r}" for r in resources], **more}


def test_reading_what_is_allowed(s3, bucket, user, refused):
    for key in "open/a", "closed/a":
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    reader = user(allow("s3:GetObject", f"{bucket}/open/*"))
    assert reader.get_object(Bucket=bucket, Key="open/a")["Body"].read() == b"x"
    for call in (lambda: reader.get_object(Bucket=bucket, Key="closed/a"),
                 lambda: reader.list_objects_v2(Bucket=bucket),
                 lambda: reader.put_object(Bucket=bucket, Key="open/a", Body=b"y"),
                 lambda: reader.delete_object(Bucket=bucket, Key="open/a")):
        with refused("AccessDenied", 403):
            call()
    # Who may not list does not learn what is not there.
    with refused("AccessDenied", 403):
        reader.get_object(Bucket=bucket, Key="open/absent")
    lister = user(allow("s3:GetObject", f"{bucket}/*"), allow("s3:ListBucket", bucket))
    with refused("NoSuchKey", 404):
        lister.get_object(Bucket=bucket, Key="open/absent")
    assert s3.get_object(Bucket=bucket, Key="open/a")["Body"].read() == b"x"


def test_listing_by_prefix(s3, bucket, user, refused):
    s3.put_object(Bucket=bucket, Key="mine/a", Body=b"x")
    lister = user(allow("s3:ListBucket", bucket, Condition={"StringLike": {"s3:prefix": "mine/*"}}))
    assert lister.list_objects_v2(Bucket=bucket, Prefix="mine/")["KeyCount"] == 1
    for prefix in "", "other/":
        with refused("AccessDenied", 403):
            lister.list_objects_v2(Bucket=bucket, Prefix=prefix)


def test_deleting_key_by_key(s3, bucket, user):
    for key in "mine/a", "mine/b", "other/c":
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    mine = user(allow("s3:DeleteObject", f"{bucket}/mine/*"))
    reply = mine.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in ("mine/a", "other/c", "mine/b")]})
    assert [item["Key"] for item in reply["Deleted"]] == ["mine/a", "mine/b"]
    assert [(item["Key"], item["Code"]) for item in reply["Errors"]] == [("other/c", "AccessDenied")]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["other/c"]


def test_copying_needs_both_ends(s3, bucket, user, refused):
    s3.put_object(Bucket=bucket, Key="in/a", Body=b"x")
    writer = user(allow("s3:PutObject", f"{bucket}/out/*"))
    with refused("AccessDenied", 403):
        writer.copy_object(Bucket=bucket, Key="out/a", CopySource=f"{bucket}/in/a")
    copier = user(allow("s3:PutObject", f"{bucket}/out/*"), allow("s3:GetObject", f"{bucket}/in/*"))
    copier.copy_object(Bucket=bucket, Key="out/a", CopySource=f"{bucket}/in/a")
    with refused("AccessDenied", 403):
        copier.copy_object(Bucket=bucket, Key="in/b", CopySource=f"{bucket}/in/a")
    upload = copier.create_multipart_upload(Bucket=bucket, Key="out/b")["UploadId"]
    with refused("AccessDenied", 403):
        copier.upload_part_copy(Bucket=bucket, Key="out/b", UploadId=upload, PartNumber=1, CopySource=f"{bucket}/out/a")
    s3.abort_multipart_upload(Bucket=bucket, Key="out/b", UploadId=upload)


def test_tags_on_writing_need_their_own_permission(s3, bucket, user, refused):
    writer = user(allow("s3:PutObject", f"{bucket}/*"))
    writer.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("AccessDenied", 403):
        writer.put_object(Bucket=bucket, Key="k", Body=b"y", Tagging="a=b")
    tagger = user(allow(["s3:PutObject", "s3:PutObjectTagging"], f"{bucket}/*"))
    tagger.put_object(Bucket=bucket, Key="k", Body=b"z", Tagging="a=b")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"z"


def test_who_began_an_upload(s3, bucket, user):
    writer = user(allow("s3:PutObject", f"{bucket}/*"))
    upload = writer.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    initiator = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Initiator"]
    assert ":user/" in initiator["ID"] and initiator["DisplayName"].startswith("user-")
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
