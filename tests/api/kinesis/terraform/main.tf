# SPDX-License-Identifier: Apache-2.0
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "shards" { default = 2 }
variable "hours" { default = 48 }
variable "team" { default = "red" }

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {
    kinesis = var.endpoint
    iam     = var.endpoint
    sts     = var.endpoint
  }
}

resource "aws_kinesis_stream" "provisioned" {
  name                = "provisioned"
  shard_count         = var.shards
  retention_period    = var.hours
  shard_level_metrics = ["IncomingBytes", "OutgoingBytes"]
  stream_mode_details {
    stream_mode = "PROVISIONED"
  }
  encryption_type = var.team == "red" ? "KMS" : "NONE"
  kms_key_id      = var.team == "red" ? "alias/aws/kinesis" : null
  tags            = { team = var.team }
}

resource "aws_kinesis_stream" "on_demand" {
  name                      = "on-demand"
  enforce_consumer_deletion = true
  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

resource "aws_kinesis_stream_consumer" "reader" {
  name       = "reader"
  stream_arn = aws_kinesis_stream.on_demand.arn
}

resource "aws_kinesis_resource_policy" "policy" {
  resource_arn = aws_kinesis_stream.provisioned.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "writers"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::000000000000:root" }
      Action    = ["kinesis:PutRecord", "kinesis:PutRecords"]
      Resource  = aws_kinesis_stream.provisioned.arn
    }]
  })
}

data "aws_kinesis_stream" "read" {
  name = aws_kinesis_stream.provisioned.name
}

output "open" { value = length(data.aws_kinesis_stream.read.open_shards) }
