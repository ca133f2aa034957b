// SPDX-License-Identifier: Apache-2.0
/* XML bodies into a model that recurses. */
#include "wire_fuzz.h"

#include "sample_rest_xml.api.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_request(&sample_rest_xml_service, span_of(bytes, len));
    return 0;
}
