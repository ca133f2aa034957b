// SPDX-License-Identifier: Apache-2.0
/*
 * ImportTable, DescribeImport, ListImports. An import makes its table like CreateTable, which stays
 * CREATING until import_step.c has brought everything into it. Control thread.
 */
#include "services/dynamodb/import.h"

#include "base/id.h"
#include "base/time.h"
#include "services/dynamodb/backup.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/vector.h"

#include <errno.h>

#define TOKEN_MS (8 * HOUR_MS)
#define LIST_MAX 25
#define ID_DIGITS 8
#define NEXT_MIN                                                                                   \
    56 /* bytes of a NextToken: two digits for each, at least 112, and 16 at a time                \
        */

struct span import_arn(struct call *c, const struct dynamodb_import_record *import)
{
    return arena_printf(c->arena, "%.*s/import/%.*s", SPAN_ARG(reference_arn(c, import->table)),
                        SPAN_ARG(import->id));
}

/* ---- ImportTable ---------------------------------------------------------------------------- */

static RESULT check_format(struct call *c, const struct dynamodb_import_table_in *in)
{
    bool csv = span_eq(in->input_format, S("CSV"));
    if (in->input_format_options && in->input_format_options->csv && !csv)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "InputFormatOptions can only be specified when InputFormat is CSV");
    return OK;
}

/* What must be the same when a token is used again. */
static struct span asked_of(struct call *c, const struct dynamodb_import_table_in *in)
{
    const struct dynamodb_s3_bucket_source *source = in->s3_bucket_source;
    return arena_printf(c->arena, "%.*s %.*s %.*s %.*s %.*s %.*s", SPAN_ARG(source->s3_bucket),
                        SPAN_ARG(source->s3_bucket_owner), SPAN_ARG(source->s3_key_prefix),
                        SPAN_ARG(in->input_format), SPAN_ARG(in->input_compression_type),
                        SPAN_ARG(in->table_creation_parameters->table_name));
}

struct search {
    struct span token;
    int64_t now_ms;
    struct dynamodb_import_record *found;
};

static int take_same_token(void *user, struct dynamodb_import_record *import)
{
    struct search *search = user;
    if (!span_eq(import->token, search->token) || import->started + TOKEN_MS <= search->now_ms)
        return 0;
    *search->found = *import;
    return 1;
}

static RESULT look_for_token(struct call *c, const struct dynamodb_import_table_in *in,
                             struct dynamodb_import_record *ret)
{
    struct search search = {in->client_token, c->now_ms, ret};
    struct dynamodb_import_record from = {.account = c->account, .region = c->region};
    *ret = (struct dynamodb_import_record){.state = 0};
    if (span_is_absent(in->client_token))
        return OK;
    int error = dynamodb_import_record_each(c->txn, &from, 2, c->arena, take_same_token, &search);
    if (error < 0)
        return refuse_errno(c, error, "looking for a token");
    if (ret->state && !span_eq(ret->asked, asked_of(c, in)))
        return refuse(c, &DYNAMODB_IMPORT_CONFLICT_EXCEPTION,
                      "An import with the same client token but other parameters was requested "
                      "before");
    return OK;
}

/* The table as CreateTable makes it, marked as one that is filled. */
static RESULT make_table(struct call *c, const struct dynamodb_import_table_in *in,
                         struct dynamodb_table *ret)
{
    const struct dynamodb_table_creation_parameters *wanted = in->table_creation_parameters;
    struct dynamodb_create_table_out *made = ARENA_NEW(c->arena, struct dynamodb_create_table_out);
    struct dynamodb_create_table_in *create = ARENA_NEW(c->arena, struct dynamodb_create_table_in);
    *create = (struct dynamodb_create_table_in){
        .table_name = wanted->table_name,
        .attribute_definitions = wanted->attribute_definitions,
        .key_schema = wanted->key_schema,
        .billing_mode = wanted->billing_mode,
        .provisioned_throughput = wanted->provisioned_throughput,
        .on_demand_throughput = wanted->on_demand_throughput,
        .sse_specification = wanted->sse_specification,
        .global_secondary_indexes = wanted->global_secondary_indexes,
        .vector_indexes = wanted->vector_indexes,
    };
    TRY(dynamodb_create_table(c, create, made));
    TRY(reference_table(c, wanted->table_name, ret));
    ret->importing = true;
    dynamodb_table_put(c->txn, ret);
    return OK;
}

static void take_options(const struct dynamodb_import_table_in *in,
                         struct dynamodb_import_record *import)
{
    const struct dynamodb_csv_options *csv =
        in->input_format_options ? in->input_format_options->csv : NULL;
    if (!csv)
        return;
    import->delimiter = csv->delimiter;
    import->headers = (struct record_texts){csv->header_list.at, csv->header_list.count};
}

static struct dynamodb_import_table_description *show(struct call *c,
                                                      const struct dynamodb_import_record *import);

