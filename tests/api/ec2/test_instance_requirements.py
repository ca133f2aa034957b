# SPDX-License-Identifier: Apache-2.0
"""GetInstanceTypesFromInstanceRequirements, against what DescribeInstanceTypes tells of every type."""
import pytest

from refusals import refused

ANY = {"VCpuCount": {"Min": 0}, "MemoryMiB": {"Min": 0}}


@pytest.fixture
def types(ec2):
    """{name: what is told of it}"""
    return {it["InstanceType"]: it for it in ec2.describe_instance_types()["InstanceTypes"]}


@pytest.fixture
def ask(ec2, types):
    """ask(requirements, **more): the call, for the architecture that there is."""
    architecture, = {tuple(it["ProcessorInfo"]["SupportedArchitectures"]) for it in types.values()}

    def ask(requirements, **more):
        return ec2.get_instance_types_from_instance_requirements(**{
            "ArchitectureTypes": list(architecture), "VirtualizationTypes": ["hvm"], "InstanceRequirements": {**ANY, **requirements},
            **more})
    return ask


@pytest.fixture
def found(ask):
    return lambda requirements, **more: {it["InstanceType"] for it in ask(requirements, **more)["InstanceTypes"]}


def bandwidth(it):
    return it["NetworkInfo"]["NetworkCards"][0]["BaselineBandwidthInGbps"]


@pytest.mark.parametrize("requirements,has", [
    ({}, lambda it: True),
    ({"VCpuCount": {"Min": 4, "Max": 8}}, lambda it: 4 <= it["VCpuInfo"]["DefaultVCpus"] <= 8),
    ({"MemoryMiB": {"Min": 16384}}, lambda it: it["MemoryInfo"]["SizeInMiB"] >= 16384),
    ({"MemoryMiB": {"Min": 0, "Max": 8192}}, lambda it: it["MemoryInfo"]["SizeInMiB"] <= 8192),
    ({"MemoryGiBPerVCpu": {"Min": 3, "Max": 5.5}}, lambda it: 3 <= it["MemoryInfo"]["SizeInMiB"] / 1024 / it["VCpuInfo"]["DefaultVCpus"] <= 5.5),
    ({"NetworkInterfaceCount": {"Min": 4, "Max": 4}}, lambda it: it["NetworkInfo"]["MaximumNetworkInterfaces"] == 4),
    ({"NetworkBandwidthGbps": {"Min": 1, "Max": 3}}, lambda it: 1 <= bandwidth(it) <= 3),
    ({"CpuManufacturers": ["intel"]}, lambda it: it["ProcessorInfo"]["Manufacturer"] == "Intel"),
    ({"ExcludedInstanceTypes": ["c*", "m5.large", "*.4xlarge"]},
     lambda it: not (it["InstanceType"][0] == "c" or it["InstanceType"] == "m5.large" or it["InstanceType"].endswith(".4xlarge"))),
    ({"AllowedInstanceTypes": ["r*", "m5.xlarge"]}, lambda it: it["InstanceType"][0] == "r" or it["InstanceType"] == "m5.xlarge"),
    ({"LocalStorage": "excluded", "InstanceGenerations": ["current"], "AcceleratorCount": {"Max": 0}}, lambda it: True),
    ({"LocalStorage": "required"}, lambda it: False), ({"BareMetal": "required"}, lambda it: False),
    ({"InstanceGenerations": ["previous"]}, lambda it: False), ({"RequireHibernateSupport": True}, lambda it: False),
    ({"AcceleratorTypes": ["gpu"]}, lambda it: False), ({"AcceleratorCount": {"Min": 1}}, lambda it: False),
    ({"TotalLocalStorageGB": {"Min": 1}}, lambda it: False), ({"AcceleratorManufacturers": ["nvidia"]}, lambda it: False),
    ({"AcceleratorNames": ["t4"]}, lambda it: False), ({"AcceleratorTotalMemoryMiB": {"Min": 1}}, lambda it: False)])
def test_what_has_it(found, types, requirements, has):
    """Burstable types count only where the request says so."""
    plain = {name for name, it in types.items() if has(it) and not it["BurstablePerformanceSupported"]}
    bursting = {name for name, it in types.items() if has(it) and it["BurstablePerformanceSupported"]}
    assert found(requirements) == found({**requirements, "BurstablePerformance": "excluded"}) == plain
    assert found({**requirements, "BurstablePerformance": "required"}) == bursting
    assert found({**requirements, "BurstablePerformance": "included"}) == plain | bursting


def test_elsewhere(found):
    assert found({}) and found({}, ArchitectureTypes=["i386"]) == found({}, VirtualizationTypes=["paravirtual"]) == set()
    assert found({}, VirtualizationTypes=["paravirtual", "hvm"]) == found({})


def test_pages(ask, found):
    seen, token = [], {}
    while token is not None:
        page = ask({}, MaxResults=7, **token)
        assert len(page["InstanceTypes"]) <= 7
        seen += [it["InstanceType"] for it in page["InstanceTypes"]]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert len(seen) == len(set(seen)) and set(seen) == found({}) and len(seen) > 7
    assert refused(ask, requirements={}, NextToken="x")[0] == "InvalidNextToken"


def test_refusals(ask):
    for unbuilt in ({"SpotMaxPricePercentageOverLowestPrice": 50}, {"OnDemandMaxPricePercentageOverLowestPrice": 50},
                    {"MaxSpotPriceAsPercentageOfOptimalOnDemandPrice": 50}, {"BaselineEbsBandwidthMbps": {"Min": 1}},
                    {"BaselinePerformanceFactors": {"Cpu": {"References": [{"InstanceFamily": "c6i"}]}}},
                    {"RequireEncryptionInTransit": True}):
        assert refused(ask, requirements=unbuilt)[0] == "UnsupportedOperation"
    assert refused(ask, requirements={}, Context="x")[0] == "UnsupportedOperation"
    assert refused(ask, requirements={"AllowedInstanceTypes": ["c*"], "ExcludedInstanceTypes": ["m*"]}) == (
        "InvalidParameterCombination", "You can't specify both AllowedInstanceTypes and ExcludedInstanceTypes.")
    for wrong in ({"VCpuCount": {"Min": 4, "Max": 2}}, {"MemoryMiB": {"Min": -1}}, {"BareMetal": "x"}):
        assert refused(ask, requirements=wrong)[0] == "InvalidParameterValue"
    assert refused(ask, requirements={}, DryRun=True)[0] == "DryRunOperation"
