// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tags as S3 Control takes them, with words of its own for what is wrong. Pure. */
#include "services/s3/s3.h"
#include "services/s3control/s3control.api.h"

/* MalformedXML, InvalidTag. */
RESULT tag_read_list(struct call *c, const struct s3control_tag_list *list,
                     struct s3_pair_list *out);
