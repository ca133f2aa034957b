# SPDX-License-Identifier: Apache-2.0
# Security groups, network ACLs, prefix lists and DHCP options, for test_terraform_groups.py: applied, changed,
# planned, destroyed.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "port" { default = 443 }
variable "office" { default = "192.0.2.0/24" }

provider "aws" {
  region     = "eu-west-1"
  access_key = "test"
  secret_key = "test"
  endpoints {
    ec2 = var.endpoint
    sts = var.endpoint
    iam = var.endpoint
  }
}

provider "aws" {
  alias      = "west"
  region     = "us-west-2"
  access_key = "test"
  secret_key = "test"
  endpoints {
    ec2 = var.endpoint
    sts = var.endpoint
    iam = var.endpoint
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_subnet" "main" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.20.1.0/24"
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "offices"
  address_family = "IPv4"
  max_entries    = 5
  entry {
    cidr        = var.office
    description = "first"
  }
  entry {
    cidr = "198.51.100.0/24"
  }
}

resource "aws_security_group" "web" {
  name        = "web"
  description = "from everywhere"
  vpc_id      = aws_vpc.main.id
  ingress {
    description      = "port ${var.port}"
    from_port        = var.port
    to_port          = var.port
    protocol         = "tcp"
    cidr_blocks      = ["0.0.0.0/0", "10.0.0.0/8"]
    ipv6_cidr_blocks = ["::/0"]
  }
  ingress {
    from_port = 0
    to_port   = 0
    protocol  = "-1"
    self      = true
  }
  ingress {
    from_port       = 22
    to_port         = 22
    protocol        = "tcp"
    prefix_list_ids = [aws_ec2_managed_prefix_list.offices.id]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
  tags = { Name = "web" }
}

resource "aws_security_group" "store" {
  name   = "store"
  vpc_id = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id            = aws_security_group.store.id
  referenced_security_group_id = aws_security_group.web.id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  description                  = "port ${var.port}"
  tags                         = { Name = "web" }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.store.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_security_group" "plain" {
  name_prefix = "plain-"
  vpc_id      = aws_vpc.main.id
}

resource "aws_security_group_rule" "ping" {
  security_group_id = aws_security_group.plain.id
  type              = "ingress"
  protocol          = "icmp"
  from_port         = 8
  to_port           = 0
  cidr_blocks       = ["10.0.0.0/8"]
}

resource "aws_security_group_rule" "store" {
  security_group_id        = aws_security_group.plain.id
  type                     = "egress"
  protocol                 = "udp"
  from_port                = var.port
  to_port                  = var.port
  source_security_group_id = aws_security_group.store.id
}

resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}

resource "aws_network_acl" "main" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.main.id]
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    from_port  = var.port
    to_port    = var.port
    cidr_block = "0.0.0.0/0"
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
  tags = { Name = "main" }
}

resource "aws_network_acl" "ruled" {
  vpc_id = aws_vpc.main.id
}

resource "aws_network_acl_rule" "ping" {
  network_acl_id = aws_network_acl.ruled.id
  rule_number    = 200
  rule_action    = "deny"
  protocol       = "icmp"
  icmp_type      = 8
  icmp_code      = 0
  cidr_block     = "10.0.0.0/8"
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
  ingress {
    rule_no    = 10
    action     = "allow"
    protocol   = "udp"
    from_port  = 53
    to_port    = 53
    cidr_block = "10.0.0.0/8"
  }
}

resource "aws_vpc_dhcp_options" "main" {
  domain_name         = "port-${var.port}.example.com"
  domain_name_servers = ["AmazonProvidedDNS", "10.20.1.5"]
}

resource "aws_vpc_dhcp_options_association" "main" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = aws_vpc_dhcp_options.main.id
}

resource "aws_vpc" "peer" {
  cidr_block = "10.30.0.0/16"
}

resource "aws_vpc_peering_connection" "near" {
  vpc_id      = aws_vpc.main.id
  peer_vpc_id = aws_vpc.peer.id
  auto_accept = true
  tags        = { port = var.port }
}

resource "aws_vpc" "west" {
  provider   = aws.west
  cidr_block = "10.40.0.0/16"
}

resource "aws_vpc_peering_connection" "far" {
  vpc_id      = aws_vpc.main.id
  peer_vpc_id = aws_vpc.west.id
  peer_region = "us-west-2"
}

resource "aws_vpc_peering_connection_accepter" "far" {
  provider                  = aws.west
  vpc_peering_connection_id = aws_vpc_peering_connection.far.id
  auto_accept               = true
}

resource "aws_vpc_security_group_vpc_association" "store" {
  security_group_id = aws_security_group.store.id
  vpc_id            = aws_vpc.peer.id
}
