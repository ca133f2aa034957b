// SPDX-License-Identifier: Apache-2.0
/*
 * StartStreamEncryption and StopStreamEncryption. There is no KMS yet, so the one key is what every
 * account has from the beginning: alias/aws/kinesis. What is put once the stream is ACTIVE again is
 * sealed by the engine; what is there stays as it is. Texts of keys that are not there: KMS's own,
 * as recorded. Control thread.
 */
#include "services/kinesis/stream.h"

#define OWN_ALIAS "alias/aws/kinesis"
#define CHANGES_A_DAY 25

static bool is_uuid(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text.at[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return text.len == 36;
}

/* What KMS says to a key that it does not have. */
static struct span not_found(struct call *c, struct span key, struct span here)
{
    if (span_starts(key, S("alias/")))
        return arena_printf(c->arena, "Alias %.*s%.*s is not found.", SPAN_ARG(here),
                            SPAN_ARG(key));
    if (is_uuid(key))
        return arena_printf(c->arena, "Key '%.*skey/%.*s' does not exist", SPAN_ARG(here),
                            SPAN_ARG(key));
    if (span_starts(key, here) && span_starts(span_from(key, here.len), S("alias/")))
        return arena_printf(c->arena, "Alias %.*s is not found.", SPAN_ARG(key));
    if (span_starts(key, here))
        return arena_printf(c->arena, "Key '%.*s' does not exist", SPAN_ARG(key));
    if (span_starts(key, S("arn:")))
        return arena_printf(c->arena, "Invalid arn %.*s", SPAN_ARG(c->region));
    return arena_printf(c->arena, "Invalid keyId '%.*s'", SPAN_ARG(key));
}

static RESULT check_key(struct call *c, struct span key)
{
    struct span here =
        arena_printf(c->arena, "arn:aws:kms:%.*s:%.*s:", SPAN_ARG(c->region), SPAN_ARG(c->account));
    bool own = span_starts(key, here) && span_eq(span_from(key, here.len), S(OWN_ALIAS));
    if (own || span_eq(key, S(OWN_ALIAS)))
        return OK;
    return refuse(c, &KINESIS_KMS_NOT_FOUND_EXCEPTION, "%.*s", SPAN_ARG(not_found(c, key, here)));
}

/* "The only valid value is KMS." */
static RESULT check_type(struct call *c, struct span type)
{
    if (span_eq(type, S("KMS")))
        return OK;
    return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                  "Invalid EncryptionType: %.*s. The only valid value is KMS.", SPAN_ARG(type));
}

/* "You cannot use the Amazon Kinesis Data Streams service key", and nobody has another. */
RESULT encryption_refuse_key(struct call *c, struct span key)
{
    TRY(check_key(c, key));
    return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                  "The service key aws/kinesis cannot be used for channels.");
}

static RESULT note(struct call *c, struct record_numbers *times, const char *operation)
{
    if (stream_note(c, times, CHANGES_A_DAY))
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "You can call %s at most %d times per rolling 24-hour period per stream.",
                  operation, CHANGES_A_DAY);
}

RESULT kinesis_start_stream_encryption(struct call *c,
                                       const struct kinesis_start_stream_encryption_in *in,
                                       struct kinesis_start_stream_encryption_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET(in), &stream));
    TRY(check_type(c, in->encryption_type));
    TRY(check_key(c, in->key_id));
    TRY(note(c, &stream.sealed_at, "StartStreamEncryption"));
    stream.key_id = in->key_id;
    stream.state = STREAM_UPDATING;
    step_put_stream(c, &stream);
    return OK;
}

RESULT kinesis_stop_stream_encryption(struct call *c,
                                      const struct kinesis_stop_stream_encryption_in *in,
                                      struct kinesis_stop_stream_encryption_out *out)
{
    struct kinesis_stream stream;
    TRY(target_active(c, TARGET(in), &stream));
    TRY(check_type(c, in->encryption_type));
    if (!span_eq(stream.key_id, in->key_id))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Stream %.*s under account %.*s is not encrypted with the key %.*s.",
                      SPAN_ARG(stream.name), SPAN_ARG(stream.account), SPAN_ARG(in->key_id));
    TRY(note(c, &stream.unsealed_at, "StopStreamEncryption"));
    stream.key_id = S("");
    stream.state = STREAM_UPDATING;
    step_put_stream(c, &stream);
    return OK;
}