RESULT dynamodb_import_table(struct call *c, const struct dynamodb_import_table_in *in,
                             struct dynamodb_import_table_out *out)
{
    struct dynamodb_table table;
    struct dynamodb_import_record import;
    TRY(reference_require(c, S("dynamodb:ImportTable"), in->table_creation_parameters->table_name));
    TRY(check_format(c, in));
    TRY(look_for_token(c, in, &import));
    if (!import.state) {
        TRY(make_table(c, in, &table));
        struct span prefix = arena_printf(c->arena, "%014lld-", (long long)c->now_ms);
        import = (struct dynamodb_import_record){
            .account = table.account,
            .region = table.region,
            .table = table.name,
            .id = id_hex(c->arena, prefix, ID_DIGITS),
            .state = TRANSFER_RUNNING,
            .started = c->now_ms,
            .bucket = in->s3_bucket_source->s3_bucket,
            .owner = in->s3_bucket_source->s3_bucket_owner,
            .prefix = in->s3_bucket_source->s3_key_prefix,
            .format = in->input_format,
            .packing = in->input_compression_type.at ? in->input_compression_type : S("NONE"),
            .token = in->client_token,
            .asked = asked_of(c, in),
            .access_key = transfer_key_of_caller(c),
            .object_done = true,
            .of = backup_blueprint(c->arena, &table),
        };
        take_options(in, &import);
        dynamodb_import_record_put(c->txn, &import);
    }
    out->import_table_description = show(c, &import);
    return OK;
}

/* ---- telling -------------------------------------------------------------------------------- */

static struct span state_name(uint64_t state)
{
    static const struct span names[] = {
        [TRANSFER_RUNNING] = S_INIT("IN_PROGRESS"),
        [TRANSFER_ENDING] = S_INIT("IN_PROGRESS"),
        [TRANSFER_COMPLETED] = S_INIT("COMPLETED"),
        [TRANSFER_FAILED] = S_INIT("FAILED"),
    };
    return names[state];
}

static struct dynamodb_s3_bucket_source *show_source(struct call *c,
                                                     const struct dynamodb_import_record *import)
{
    struct dynamodb_s3_bucket_source *to = ARENA_NEW(c->arena, struct dynamodb_s3_bucket_source);
    to->s3_bucket = import->bucket;
    to->s3_bucket_owner = import->owner;
    to->s3_key_prefix = import->prefix;
    return to;
}

static struct dynamodb_provisioned_throughput *show_units(struct call *c, uint64_t reads,
                                                          uint64_t writes)
{
    struct dynamodb_provisioned_throughput *units =
        ARENA_NEW(c->arena, struct dynamodb_provisioned_throughput);
    units->read_capacity_units = (int64_t)reads;
    units->write_capacity_units = (int64_t)writes;
    return reads ? units : NULL;
}

static void show_vectors(struct call *c, const struct dynamodb_blueprint *of,
                         struct dynamodb_table_creation_parameters *to)
{
    if (!of->vectors.count)
        return;
    to->vector_indexes.count = of->vectors.count;
    to->vector_indexes.at = ARENA_ARRAY(c->arena, struct dynamodb_vector_index, of->vectors.count);
    for (size_t i = 0; i < of->vectors.count; i++)
        VECTOR_SHOW(c, &of->vectors.at[i], &to->vector_indexes.at[i]);
}

static struct dynamodb_table_creation_parameters *
show_table(struct call *c, const struct dynamodb_import_record *import)
{
    const struct dynamodb_blueprint *of = import->of;
    struct dynamodb_table_creation_parameters *to =
        ARENA_NEW(c->arena, struct dynamodb_table_creation_parameters);
    to->table_name = import->table;
    to->key_schema = table_key_schema(c, of->hash_name, of->range_name);
    to->billing_mode = of->on_demand ? S("PAY_PER_REQUEST") : S("PROVISIONED");
    to->provisioned_throughput = show_units(c, of->read_units, of->write_units);
    show_vectors(c, of, to);
    to->attribute_definitions.count = of->attributes.count;
    to->attribute_definitions.at =
        ARENA_ARRAY(c->arena, struct dynamodb_attribute_definition, of->attributes.count);
    for (size_t i = 0; i < of->attributes.count; i++)
        to->attribute_definitions.at[i] = (struct dynamodb_attribute_definition){
            of->attributes.at[i].name, of->attributes.at[i].type};
    if (of->indexes.count)
        to->global_secondary_indexes.at =
            ARENA_ARRAY(c->arena, struct dynamodb_global_secondary_index, of->indexes.count);
    for (size_t i = 0; i < of->indexes.count; i++) {
        const struct dynamodb_table_index *index = &of->indexes.at[i];
        struct dynamodb_global_secondary_index *shown =
            &to->global_secondary_indexes.at[to->global_secondary_indexes.count++];
        shown->index_name = index->name;
        shown->key_schema = index_keys(c, index);
        shown->projection = index_projection(c, index);
        shown->provisioned_throughput = show_units(c, index->read_units, index->write_units);
    }
    return to;
}

