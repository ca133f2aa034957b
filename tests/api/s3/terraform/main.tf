# SPDX-License-Identifier: Apache-2.0
# Buckets with every configuration that is built.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}

variable "team" {
  default = "red"
}

provider "aws" {
  region            = "us-east-1"
  access_key        = "test"
  secret_key        = "test"
  s3_use_path_style = true
  endpoints {
    iam       = var.endpoint
    s3        = var.endpoint
    s3control = var.endpoint
    sts       = var.endpoint
  }
}

# A public website.
resource "aws_s3_bucket" "site" {
  bucket        = "tf-site"
  force_destroy = true
  tags          = { team = var.team }
}

resource "aws_s3_bucket_public_access_block" "site" {
  bucket                  = aws_s3_bucket.site.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_policy" "site" {
  bucket     = aws_s3_bucket.site.id
  depends_on = [aws_s3_bucket_public_access_block.site]
  policy     = data.aws_iam_policy_document.site.json
}

data "aws_iam_policy_document" "site" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.site.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.site.arn]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.publisher.arn]
    }
  }
}

resource "aws_iam_role" "publisher" {
  name = "publisher"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_s3_bucket_website_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  index_document { suffix = "index.html" }
  error_document { key = "error.html" }
  routing_rule {
    condition { key_prefix_equals = "old/" }
    redirect { replace_key_prefix_with = "${var.team}/" }
  }
}

resource "aws_s3_bucket_cors_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  cors_rule {
    allowed_headers = ["*"]
    allowed_methods = ["GET", "PUT"]
    allowed_origins = ["https://${var.team}.example.com"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3000
  }
  cors_rule {
    allowed_methods = ["HEAD"]
    allowed_origins = ["*"]
  }
}

resource "aws_s3_object" "index" {
  bucket       = aws_s3_bucket.site.id
  key          = "index.html"
  content      = "<h1>${var.team}</h1>"
  content_type = "text/html"
}

resource "aws_s3_object" "moved" {
  bucket           = aws_s3_bucket.site.id
  key              = "moved"
  content          = "x"
  website_redirect = "/index.html"
}

# A bucket that heeds access control lists, with versions.
resource "aws_s3_bucket" "lists" {
  bucket        = "tf-lists"
  force_destroy = true
}

resource "aws_s3_bucket_ownership_controls" "lists" {
  bucket = aws_s3_bucket.lists.id
  rule { object_ownership = "BucketOwnerPreferred" }
}

resource "aws_s3_bucket_public_access_block" "lists" {
  bucket = aws_s3_bucket.lists.id
}

resource "aws_s3_bucket_acl" "lists" {
  bucket     = aws_s3_bucket.lists.id
  acl        = "public-read"
  depends_on = [aws_s3_bucket_ownership_controls.lists, aws_s3_bucket_public_access_block.lists]
}

resource "aws_s3_object" "listed" {
  bucket     = aws_s3_bucket.lists.id
  key        = "listed"
  content    = var.team
  acl        = "public-read"
  depends_on = [aws_s3_bucket_acl.lists]
}

resource "aws_s3_bucket_versioning" "lists" {
  bucket = aws_s3_bucket.lists.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_lifecycle_configuration" "lists" {
  bucket     = aws_s3_bucket.lists.id
  depends_on = [aws_s3_bucket_versioning.lists]
  rule {
    id     = "old"
    status = "Enabled"
    filter { prefix = "${var.team}/" }
    noncurrent_version_expiration { noncurrent_days = 30 }
  }
}

# A bucket whose requesters pay, whose requests are logged and whose objects are listed, into another one.
resource "aws_s3_bucket" "observed" {
  bucket        = "tf-observed"
  force_destroy = true
}

resource "aws_s3_bucket" "reports" {
  bucket        = "tf-reports"
  force_destroy = true
}

resource "aws_s3_bucket_request_payment_configuration" "observed" {
  bucket = aws_s3_bucket.observed.id
  payer  = "Requester"
}

resource "aws_s3_bucket_logging" "observed" {
  bucket        = aws_s3_bucket.observed.id
  target_bucket = aws_s3_bucket.reports.id
  target_prefix = "log/${var.team}/"
  target_object_key_format {
    partitioned_prefix { partition_date_source = "EventTime" }
  }
}

resource "aws_s3_bucket_inventory" "observed" {
  bucket                   = aws_s3_bucket.observed.id
  name                     = "all"
  included_object_versions = "All"
  optional_fields          = ["Size", "ETag"]
  schedule { frequency = "Weekly" }
  filter { prefix = "${var.team}/" }
  destination {
    bucket {
      format     = "CSV"
      bucket_arn = aws_s3_bucket.reports.arn
      prefix     = "inventory"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "observed" {
  bucket = aws_s3_bucket.observed.id
  rule {
    id     = "freeze"
    status = "Enabled"
    filter { prefix = "old/" }
    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }
    transition {
      days          = 90
      storage_class = "DEEP_ARCHIVE"
    }
    noncurrent_version_transition {
      noncurrent_days = 7
      storage_class   = "GLACIER"
    }
  }
}

# What is counted of requests, and what is archived that nobody reads.
resource "aws_s3_bucket_analytics_configuration" "observed" {
  bucket = aws_s3_bucket.observed.id
  name   = "team"
  filter {
    prefix = "${var.team}/"
    tags   = { team = var.team }
  }
  storage_class_analysis {
    data_export {
      destination {
        s3_bucket_destination {
          bucket_arn = aws_s3_bucket.reports.arn
          prefix     = "analysis"
        }
      }
    }
  }
}

resource "aws_s3_bucket_analytics_configuration" "all" {
  bucket = aws_s3_bucket.observed.id
  name   = "all"
}

resource "aws_s3_bucket_metric" "observed" {
  bucket = aws_s3_bucket.observed.id
  name   = "team"
  filter {
    prefix = "${var.team}/"
    tags   = { team = var.team }
  }
}

resource "aws_s3_bucket_metric" "all" {
  bucket = aws_s3_bucket.observed.id
  name   = "all"
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "observed" {
  bucket = aws_s3_bucket.observed.id
  name   = "cold"
  filter { prefix = "${var.team}/" }
  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = 125
  }
  tiering {
    access_tier = "DEEP_ARCHIVE_ACCESS"
    days        = 180
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "observed" {
  bucket = aws_s3_bucket.observed.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}

# A bucket whose objects are kept.
resource "aws_s3_bucket" "kept" {
  bucket              = "tf-kept"
  force_destroy       = true
  object_lock_enabled = true
}

resource "aws_s3_bucket_object_lock_configuration" "kept" {
  bucket = aws_s3_bucket.kept.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = 3
    }
  }
}

resource "aws_s3_object_copy" "kept" {
  bucket        = aws_s3_bucket.kept.id
  key           = "copy"
  source        = "${aws_s3_bucket.site.id}/${aws_s3_object.index.key}"
  force_destroy = true
  depends_on    = [aws_s3_bucket_object_lock_configuration.kept]
}

resource "aws_s3_bucket_accelerate_configuration" "kept" {
  bucket = aws_s3_bucket.kept.id
  status = "Enabled"
}
