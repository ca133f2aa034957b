# SPDX-License-Identifier: Apache-2.0
"""ImportImage of archives of root file systems: instances see what was in them, and nothing of the host."""
import json
import os
import signal
import subprocess
import tarfile
import urllib.error
import urllib.request

import pytest

from archives import TRUST, Imports, packed, root_archive
from harness import PROGRAM
from machines import Machines, root
from refusals import refused, wait_for


@pytest.fixture
def imports(own_machines):
    it = Imports(own_machines.cloud)
    it.make_role()
    return it


def ended(imports, task, state="completed"):
    wait_for(lambda: imports.look(task)["Status"] in ("completed", "deleted"), 60)
    it = imports.look(task)
    assert it["Status"] == state, it
    return it


def nothing_left(machines):
    wait_for(lambda: not list((machines.cloud.data / "images").iterdir()))


@root
def test_the_life_of_an_instance_of_an_archive(own_machines, imports):
    machines, ec2 = own_machines, own_machines.ec2
    imports.put(root_archive(("etc/of-archive", b"from the archive\n"), ("./usr/bin/link", "../../bin/cat", tarfile.SYMTYPE),
                             ("/hard", "etc/of-archive", tarfile.LNKTYPE), ("dev/sda", "", tarfile.BLKTYPE),
                             ("long/" + "n" * 90 + "/" + "m" * 200, b"long\n")), "root.tar")
    begun = imports.begin("root.tar", Description="mine", ClientToken="once", TagSpecifications=[
        {"ResourceType": "import-image-task", "Tags": [{"Key": "a", "Value": "b"}]}])
    task = begun["ImportTaskId"]
    assert begun["Status"] == "active" and begun["StatusMessage"] == "pending" and begun["Progress"] == "0"
    assert task.startswith("import-ami-") and "ImageId" not in begun
    assert imports.begin("root.tar", Description="mine", ClientToken="once", TagSpecifications=[
        {"ResourceType": "import-image-task", "Tags": [{"Key": "a", "Value": "b"}]}])["ImportTaskId"] == task
    it = ended(imports, task)
    assert it["SnapshotDetails"] == [{"Format": "tar", "Status": "completed",
                                      "UserBucket": {"S3Bucket": "archives", "S3Key": "root.tar"}}]
    assert "Progress" not in it and "StatusMessage" not in it and it["Tags"] == [{"Key": "a", "Value": "b"}]
    image, = ec2.describe_images(Owners=["self"])["Images"]
    assert (image["ImageId"], image["Name"], image["Description"]) == (it["ImageId"], task, "mine")
    assert image["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 8

    instance = machines.start("echo user-data of $(cat /etc/of-archive); echo kept > /kept", ImageId=image["ImageId"])
    machines.says(instance, "user-data of from the archive")
    machines.says(instance, "has booted")
    run = lambda *words: machines.exec(instance, *words)
    assert run("/bin/ls", "/").stdout.split() == sorted(
        ["bin", "dev", "etc", "hard", "kept", "lib", "lib64", "long", "proc", "run", "sys", "tmp", "usr", "var"])
    assert run("/usr/bin/link", "/hard").stdout == "from the archive\n"
    assert run("/bin/cat", "/long/" + "n" * 90 + "/" + "m" * 200).stdout == "long\n"
    assert run("/bin/ls", "/dev/sda").returncode and run("/bin/ls", "/usr/bin").stdout.split() == ["link"]
    address = machines.look(instance)["PrivateIpAddress"]
    machines.cloud.restart(signal.SIGKILL)
    ec2 = machines.ec2
    ec2.reboot_instances(InstanceIds=[instance])
    wait_for(lambda: machines.console(instance).count("has booted") == 2)
    ec2.stop_instances(InstanceIds=[instance])
    machines.wait(instance, "stopped")
    ec2.start_instances(InstanceIds=[instance])
    machines.wait(instance, "running")
    wait_for(lambda: machines.console(instance).count("has booted") == 3)
    assert run("/bin/cat", "/kept").stdout == "kept\n" and machines.look(instance)["PrivateIpAddress"] == address

    made = ec2.create_image(InstanceId=instance, Name="of-it")["ImageId"]
    wait_for(lambda: ec2.describe_images(ImageIds=[made])["Images"][0]["State"] == "available")
    wait_for(lambda: machines.console(instance).count("has booted") == 4)
    second = machines.start("echo second $(cat /kept)", ImageId=made)
    machines.says(second, "second kept")
    ec2.deregister_image(ImageId=made)
    ec2.deregister_image(ImageId=image["ImageId"])
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    nothing_left(machines)
    assert machines.exec(second, "/bin/cat", "/etc/of-archive").stdout == "from the archive\n"


@root
@pytest.mark.parametrize("how", ["gz", "zst", "xz"])
def test_packed_archives(own_machines, imports, how):
    form = {"gz": tarfile.GNU_FORMAT, "zst": tarfile.USTAR_FORMAT, "xz": tarfile.PAX_FORMAT}[how]
    imports.put(packed(root_archive(("mark", how.encode()), form=form), how), "it")
    task = imports.begin("it", Architecture={"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine], Platform="Linux")
    image = ended(imports, task["ImportTaskId"])["ImageId"]
    instance = own_machines.start("echo mark=$(cat /mark)", ImageId=image)
    own_machines.says(instance, "mark=" + how)


@root
def test_what_becomes_no_image(own_machines, imports):
    damaged = bytearray(packed(root_archive(), "gz"))
    damaged[len(damaged) // 2] ^= 0x55
    up = root_archive(("../../outside", b"x"))
    unsupported = "ClientError: Disk validation failed [Unsupported specified file format]"
    no_access = "ClientError: Disk validation failed [We do not have access to the given resource. Reason %s]"
    for archive, why in ((b"no archive " * 100, unsupported), (bytes(damaged), unsupported), (up, unsupported), (b"", unsupported),
                         (root_archive()[:100000], unsupported), (root_archive(programs=("cat",)), "ClientError: Unknown OS / Missing OS files."),
                         (None, no_access % "404 Not Found")):
        imports.s3.delete_object(Bucket="archives", Key="it")
        if archive is not None:
            imports.put(archive, "it")
        it = ended(imports, imports.begin("it")["ImportTaskId"], "deleted")
        assert it["StatusMessage"] == why and "ImageId" not in it and "Progress" not in it
    imports.make_role("elsewhere", resource="arn:aws:s3:::others/*")
    imports.put(root_archive(), "it")
    it = ended(imports, imports.begin("it", RoleName="elsewhere")["ImportTaskId"], "deleted")
    assert it["StatusMessage"] == no_access % "403 Forbidden"
    assert imports.ec2.describe_images(Owners=["self"])["Images"] == []
    assert imports.ec2.describe_import_image_tasks(Filters=[{"Name": "task-state", "Values": ["completed"]}])["ImportImageTasks"] == []
    assert not os.path.lexists("/outside")
    nothing_left(own_machines)


@root
def test_cancelled_and_killed(own_machines, imports):
    ec2 = own_machines.ec2
    imports.put(root_archive(("large", os.urandom(64 << 20))), "large")
    task = imports.begin("large")["ImportTaskId"]
    assert refused(ec2.cancel_import_task, ImportTaskId=task, DryRun=True)[0] == "DryRunOperation"
    told = ec2.cancel_import_task(ImportTaskId=task, CancelReason="not now")
    assert (told["ImportTaskId"], told["PreviousState"], told["State"]) == (task, "active", "deleting")
    it = ended(imports, task, "deleted")
    assert it["StatusMessage"] == "not now"
    assert refused(ec2.cancel_import_task, ImportTaskId=task)[0] == "IncorrectState"
    nothing_left(own_machines)
    task = imports.begin("large")["ImportTaskId"]
    wait_for(lambda: imports.look(task).get("StatusMessage") != "pending")
    own_machines.cloud.restart(signal.SIGKILL)
    image = ended(imports, task)["ImageId"]
    assert [it.name for it in (own_machines.cloud.data / "images").iterdir()] == [image]
    instance = own_machines.start("echo large=$(ls /large)", ImageId=image)
    own_machines.says(instance, "large=/large")


def test_what_is_refused(own_cloud):
    imports = Imports(own_cloud())
    ec2, begin = imports.ec2, imports.begin
    disk = {"Format": "tar", "UserBucket": {"S3Bucket": "archives", "S3Key": "it"}}
    no_role = ("InvalidParameter", "The service role %s provided does not exist or does not have sufficient permissions")
    assert refused(begin, key="it") == (no_role[0], no_role[1] % "vmimport")
    imports.make_role("ours", trust={**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "ec2.amazonaws.com"}}]})
    assert refused(begin, key="it", RoleName="ours") == (no_role[0], no_role[1] % "ours")
    imports.make_role()
    for more, code in (({"DiskContainers": []}, "MissingParameter"), ({"DiskContainers": [{}]}, "MissingParameter"),
                       ({"DiskContainers": [disk, disk]}, "UnsupportedOperation"),
                       ({"DiskContainers": [{**disk, "Format": "VMDK"}]}, "UnsupportedOperation"),
                       ({"DiskContainers": [{**disk, "Format": "zip"}]}, "InvalidParameter"),
                       ({"DiskContainers": [{"Url": "s3://archives/it"}]}, "UnsupportedOperation"),
                       ({"Encrypted": True}, "UnsupportedOperation"), ({"Platform": "Windows"}, "UnsupportedOperation"),
                       ({"Architecture": "i386"}, "UnsupportedOperation"), ({"LicenseType": "AWS"}, "UnsupportedOperation"),
                       ({"BootMode": "uefi"}, "UnsupportedOperation"), ({"Hypervisor": "kvm"}, "UnsupportedOperation"),
                       ({"DryRun": True}, "DryRunOperation")):
        assert refused(begin, key="it", **more)[0] == code, more
    assert ec2.describe_import_image_tasks()["ImportImageTasks"] == []
    assert refused(ec2.describe_import_image_tasks, ImportTaskIds=["import-ami-x"])[0] == "InvalidConversionTaskId.Malformed"
    assert refused(ec2.cancel_import_task, ImportTaskId="import-ami-00000000")[0] == "InvalidConversionTaskId"
    Machines(imports.cloud).end()


# ---- kintoun image import -----------------------------------------------------------------------------------------


def image_command(cloud, *words):
    return subprocess.run([PROGRAM, "image", "import", "--data", cloud.data, "--port", str(cloud.port), *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@root
def test_a_file_of_this_machine(own_machines, tmp_path):
    cloud, file = own_machines.cloud, tmp_path / "root.tar.xz"
    file.write_bytes(packed(root_archive(("mark", b"of the file")), "xz"))
    done = image_command(cloud, str(file), "--name", "from a file", "--description", "d \"quoted\"", "--region", "eu-west-1")
    assert done.returncode == 0, done.stderr
    ec2 = cloud.client("ec2", region="eu-west-1")
    image, = ec2.describe_images(Owners=["self"])["Images"]
    assert (image["ImageId"], image["Name"], image["Description"], image["State"]) == (
        done.stdout.strip(), "from a file", 'd "quoted"', "available")
    again = image_command(cloud, str(file), "--name", "from a file", "--region", "eu-west-1")
    assert again.returncode == 1 and "is already in use by AMI" in again.stderr
    here = image_command(cloud, str(file), "--name", "from a file")
    assert here.returncode == 0, here.stderr
    instance = own_machines.start("echo mark: $(cat /mark)", ImageId=here.stdout.strip())
    own_machines.says(instance, "mark: of the file")
    cloud.restart(signal.SIGKILL)
    assert {it.name for it in (cloud.data / "images").iterdir()} == {here.stdout.strip(), image["ImageId"]}


@root
def test_files_that_become_no_image(own_machines, tmp_path):
    cloud, file = own_machines.cloud, tmp_path / "it"
    for content, why in ((b"none " * 999, "it is no archive that can be read"), (root_archive(("a/../../b", b"")), "it is no archive"),
                         (root_archive(programs=("cat",)), "there is no /bin/sh in it")):
        file.write_bytes(content)
        done = image_command(cloud, str(file), "--name", "none")
        assert done.returncode == 1 and why in done.stderr
    file.write_bytes(root_archive())
    assert "must be between 3 and 128" in image_command(cloud, str(file), "--name", "x").stderr
    assert "which region" in image_command(cloud, str(file), "--name", "none", "--region", "nowhere").stderr
    assert image_command(cloud, str(file)).returncode == 2 and image_command(cloud, "--name", "none").returncode == 2
    assert "No such file" in image_command(cloud, str(tmp_path / "gone"), "--name", "none").stderr
    cloud.stop()
    assert "nothing answers" in image_command(cloud, str(file), "--name", "none").stderr
    assert list((cloud.data / "images").iterdir()) == []
    cloud.start()
    for folder in ("../instances", "incoming-../x", "incoming-1", "ami-1"):
        body = json.dumps({"folder": folder, "name": "none"}).encode()
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(cloud.endpoint + "/_kintoun/images", data=body, timeout=60)
        assert caught.value.code == 400
    assert own_machines.ec2.describe_images(Owners=["self"])["Images"] == []