static struct dynamodb_input_format_options *
show_options(struct call *c, const struct dynamodb_import_record *import)
{
    if (!import->delimiter.at && !import->headers.count)
        return NULL;
    struct dynamodb_input_format_options *to =
        ARENA_NEW(c->arena, struct dynamodb_input_format_options);
    to->csv = ARENA_NEW(c->arena, struct dynamodb_csv_options);
    to->csv->delimiter = import->delimiter;
    if (import->headers.count) {
        to->csv->header_list.at = import->headers.at;
        to->csv->header_list.count = import->headers.count;
    }
    return to;
}

static struct dynamodb_import_table_description *show(struct call *c,
                                                      const struct dynamodb_import_record *import)
{
    struct dynamodb_import_table_description *to =
        ARENA_NEW(c->arena, struct dynamodb_import_table_description);
    to->import_arn = import_arn(c, import);
    to->import_status = state_name(import->state);
    to->table_arn = reference_arn(c, import->table);
    to->table_id = import->of->id;
    to->client_token = import->token;
    to->s3_bucket_source = show_source(c, import);
    to->input_format = import->format;
    to->input_format_options = show_options(c, import);
    to->input_compression_type = import->packing;
    to->table_creation_parameters = show_table(c, import);
    SET(to, start_time, import->started);
    SET(to, error_count, (int64_t)import->errors);
    SET(to, processed_size_bytes, (int64_t)import->bytes);
    SET(to, processed_item_count, (int64_t)import->processed);
    SET(to, imported_item_count, (int64_t)import->imported);
    if (import->ended)
        SET(to, end_time, import->ended);
    to->failure_code = import->failure_code;
    to->failure_message = import->failure;
    return to;
}

static bool read_arn(struct call *c, struct span arn, struct dynamodb_import_record *ret)
{
    struct span prefix = reference_arn(c, S("")), rest = span_from(arn, prefix.len);
    *ret = (struct dynamodb_import_record){.account = c->account, .region = c->region};
    ret->table = span_cut(&rest, '/');
    bool good = span_starts(arn, prefix) && ret->table.len;
    good &= span_eq(span_cut(&rest, '/'), S("import"));
    ret->id = rest;
    return good && rest.len;
}

RESULT dynamodb_describe_import(struct call *c, const struct dynamodb_describe_import_in *in,
                                struct dynamodb_describe_import_out *out)
{
    struct dynamodb_import_record import;
    int error = -ENOENT;
    if (read_arn(c, in->import_arn, &import))
        error = dynamodb_import_record_get(c->txn, c->arena, &import);
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_IMPORT_NOT_FOUND_EXCEPTION, "Import not found: %.*s",
                      SPAN_ARG(in->import_arn));
    if (error < 0)
        return refuse_errno(c, error, "reading an import's record");
    out->import_table_description = show(c, &import);
    return OK;
}

struct listing {
    struct call *c;
    struct dynamodb_import_record after; /* not itself */
    struct dynamodb_import_summary_list found;
    size_t limit;
    bool more;
};

static int take_import(void *user, struct dynamodb_import_record *import)
{
    struct listing *listing = user;
    if (span_eq(import->table, listing->after.table) && span_eq(import->id, listing->after.id))
        return 0;
    if (listing->found.count == listing->limit) {
        listing->more = true;
        return 1;
    }
    struct dynamodb_import_summary *to = &listing->found.at[listing->found.count++];
    to->import_arn = import_arn(listing->c, import);
    to->import_status = state_name(import->state);
    to->table_arn = reference_arn(listing->c, import->table);
    to->s3_bucket_source = show_source(listing->c, import);
    to->input_format = import->format;
    SET(to, start_time, import->started);
    if (import->ended)
        SET(to, end_time, import->ended);
    return 0;
}

RESULT dynamodb_list_imports(struct call *c, const struct dynamodb_list_imports_in *in,
                             struct dynamodb_list_imports_out *out)
{
    struct span after;
    struct listing listing = {
        .c = c,
        .after = {.account = c->account, .region = c->region},
        .found.at = ARENA_ARRAY(c->arena, struct dynamodb_import_summary, LIST_MAX),
        .limit = in->has.page_size ? (size_t)in->page_size : LIST_MAX,
    };
    if (in->next_token.at &&
        (!transfer_read_token(c, in->next_token, &after) || !read_arn(c, after, &listing.after)))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid NextToken");
    if (in->table_arn.at)
        TRY(reference_read(c, in->table_arn, &listing.after.table));
    int error = dynamodb_import_record_each(c->txn, &listing.after, in->table_arn.at ? 3 : 2,
                                            c->arena, take_import, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing imports");
    out->import_summary_list = listing.found;
    if (listing.more)
        out->next_token =
            transfer_token_of(c, listing.found.at[listing.found.count - 1].import_arn, NEXT_MIN);
    return OK;
}
