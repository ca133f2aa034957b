// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Every service that this program knows, built or not. The one place where they are all named. */
#include "wire/shape.h"

const struct service *const *catalog(size_t *ret_count);
