# SPDX-License-Identifier: Apache-2.0
# A VPC without a way to the internet, with endpoints of both types.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "tables" { default = 1 }

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

resource "aws_vpc" "it" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "it" {
  count             = 2
  vpc_id            = aws_vpc.it.id
  cidr_block        = "10.20.${count.index}.0/24"
  availability_zone = ["us-east-1a", "us-east-1b"][count.index]
}

resource "aws_route_table" "it" {
  count  = 2
  vpc_id = aws_vpc.it.id
}

data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

data "aws_prefix_list" "s3" {
  name = "com.amazonaws.us-east-1.s3"
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.it.id
  service_name    = data.aws_vpc_endpoint_service.s3.service_name
  route_table_ids = slice(aws_route_table.it[*].id, 0, var.tables)
  tags            = { Name = "s3" }
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "s3:GetObject"
      Resource  = "*"
    }]
  })
}

resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id       = aws_vpc.it.id
  service_name = "com.amazonaws.us-east-1.dynamodb"
}

resource "aws_vpc_endpoint_route_table_association" "dynamodb" {
  vpc_endpoint_id = aws_vpc_endpoint.dynamodb.id
  route_table_id  = aws_route_table.it[0].id
}

resource "aws_security_group" "it" {
  name   = "endpoints"
  vpc_id = aws_vpc.it.id
  egress {
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    prefix_list_ids = [data.aws_prefix_list.s3.id]
  }
}

resource "aws_vpc_endpoint" "sts" {
  vpc_id             = aws_vpc.it.id
  service_name       = "com.amazonaws.us-east-1.sts"
  vpc_endpoint_type  = "Interface"
  subnet_ids         = aws_subnet.it[*].id
  security_group_ids = [aws_security_group.it.id]
}
