// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Configurations of S3 Intelligent-Tiering, as they are kept. Private to this folder. */
#include "services/s3/configuration.h"

extern const struct configuration_kind tiering_kind;
