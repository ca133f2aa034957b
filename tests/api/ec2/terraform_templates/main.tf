# SPDX-License-Identifier: Apache-2.0
# An instance of a launch template with a key, with a further network interface; an image of it, and a copy of that.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "words" { default = "first-words" }

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
  cidr_block = "10.30.0.0/16"
}

resource "aws_subnet" "it" {
  vpc_id     = aws_vpc.it.id
  cidr_block = "10.30.1.0/24"
}

resource "aws_key_pair" "it" {
  key_name   = "templated"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKIl9eXUFVzdqvIe6Y8JbMKCG3kKFGVDsTqzAxUJvOzZ somebody"
}

resource "aws_launch_template" "it" {
  name                                 = "terraform"
  description                          = "of terraform"
  update_default_version               = true
  image_id                             = data.aws_ami.host.id
  instance_type                        = "t3.micro"
  key_name                             = aws_key_pair.it.key_name
  instance_initiated_shutdown_behavior = "terminate"
  user_data                            = base64encode("#!/bin/sh\necho ${var.words}\n")

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 10
    }
  }

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "templated" }
  }

  tags = { of = "terraform" }
}

resource "aws_instance" "it" {
  subnet_id = aws_subnet.it.id
  launch_template {
    id      = aws_launch_template.it.id
    version = "$Default"
  }
  lifecycle { ignore_changes = [tags, tags_all, user_data] } # they come from the template as it was
}

resource "aws_network_interface" "second" {
  subnet_id = aws_subnet.it.id
}

resource "aws_network_interface_attachment" "second" {
  instance_id          = aws_instance.it.id
  network_interface_id = aws_network_interface.second.id
  device_index         = 1
}

resource "aws_ami_from_instance" "it" {
  name                    = "terraform"
  source_instance_id      = aws_instance.it.id
  snapshot_without_reboot = true
  tags                    = { of = "terraform" }
}

resource "aws_ami_copy" "it" {
  name              = "copied"
  source_ami_id     = aws_ami_from_instance.it.id
  source_ami_region = "us-east-1"
}

resource "aws_ami_launch_permission" "it" {
  image_id   = aws_ami_from_instance.it.id
  account_id = "123456789012"
}
