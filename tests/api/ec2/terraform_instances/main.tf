# SPDX-License-Identifier: Apache-2.0
# An instance with a key of one's own, in a subnet and a group of one's own.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "size" { default = "t3.micro" }

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    ec2 = var.endpoint
    iam = var.endpoint
    sts = var.endpoint
  }
}

data "aws_ami" "host" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["kintoun-host-*"]
  }
}

resource "aws_vpc" "it" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_subnet" "it" {
  vpc_id     = aws_vpc.it.id
  cidr_block = "10.20.1.0/24"
}

resource "aws_security_group" "it" {
  name   = "instances"
  vpc_id = aws_vpc.it.id
}

resource "aws_key_pair" "it" {
  key_name   = "terraform"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKIl9eXUFVzdqvIe6Y8JbMKCG3kKFGVDsTqzAxUJvOzZ somebody"
  tags       = { of = "terraform" }
}

resource "aws_instance" "it" {
  ami                    = data.aws_ami.host.id
  instance_type          = var.size
  subnet_id              = aws_subnet.it.id
  vpc_security_group_ids = [aws_security_group.it.id]
  key_name               = aws_key_pair.it.key_name
  private_ip             = "10.20.1.10"
  user_data              = "#!/bin/sh\necho made-by-terraform\n"
  tags                   = { Name = "terraform" }
}

resource "aws_ec2_image_block_public_access" "it" {
  state = var.size == "t3.small" ? "unblocked" : "block-new-sharing"
}
