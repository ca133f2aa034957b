// SPDX-License-Identifier: Apache-2.0
/* CBOR bodies into a model that recurses. */
#include "wire_fuzz.h"

#include "sample_cbor.api.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_request(&sample_cbor_service, span_of(bytes, len));
    return 0;
}
