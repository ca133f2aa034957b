// SPDX-License-Identifier: Apache-2.0
/* Opening versions for what is said about them. Any thread. */
#include "services/s3/subject.h"

RESULT subject_open(struct call *c, struct place_name bucket, struct object_name name,
                    struct subject *out)
{
    out->name = name;
    TRY(place_check_key(c, name.key));
    TRY(version_check(c, name.version_id));
    return place_open_locked(c, bucket, &out->name.key, 1, &out->place);
}

RESULT subject_find(struct call *c, struct place_name bucket, struct object_name name,
                    struct subject *out)
{
    TRY(subject_open(c, bucket, name, out));
    return object_need_subject(c, &out->place, &out->name, &out->found);
}

void subject_write(struct call *c, const struct subject *subject)
{
    object_set_attributes(&subject->place.index, subject->name.key, &subject->found.object,
                          attributes_encode(c, &subject->found.attributes));
}
