# SPDX-License-Identifier: Apache-2.0
# Every resource of IAM that is built, for test_terraform.py: applied, changed, planned, destroyed.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "team" { default = "red" }
variable "force" { default = false }

provider "aws" {
  region     = "eu-west-1"
  access_key = "test"
  secret_key = "test"
  endpoints {
    iam = var.endpoint
    sts = var.endpoint
  }
}
data "aws_caller_identity" "me" {}
data "aws_iam_policy" "admin" { name = "AdministratorAccess" }
data "aws_iam_policy_document" "s3" {
  statement {
    sid       = "S3"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::b", "arn:aws:s3:::b/$${aws:username}/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["red"]
    }
  }
}
resource "aws_iam_policy" "limit" {
  name   = "limit"
  policy = data.aws_iam_policy_document.s3.json
}
resource "aws_iam_policy" "p" {
  name        = "p"
  path        = "/a/"
  description = "what it is"
  policy      = data.aws_iam_policy_document.s3.json
  tags        = { team = var.team }
}
resource "aws_iam_user" "u" {
  name                 = "ann"
  path                 = "/staff/"
  permissions_boundary = aws_iam_policy.limit.arn
  force_destroy        = var.force
  tags                 = { team = var.team }
}
resource "aws_iam_user_policy" "u" {
  user   = aws_iam_user.u.name
  policy = data.aws_iam_policy_document.s3.json
}
resource "aws_iam_user_policy_attachment" "u" {
  user       = aws_iam_user.u.name
  policy_arn = aws_iam_policy.p.arn
}
resource "aws_iam_access_key" "u" { user = aws_iam_user.u.name }
resource "aws_iam_group" "g" {
  name = "devs"
  path = "/x/"
}
resource "aws_iam_group_membership" "g" {
  name  = "m"
  group = aws_iam_group.g.name
  users = [aws_iam_user.u.name]
}
resource "aws_iam_group" "h" { name = "others" }
resource "aws_iam_user_group_membership" "h" {
  user   = aws_iam_user.u.name
  groups = [aws_iam_group.h.name]
}
resource "aws_iam_group_policy" "g" {
  group  = aws_iam_group.g.name
  policy = data.aws_iam_policy_document.s3.json
}
resource "aws_iam_group_policy_attachment" "g" {
  group      = aws_iam_group.g.name
  policy_arn = data.aws_iam_policy.admin.arn
}
resource "aws_iam_role" "r" {
  name                 = "deploy"
  description          = "for ${var.team}"
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.limit.arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = data.aws_caller_identity.me.arn, Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
  tags = { team = var.team }
}
resource "aws_iam_role_policy" "r" {
  role   = aws_iam_role.r.id
  policy = data.aws_iam_policy_document.s3.json
}
resource "aws_iam_role_policy_attachment" "r" {
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.p.arn
}
resource "aws_iam_instance_profile" "i" {
  name = "prof"
  role = aws_iam_role.r.name
  tags = { team = var.team }
}
resource "aws_iam_account_alias" "a" { account_alias = "kintoun-tf" }
resource "aws_iam_policy_attachment" "both" {
  name       = "both"
  users      = [aws_iam_user.u.name]
  roles      = [aws_iam_role.r.name]
  groups     = [aws_iam_group.g.name]
  policy_arn = aws_iam_policy.limit.arn
}
data "aws_iam_role" "r" { name = aws_iam_role.r.name }
data "aws_iam_user" "u" { user_name = aws_iam_user.u.name }
data "aws_iam_roles" "all" { depends_on = [aws_iam_role.r] }
