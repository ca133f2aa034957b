# SPDX-License-Identifier: Apache-2.0
# What stands beside a table: a replica in another region, recovery, a stream of Kinesis, an export.

resource "aws_dynamodb_table" "events" {
  name             = "events"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }
  attribute {
    name = "kind"
    type = "S"
  }

  global_secondary_index {
    name            = "by-kind"
    hash_key        = "kind"
    projection_type = "KEYS_ONLY"
  }

  on_demand_throughput {
    max_read_request_units  = 100
    max_write_request_units = var.units
  }

  point_in_time_recovery {
    enabled = true
  }

  dynamic "replica" {
    for_each = var.replicas
    content {
      region_name = replica.value
    }
  }
}

resource "aws_kinesis_stream" "changes" {
  name        = "changes"
  shard_count = 1
}

resource "aws_dynamodb_kinesis_streaming_destination" "changes" {
  table_name                               = aws_dynamodb_table.events.name
  stream_arn                               = aws_kinesis_stream.changes.arn
  approximate_creation_date_time_precision = "MICROSECOND"
}

resource "aws_s3_bucket" "exports" {
  bucket        = "exports"
  force_destroy = true
}

resource "aws_dynamodb_table_export" "all" {
  table_arn = aws_dynamodb_table.events.arn
  s3_bucket = aws_s3_bucket.exports.id
}

resource "aws_dynamodb_contributor_insights" "events" {
  table_name = aws_dynamodb_table.events.name
}

resource "aws_dynamodb_resource_policy" "events" {
  resource_arn = aws_dynamodb_table.events.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::000000000000:root" }
      Action    = "dynamodb:GetItem"
      Resource  = aws_dynamodb_table.events.arn
    }]
  })
}
