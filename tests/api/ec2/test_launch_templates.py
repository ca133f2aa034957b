# SPDX-License-Identifier: Apache-2.0
"""Launch templates: versions, what is told of them, and instances that are launched from them."""
import base64

import pytest

from machines import root
from refusals import refused

SOMETHING = {"EbsOptimized": False}


@pytest.fixture
def templates(ec2):
    yield ec2
    for it in ec2.describe_launch_templates()["LaunchTemplates"]:
        ec2.delete_launch_template(LaunchTemplateId=it["LaunchTemplateId"])


def data_of(ec2, template, version):
    it, = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])["LaunchTemplateVersions"]
    return it["LaunchTemplateData"]


def test_versions(templates, cloud):
    ec2 = templates
    data = {"InstanceType": "t3.nano", "UserData": base64.b64encode(b"#!/bin/sh\n").decode(), "DisableApiStop": True,
            "NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": False, "Groups": ["sg-1"]}],
            "MetadataOptions": {"HttpTokens": "required"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]}
    made = ec2.create_launch_template(LaunchTemplateName="web", VersionDescription="first", LaunchTemplateData=data, TagSpecifications=[
        {"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "x"}]}])["LaunchTemplate"]
    template = made["LaunchTemplateId"]
    assert template.startswith("lt-") and (made["DefaultVersionNumber"], made["LatestVersionNumber"]) == (1, 1)
    assert made["Tags"] == [{"Key": "team", "Value": "x"}] and made["CreatedBy"].startswith("arn:aws:iam::")
    second = ec2.create_launch_template_version(LaunchTemplateName="web", SourceVersion="1", VersionDescription="second",
                                                LaunchTemplateData={"InstanceType": "t3.small"})["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2 and second["DefaultVersion"] is False
    assert second["LaunchTemplateData"] == {**data, "InstanceType": "t3.small"}
    assert ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")["LaunchTemplate"]["DefaultVersionNumber"] == 2
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"KeyName": "k"})
    cloud.restart()
    assert data_of(ec2, template, "$Default")["InstanceType"] == "t3.small"
    assert data_of(ec2, template, "$Latest") == {"KeyName": "k"}
    assert data_of(ec2, template, "1") == data
    versions = ec2.describe_launch_template_versions(LaunchTemplateName="web")["LaunchTemplateVersions"]
    assert [it["VersionNumber"] for it in versions] == [3, 2, 1]
    assert [it["VersionDescription"] for it in versions[1:]] == ["second", "first"]
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(LaunchTemplateName="web", PaginationConfig={"PageSize": 2})
    assert [[it["VersionNumber"] for it in page["LaunchTemplateVersions"]] for page in pages] == [[3, 2], [1]]
    bounded = ec2.describe_launch_template_versions(LaunchTemplateName="web", MinVersion="2", MaxVersion="2")
    assert [it["VersionNumber"] for it in bounded["LaunchTemplateVersions"]] == [2]
    nano = ec2.describe_launch_template_versions(LaunchTemplateName="web", Filters=[{"Name": "instance-type", "Values": ["t3.nano"]}])
    assert [it["VersionNumber"] for it in nano["LaunchTemplateVersions"]] == [1]
    everywhere = ec2.describe_launch_template_versions(Versions=["$Latest", "$Default"])["LaunchTemplateVersions"]
    assert [it["VersionNumber"] for it in everywhere] == [3, 2]
    gone = ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["3", "2", "9"])
    assert [it["VersionNumber"] for it in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [3]
    assert [(it["VersionNumber"], it["ResponseError"]["Code"]) for it in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [
        (2, "unexpectedError"), (9, "launchTemplateVersionDoesNotExist")]
    it, = ec2.describe_launch_templates(LaunchTemplateNames=["web"])["LaunchTemplates"]
    assert it["LatestVersionNumber"] == 2
    assert ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=SOMETHING)["LaunchTemplateVersion"]["VersionNumber"] == 4
    assert ec2.delete_launch_template(LaunchTemplateName="web")["LaunchTemplate"]["LaunchTemplateId"] == template
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []


def test_what_is_refused(templates):
    ec2 = templates
    assert refused(ec2.create_launch_template, LaunchTemplateName="none", LaunchTemplateData={}) == (
        "MissingParameter", "The request must contain the parameter LaunchTemplateData")
    template = ec2.create_launch_template(LaunchTemplateName="one", LaunchTemplateData=SOMETHING, ClientToken="t")["LaunchTemplate"]["LaunchTemplateId"]
    again = ec2.create_launch_template(LaunchTemplateName="one", LaunchTemplateData=SOMETHING, ClientToken="t")["LaunchTemplate"]
    assert again["LaunchTemplateId"] == template
    assert refused(ec2.create_launch_template, LaunchTemplateName="one", LaunchTemplateData=SOMETHING) == (
        "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    assert refused(ec2.describe_launch_templates, LaunchTemplateNames=["two"]) == (
        "InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name two, does not exist.")
    assert refused(ec2.delete_launch_template, LaunchTemplateId="lt-0123456789abcdef0") == (
        "InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID lt-0123456789abcdef0, does not exist.")
    assert refused(ec2.describe_launch_templates, LaunchTemplateIds=["lt-x"])[0] == "InvalidLaunchTemplateId.Malformed"
    assert refused(ec2.modify_launch_template, LaunchTemplateId=template, DefaultVersion="7") == (
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version 7 for the launch template with ID {template}.")
    assert refused(ec2.delete_launch_template)[0] == "MissingParameter"
    assert refused(ec2.delete_launch_template, LaunchTemplateId=template, LaunchTemplateName="one")[0] == "InvalidParameterCombination"
    assert refused(ec2.describe_launch_template_versions, Versions=["1"])[0] == "MissingParameter"
    assert refused(ec2.describe_launch_template_versions, LaunchTemplateId=template, MinVersion="x")[0] == "InvalidParameterValue"
    assert refused(ec2.describe_launch_template_versions, LaunchTemplateId=template, NextToken="x")[0] == "InvalidNextToken"
    assert refused(ec2.get_launch_template_data, InstanceId="i-0123456789abcdef0")[0] == "InvalidInstanceID.NotFound"
    run = {"MinCount": 1, "MaxCount": 1}
    assert refused(ec2.run_instances, LaunchTemplate={"LaunchTemplateName": "one"}, **run) == (
        "MissingParameter", "The request must contain the parameter ImageId")
    assert refused(ec2.run_instances, LaunchTemplate={"LaunchTemplateName": "none"}, **run)[0] == \
        "InvalidLaunchTemplateName.NotFoundException"
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"InstanceMarketOptions": {"MarketType": "spot"}})
    assert refused(ec2.run_instances, LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
                   ImageId="ami-12345678", **run)[0] == "UnsupportedOperation"


@root
def test_an_instance_of_a_template(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={
        "ImageId": machines.image, "InstanceType": "t3.nano", "DisableApiTermination": True, "InstanceInitiatedShutdownBehavior": "terminate",
        "UserData": base64.b64encode(b"#!/bin/sh\necho of-the-template\n").decode(), "MetadataOptions": {"HttpTokens": "required"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]})
    it, = ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "web"}, InstanceType="t3.micro")["Instances"]
    machines.made.append(it["InstanceId"])
    tags = {tag["Key"]: tag["Value"] for tag in it["Tags"]}
    assert it["InstanceType"] == "t3.micro" and it["MetadataOptions"]["HttpTokens"] == "required"
    assert tags["Name"] == "web" and tags["aws:ec2launchtemplate:version"] == "1" and tags["aws:ec2launchtemplate:id"].startswith("lt-")
    machines.says(it["InstanceId"], "of-the-template")
    data = ec2.get_launch_template_data(InstanceId=it["InstanceId"])["LaunchTemplateData"]
    assert data["InstanceType"] == "t3.micro" and data["DisableApiTermination"] and base64.b64decode(data["UserData"]).endswith(b"template\n")
    assert data["NetworkInterfaces"][0]["SubnetId"] == it["SubnetId"] and data["InstanceInitiatedShutdownBehavior"] == "terminate"
