# SPDX-License-Identifier: Apache-2.0
# A table whose units follow what is used, and its replica, for test_terraform.py: applied, changed, planned, destroyed.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "most" { default = 20 }
variable "goal" { default = 70 }
variable "replicas" {
  type    = list(string)
  default = [] # writes have to be scaled before there is one
}

provider "aws" {
  region     = "eu-west-1"
  access_key = "test"
  secret_key = "test"
  endpoints {
    applicationautoscaling = var.endpoint
    dynamodb               = var.endpoint
    iam                    = var.endpoint
    sts                    = var.endpoint
  }
}

resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  hash_key         = "id"
  read_capacity    = 5
  write_capacity   = 5
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }

  dynamic "replica" {
    for_each = var.replicas
    content {
      region_name = replica.value
    }
  }

  lifecycle {
    ignore_changes = [read_capacity, write_capacity]
  }
}

locals {
  dimensions = toset(["Read", "Write"])
}

resource "aws_appautoscaling_target" "units" {
  for_each           = local.dimensions
  service_namespace  = "dynamodb"
  resource_id        = "table/${aws_dynamodb_table.orders.name}"
  scalable_dimension = "dynamodb:table:${each.value}CapacityUnits"
  min_capacity       = 5
  max_capacity       = var.most
  tags               = { of = each.value }
}

resource "aws_appautoscaling_policy" "units" {
  for_each           = local.dimensions
  name               = "DynamoDB${each.value}CapacityUtilization:table/${aws_dynamodb_table.orders.name}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.units[each.value].service_namespace
  resource_id        = aws_appautoscaling_target.units[each.value].resource_id
  scalable_dimension = aws_appautoscaling_target.units[each.value].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.goal
    scale_in_cooldown  = 60
    scale_out_cooldown = 60
    predefined_metric_specification {
      predefined_metric_type = "DynamoDB${each.value}CapacityUtilization"
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "night" {
  name               = "night"
  service_namespace  = aws_appautoscaling_target.units["Write"].service_namespace
  resource_id        = aws_appautoscaling_target.units["Write"].resource_id
  scalable_dimension = aws_appautoscaling_target.units["Write"].scalable_dimension
  schedule           = "cron(0 22 * * ? *)"
  timezone           = "UTC"

  scalable_target_action {
    min_capacity = 5
    max_capacity = 10
  }
}
