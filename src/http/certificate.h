// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The self-signed certificate of a server that was given none. */
#include "base/span.h"

/* Makes key and certificate (see tls.h) and writes them; `names` as there. Negative errno. */
MUST_CHECK int certificate_make(const char *certificate_path, const char *key_path,
                                const struct span *names, size_t name_count);
