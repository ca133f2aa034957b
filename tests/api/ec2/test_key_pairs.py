# SPDX-License-Identifier: Apache-2.0
"""Key pairs: made, brought, told of; their fingerprints are those that ssh-keygen and openssl tell."""
import base64
import shutil
import subprocess

import pytest

from machines import root, soon
from refusals import refused


def run(*words, data=None):
    return subprocess.run(words, input=data, check=True, capture_output=True).stdout


@pytest.fixture
def key_name(ec2, name):
    it = name("key")
    yield it
    ec2.delete_key_pair(KeyName=it)


def public_half(tmp_path, made):
    path = tmp_path / "key"
    path.write_text(made["KeyMaterial"])
    path.chmod(0o600)
    return path, run("ssh-keygen", "-y", "-f", str(path)).decode().strip()


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_made_keys_are_keys(ec2, key_name, tmp_path, kind):
    made = ec2.create_key_pair(KeyName=key_name, KeyType=kind, TagSpecifications=[
        {"ResourceType": "key-pair", "Tags": [{"Key": "a", "Value": "b"}]}])
    path, public = public_half(tmp_path, made)
    if kind == "rsa":
        der = run("openssl", "pkcs8", "-in", str(path), "-inform", "PEM", "-outform", "DER", "-topk8", "-nocrypt")
        digest = run("openssl", "sha1", "-c", data=der).decode().split("= ")[1].strip()
        assert made["KeyFingerprint"] == digest
    else:
        told = run("ssh-keygen", "-l", "-f", str(path)).decode().split()[1]
        assert told == "SHA256:" + made["KeyFingerprint"].rstrip("=")
    told, = ec2.describe_key_pairs(KeyNames=[key_name], IncludePublicKey=True)["KeyPairs"]
    assert told["PublicKey"].split()[:2] == public.split()[:2] and told["KeyType"] == kind
    assert told["Tags"] == [{"Key": "a", "Value": "b"}] and told["KeyPairId"] == made["KeyPairId"]
    assert "PublicKey" not in ec2.describe_key_pairs(KeyPairIds=[made["KeyPairId"]])["KeyPairs"][0]
    assert refused(ec2.create_key_pair, KeyName=key_name) == ("InvalidKeyPair.Duplicate", "The keypair already exists")


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")
def test_brought_keys(ec2, key_name, tmp_path):
    path = tmp_path / "mine"
    run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(path))
    line = (tmp_path / "mine.pub").read_bytes()
    brought = ec2.import_key_pair(KeyName=key_name, PublicKeyMaterial=line)
    pem = run("ssh-keygen", "-e", "-m", "PEM", "-f", str(path))
    der = run("openssl", "rsa", "-RSAPublicKey_in", "-outform", "DER", data=pem)
    assert brought["KeyFingerprint"] == run("openssl", "md5", "-c", data=der).decode().split("= ")[1].strip()
    assert refused(ec2.import_key_pair, KeyName=key_name, PublicKeyMaterial=line)[0] == "InvalidKeyPair.Duplicate"
    assert refused(ec2.import_key_pair, KeyName=key_name + "x", PublicKeyMaterial=b"nonsense") == (
        "InvalidKey.Format", "Key is not in valid OpenSSH public key format")


def test_what_is_not_there(ec2, name):
    it = name("key")
    assert refused(ec2.describe_key_pairs, KeyNames=[it]) == (
        "InvalidKeyPair.NotFound", f"The key pair '{it}' does not exist")
    assert ec2.delete_key_pair(KeyName=it)["Return"] is True


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_keys_for_putty(ec2, key_name, tmp_path, kind):
    """What puttygen makes of the private key is the public key that is told; a changed file it refuses."""
    if not shutil.which("puttygen"):
        pytest.skip("puttygen (putty-tools) is not installed")
    made = ec2.create_key_pair(KeyName=key_name, KeyType=kind, KeyFormat="ppk")
    material, path = made["KeyMaterial"], tmp_path / "it.ppk"
    assert material.splitlines()[:3] == [f"PuTTY-User-Key-File-2: ssh-{kind}", "Encryption: none", f"Comment: {key_name}"]
    path.write_text(material)
    told = ec2.describe_key_pairs(KeyNames=[key_name], IncludePublicKey=True)["KeyPairs"][0]
    assert run("puttygen", str(path), "-L").decode().strip() == told["PublicKey"]
    pem = tmp_path / "it.pem"
    run("puttygen", str(path), "-O", "private-openssh-new", "-o", str(pem))
    assert run("ssh-keygen", "-y", "-f", str(pem)).decode().split()[:2] == told["PublicKey"].split()[:2]
    path.write_text(material.replace("Comment: ", "Comment: x"))
    changed = subprocess.run(["puttygen", str(path), "-O", "private-openssh-new", "-o", str(pem)], capture_output=True)
    assert changed.returncode and b"MAC failed" in changed.stderr


@root
def test_the_key_is_in_the_instance(ec2, machines, key_name):
    made = ec2.create_key_pair(KeyName=key_name, KeyType="ed25519")
    instance = machines.start(KeyName=key_name)
    line = ec2.describe_key_pairs(KeyNames=[key_name], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
    soon(lambda: machines.exec(instance, "cat", "/root/.ssh/authorized_keys").stdout == line + "\n", "the key")
    assert base64.b64decode(line.split()[1]) and made["KeyMaterial"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
