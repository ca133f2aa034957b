# SPDX-License-Identifier: Apache-2.0
# What examples/sync.py applies, plans again (nothing may be left to change) and destroys.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {
  default = "http://127.0.0.1:4566"
}

provider "aws" {
  region            = "us-east-1"
  access_key        = "test"
  secret_key        = "test"
  s3_use_path_style = true
  endpoints {
    dynamodb = var.endpoint
    ec2      = var.endpoint
    iam      = var.endpoint
    s3       = var.endpoint
    sts      = var.endpoint
  }
}

data "aws_caller_identity" "me" {}
data "aws_region" "here" {}
data "aws_availability_zones" "here" {}

resource "aws_s3_bucket" "files" {
  bucket        = "terraform-files"
  force_destroy = true
}

resource "aws_s3_object" "configuration" {
  for_each     = fileset(path.module, "*.tf")
  bucket       = aws_s3_bucket.files.id
  key          = "configuration/${each.value}"
  source       = "${path.module}/${each.value}"
  etag         = filemd5("${path.module}/${each.value}")
  content_type = "text/plain"
  metadata     = { account = data.aws_caller_identity.me.account_id }
}

resource "aws_dynamodb_table" "orders" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "customer"
  range_key    = "number"
  attribute {
    name = "customer"
    type = "S"
  }
  attribute {
    name = "number"
    type = "N"
  }
}

resource "aws_dynamodb_table" "reserved" {
  name           = "reserved"
  billing_mode   = "PROVISIONED"
  read_capacity  = 5
  write_capacity = 2
  hash_key       = "id"
  attribute {
    name = "id"
    type = "B"
  }
}

resource "aws_iam_user" "clerk" {
  name = "clerk"
  path = "/office/"
}

resource "aws_iam_role" "reader" {
  name = "reader"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = aws_iam_user.clerk.arn }
    }]
  })
}

resource "aws_iam_policy" "read" {
  name = "read-files"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:ListBucket"]
      Resource = [aws_s3_bucket.files.arn, "${aws_s3_bucket.files.arn}/*"]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.read.arn
}

output "zones" {
  value = data.aws_availability_zones.here.names
}

output "region" {
  value = data.aws_region.here.name
}
