# SPDX-License-Identifier: Apache-2.0
# Tables with everything that is built, for test_terraform.py: applied, changed, planned, destroyed.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "team" { default = "red" }
variable "second" { default = false }
variable "units" { default = 3 }
variable "replicas" {
  type    = list(string)
  default = ["us-east-1"]
}

provider "aws" {
  region     = "eu-west-1"
  access_key = "test"
  secret_key = "test"
  endpoints {
    dynamodb = var.endpoint
    sts      = var.endpoint
    iam      = var.endpoint
    kinesis  = var.endpoint
    s3       = var.endpoint
  }
  s3_use_path_style = true
}

resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "customer"
  range_key        = "placed"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "customer"
    type = "S"
  }
  attribute {
    name = "placed"
    type = "N"
  }
  attribute {
    name = "state"
    type = "S"
  }
  attribute {
    name = "total"
    type = "N"
  }

  global_secondary_index {
    name            = "by-state"
    hash_key        = "state"
    range_key       = "placed"
    projection_type = "ALL"
  }

  dynamic "global_secondary_index" {
    for_each = var.second ? [1] : []
    content {
      name               = "by-total"
      hash_key           = "total"
      projection_type    = "INCLUDE"
      non_key_attributes = ["note"]
    }
  }

  local_secondary_index {
    name               = "by-amount"
    range_key          = "total"
    projection_type    = "INCLUDE"
    non_key_attributes = ["currency", "note"]
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  tags = {
    team = var.team
  }
}

resource "aws_dynamodb_table" "counters" {
  name                        = "counters"
  billing_mode                = "PROVISIONED"
  read_capacity               = var.units
  write_capacity              = 2
  hash_key                    = "name"
  table_class                 = "STANDARD_INFREQUENT_ACCESS"
  deletion_protection_enabled = false

  lifecycle {
    ignore_changes = [tags]
  }

  attribute {
    name = "name"
    type = "S"
  }
  attribute {
    name = "owner"
    type = "S"
  }

  global_secondary_index {
    name            = "by-owner"
    hash_key        = "owner"
    projection_type = "KEYS_ONLY"
    read_capacity   = var.units
    write_capacity  = 1
  }
}

resource "aws_dynamodb_table_item" "first" {
  table_name = aws_dynamodb_table.counters.name
  hash_key   = aws_dynamodb_table.counters.hash_key
  item       = jsonencode({ name = { S = "first" }, owner = { S = "me" }, count = { N = "1" } })
}

# A tag that the table's own resource does not know of.
resource "aws_dynamodb_tag" "extra" {
  resource_arn = aws_dynamodb_table.counters.arn
  key          = "extra"
  value        = var.team
}

resource "aws_dynamodb_table" "teams" {
  name         = "teams"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"
  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "N"
  }
}

# Items of every type; one of them changes, which is an UpdateItem.
resource "aws_dynamodb_table_item" "team" {
  table_name = aws_dynamodb_table.teams.name
  hash_key   = aws_dynamodb_table.teams.hash_key
  range_key  = aws_dynamodb_table.teams.range_key
  item = jsonencode({
    pk   = { S = "team" }
    sk   = { N = "1" }
    name = { S = var.team }
    tags = { SS = ["a", "b"] }
    more = { M = { list = { L = [{ N = "1.5" }, { BOOL = true }, { NULL = true }] } } }
  })
}

resource "aws_dynamodb_table_item" "blob" {
  table_name = aws_dynamodb_table.teams.name
  hash_key   = aws_dynamodb_table.teams.hash_key
  range_key  = aws_dynamodb_table.teams.range_key
  item       = jsonencode({ pk = { S = "team" }, sk = { N = "2" }, blob = { B = "AAE=" } })
}
