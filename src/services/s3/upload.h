// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Multipart uploads as the handlers of several files meet them. */
#include "services/s3/object.h"

struct upload {
    struct assembly assembly;
    struct s3_attributes attributes;
    struct checksum checksum; /* algorithm and type asked for when it was begun, or CHECKSUM_NONE */
};

#define UPLOAD_PART_MIN 5242880ULL /* bytes of every part but the last */

/* NoSuchUpload when there is none. The key's lock is held when it is going to be changed. */
RESULT upload_need(struct call *c, const struct place *place, struct span key, struct span id,
                   struct upload *out);
/* False when the text is no id of an upload. */
bool upload_id_read(struct call *c, struct span text, struct assembly_id *out);
struct span upload_id_text(struct call *c, const struct assembly_id *id);
RESULT upload_refuse_missing(struct call *c, struct span id);
RESULT upload_check_part_number(struct call *c, int32_t number);
/* What every part is digested with: the upload's algorithm, or CRC64NVME for the whole object. */
enum CHECKSUM upload_algorithm(const struct upload *upload);
/* The part of that number becomes this content. */
struct upload_part {
    uint32_t number;
    struct span etag;     /* 16 bytes */
    struct span checksum; /* of upload_algorithm */
    struct content content;
};
RESULT upload_put_part(struct call *c, const struct place *place, const struct upload *upload,
                       const struct upload_part *part);
