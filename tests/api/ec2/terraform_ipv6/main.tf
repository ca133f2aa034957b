# SPDX-License-Identifier: Apache-2.0
# A VPC with IPv6 for test_terraform_ipv6.py: blocks, an egress-only gateway, routes, rules, addresses.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "team" { default = "red" }

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

resource "aws_vpc" "main" {
  cidr_block                       = "10.30.0.0/16"
  assign_generated_ipv6_cidr_block = true
  tags                             = { team = var.team }
}

resource "aws_subnet" "main" {
  count                           = 2
  vpc_id                          = aws_vpc.main.id
  cidr_block                      = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, count.index)
  assign_ipv6_address_on_creation = count.index == 0
}

resource "aws_vpc_block_public_access_options" "main" {
  internet_gateway_block_mode = var.team == "red" ? "block-bidirectional" : "block-ingress"
}

resource "aws_vpc_block_public_access_exclusion" "vpc" {
  vpc_id                          = aws_vpc.main.id
  internet_gateway_exclusion_mode = var.team == "red" ? "allow-egress" : "allow-bidirectional"
  tags                            = { team = var.team }
}

resource "aws_vpc_block_public_access_exclusion" "subnet" {
  subnet_id                       = aws_subnet.main[0].id
  internet_gateway_exclusion_mode = "allow-bidirectional"
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_egress_only_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { team = var.team }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
  route {
    ipv6_cidr_block = "::/0"
    gateway_id      = aws_internet_gateway.main.id
  }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route" "private" {
  route_table_id              = aws_route_table.private.id
  destination_ipv6_cidr_block = "::/0"
  egress_only_gateway_id      = aws_egress_only_internet_gateway.main.id
}

resource "aws_route_table_association" "main" {
  count          = 2
  subnet_id      = aws_subnet.main[count.index].id
  route_table_id = count.index == 0 ? aws_route_table.public.id : aws_route_table.private.id
}

resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.main.id
  ingress {
    protocol         = "tcp"
    from_port        = 443
    to_port          = 443
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_network_acl" "main" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.main[1].id]
  ingress {
    protocol        = "-1"
    rule_no         = 100
    action          = "allow"
    ipv6_cidr_block = "::/0"
    from_port       = 0
    to_port         = 0
  }
}

resource "aws_network_interface" "web" {
  subnet_id          = aws_subnet.main[1].id
  ipv6_address_count = 2
  security_groups    = [aws_security_group.web.id]
}

resource "aws_ec2_subnet_cidr_reservation" "four" {
  subnet_id        = aws_subnet.main[0].id
  cidr_block       = cidrsubnet(aws_subnet.main[0].cidr_block, 4, 0)
  reservation_type = "explicit"
  description      = "of team ${var.team}"
}

resource "aws_ec2_subnet_cidr_reservation" "six" {
  subnet_id        = aws_subnet.main[0].id
  cidr_block       = cidrsubnet(aws_subnet.main[0].ipv6_cidr_block, 16, 1)
  reservation_type = "prefix"
}
