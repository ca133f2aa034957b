# SPDX-License-Identifier: Apache-2.0
"""Stock clients that are no SDK: rclone, s3cmd, mc, the synchronisation of the AWS command line."""
import os
import shutil
import subprocess
import time

import pytest

MIB = 1024 * 1024
FILES = {"a.txt": b"hello", "deep/er/b.bin": bytes(range(256)) * 300, "\u00e4 & +%.txt": b"odd name", "empty": b""}


def tool(name):
    path = shutil.which(name, path="/usr/bin:/usr/local/bin")
    if not path:
        pytest.skip(f"{name} is not installed; tools/setup test does that")
    return path


@pytest.fixture
def tree(tmp_path):
    """A folder with some files, one larger than any client puts in one piece. They are an hour old: the service tells
    times in seconds, so what was written in the second of its upload looks newer than its object."""
    folder = tmp_path / "tree"
    for name, body in {**FILES, "large": os.urandom(20 * MIB)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
        os.utime(folder / name, (time.time() - 3600,) * 2)
    return folder


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300,
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def keys(s3, bucket):
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_rclone(cloud, s3, bucket, tree, tmp_path):
    program = tool("rclone")
    settings = {"RCLONE_CONFIG_IT_TYPE": "s3", "RCLONE_CONFIG_IT_PROVIDER": "Other", "RCLONE_CONFIG_IT_ENDPOINT":
                cloud.endpoint, "RCLONE_CONFIG_IT_ACCESS_KEY_ID": "test", "RCLONE_CONFIG_IT_SECRET_ACCESS_KEY": "test",
                "RCLONE_CONFIG_IT_FORCE_PATH_STYLE": "true", "RCLONE_CONFIG_IT_REGION": "us-east-1",
                "RCLONE_CONFIG": os.devnull, "RCLONE_S3_UPLOAD_CUTOFF": "10M", "RCLONE_RETRIES": "1"}

    def rclone(*words):
        return run(program, *words, **settings)

    rclone("sync", tree, f"it:{bucket}/in")
    assert keys(s3, bucket) == {"in/" + name for name in contents(tree)}
    assert "-" in s3.head_object(Bucket=bucket, Key="in/large")["ETag"]
    rclone("check", tree, f"it:{bucket}/in")
    assert "0 differences found" not in rclone("sync", tree, f"it:{bucket}/in", "--dry-run")
    (tree / "a.txt").unlink()
    rclone("sync", tree, f"it:{bucket}/in")
    assert "in/a.txt" not in keys(s3, bucket)
    rclone("copy", f"it:{bucket}/in", f"it:{bucket}/copy")
    rclone("sync", f"it:{bucket}/copy", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    assert len(rclone("lsf", "-R", "--files-only", f"it:{bucket}").splitlines()) == 2 * len(contents(tree))
    rclone("purge", f"it:{bucket}/copy")
    assert not [key for key in keys(s3, bucket) if key.startswith("copy/")]


def test_s3cmd(cloud, s3, bucket, tree, tmp_path):
    program = tool("s3cmd")
    host = cloud.endpoint.split("//")[1]

    def s3cmd(*words):
        return run(program, "--config", os.devnull, "--access_key=test", "--secret_key=test", "--no-ssl",
                   f"--host={host}", f"--host-bucket={host}", "--multipart-chunk-size-mb=6", *words)

    s3cmd("sync", f"{tree}/", f"s3://{bucket}/in/")
    assert keys(s3, bucket) == {"in/" + name for name in contents(tree)}
    (tmp_path / "back").mkdir()
    s3cmd("sync", f"s3://{bucket}/in/", f"{tmp_path}/back/")
    assert contents(tmp_path / "back") == contents(tree)
    assert f"s3://{bucket}/in/a.txt" in s3cmd("ls", "-r", f"s3://{bucket}")
    assert "File size: 5" in s3cmd("info", f"s3://{bucket}/in/a.txt")
    # It copies the list along, which is refused where lists are not heeded, on AWS too.
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3cmd("cp", f"s3://{bucket}/in/a.txt", f"s3://{bucket}/b.txt")
    s3cmd("mv", f"s3://{bucket}/b.txt", f"s3://{bucket}/c.txt")
    assert {"c.txt"} == {key for key in keys(s3, bucket) if "/" not in key}
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}/in/")
    assert keys(s3, bucket) == {"c.txt"}


def test_mc(cloud, s3, bucket, tree, tmp_path):
    """MinIO's client, which Go installs: `go install github.com/minio/mc@v0.0.0-20250313080218-cf909e1063a9`."""
    program = os.environ.get("KINTOUN_MC", os.path.expanduser("~/go/bin/mc"))
    if not os.path.exists(program):
        pytest.skip(f"{program} is not there (KINTOUN_MC)")
    host = cloud.endpoint.replace("://", "://test:test@")

    def mc(*words):
        return run(program, "--config-dir", tmp_path / "mc", "--quiet", *words, MC_HOST_it=host)

    mc("mirror", tree, f"it/{bucket}/in")
    assert keys(s3, bucket) == {"in/" + name for name in contents(tree)}
    assert "-" in s3.head_object(Bucket=bucket, Key="in/large")["ETag"]
    assert mc("diff", tree, f"it/{bucket}/in") == ""
    (tree / "a.txt").unlink()
    assert "a.txt" in mc("diff", tree, f"it/{bucket}/in")
    mc("mirror", "--remove", "--overwrite", tree, f"it/{bucket}/in")
    assert keys(s3, bucket) == {"in/" + name for name in contents(tree)}
    mc("mirror", f"it/{bucket}/in", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    mc("cp", "--attr", "color=red", tree / "deep/er/b.bin", f"it/{bucket}/b")
    mc("tag", "set", f"it/{bucket}/b", "team=red")
    assert s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"] == [{"Key": "team", "Value": "red"}]
    assert "red" in mc("stat", f"it/{bucket}/b")
    mc("mv", f"it/{bucket}/b", f"it/{bucket}/c")
    mc("version", "enable", f"it/{bucket}")
    mc("rm", "--recursive", "--force", f"it/{bucket}/in")
    assert keys(s3, bucket) == {"c"}
    mc("rm", "--recursive", "--force", "--versions", f"it/{bucket}")
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_aws_s3_sync(cloud, s3, bucket, tree, tmp_path):
    program = tool("aws")
    environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
                   "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}

    def sync(*words):
        return run(program, "--endpoint-url", cloud.endpoint, "s3", "sync", *words, **environment)

    sync(tree, f"s3://{bucket}/in")
    assert keys(s3, bucket) == {"in/" + name for name in contents(tree)}
    assert sync(tree, f"s3://{bucket}/in") == ""  # nothing to do
    (tree / "a.txt").unlink()
    assert "delete: " in sync(tree, f"s3://{bucket}/in", "--delete")
    sync(f"s3://{bucket}/in", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
