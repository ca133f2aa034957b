# SPDX-License-Identifier: Apache-2.0
"""Archives of small root file systems, made of some of the host's programs; and the role that reads them for ImportImage."""
import gzip
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import tarfile

PROGRAMS = ("sh", "cat", "tee", "ls", "sleep", "mkdir", "df", "sync", "touch")
TRUST = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "vmie.amazonaws.com"}, "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:Externalid": "vmimport"}}}]}


def libraries(program):
    return set(re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout))


def root_archive(*more, programs=PROGRAMS, form=tarfile.PAX_FORMAT):
    """The bytes of a tar. `more`: (name, content), (name, target, type) or a ready TarInfo."""
    there = {f"./bin/{it}": os.path.realpath(shutil.which(it)) for it in programs}
    for program in list(there.values()):
        there |= {"." + it: os.path.realpath(it) for it in libraries(program)}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, path in there.items():
            archive.add(path, name)
        for it in more:
            if isinstance(it, tarfile.TarInfo):
                archive.addfile(it)
                continue
            info = tarfile.TarInfo(it[0])
            info.mode = 0o644
            if len(it) == 3:
                info.linkname, info.type = it[1], it[2]
                archive.addfile(info)
            else:
                info.size = len(it[1])
                archive.addfile(info, io.BytesIO(it[1]))
    return out.getvalue()


def packed(archive, how):
    if how == "zst":
        return subprocess.run(["zstd", "-qc"], input=archive, capture_output=True, check=True).stdout
    return {"tar": bytes, "gz": lambda it: gzip.compress(it, 1), "xz": lambda it: lzma.compress(it, preset=0)}[how](archive)


class Imports:
    """A bucket with archives, and tasks that import them."""

    def __init__(self, cloud, bucket="archives"):
        self.cloud, self.bucket = cloud, bucket
        self.s3.create_bucket(Bucket=bucket)

    @property
    def ec2(self):
        return self.cloud.client("ec2", parameter_validation=False)

    @property
    def s3(self):
        return self.cloud.client("s3")

    def make_role(self, name="vmimport", trust=TRUST, resource="*"):
        iam = self.cloud.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": ["s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket"], "Resource": resource}]}))

    def put(self, archive, key):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=archive)

    def begin(self, key, **more):
        disk = {"Format": "tar", "UserBucket": {"S3Bucket": self.bucket, "S3Key": key}}
        return self.ec2.import_image(**{"DiskContainers": [disk], **more})

    def look(self, task):
        return self.ec2.describe_import_image_tasks(ImportTaskIds=[task])["ImportImageTasks"][0]
