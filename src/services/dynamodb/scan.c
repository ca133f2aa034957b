// SPDX-License-Identifier: Apache-2.0
/* Scan: all of a table or index, or one of several even shares of its hashes. Loop threads. */
#include "services/dynamodb/item.h"
#include "services/dynamodb/page.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/terms.h"

static RESULT check_numbers(struct call *c, const struct dynamodb_scan_in *in)
{
    const struct parameter_number numbers[] = {
        {"Limit", in->has.limit, in->limit, 1},
        {"Segment", in->has.segment, in->segment, 0},
        {"TotalSegments", in->has.total_segments, in->total_segments, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        TRY(parameter_check_number(c, &numbers[i]));
    return OK;
}

static RESULT check_segments(struct call *c, const struct dynamodb_scan_in *in)
{
    TRY(check_numbers(c, in));
    if (in->has.segment && !in->has.total_segments)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The TotalSegments parameter is required but was not present in the request "
                      "when Segment parameter is present");
    if (in->has.total_segments && !in->has.segment)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The Segment parameter is required but was not present in the request when "
                      "parameter TotalSegments is present");
    if (in->has.segment && in->segment >= in->total_segments)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The Segment parameter is zero-based and must be less than parameter "
                      "TotalSegments");
    return OK;
}

static RESULT read_terms(struct call *c, const struct dynamodb_scan_in *in, struct terms *ret)
{
    const struct parameter expressions[] = {
        PARAMETER(in, projection_expression, "ProjectionExpression"),
        PARAMETER(in, filter_expression, "FilterExpression"),
        {NULL}};
    const struct parameter others[] = {PARAMETER(in, attributes_to_get, "AttributesToGet"),
                                       PARAMETER(in, scan_filter, "ScanFilter"),
                                       PARAMETER(in, conditional_operator, "ConditionalOperator"),
                                       {NULL}};
    const struct parameter_set set = {.expressions = expressions,
                                      .others = others,
                                      .valued = expressions + 1,
                                      .names = in->expression_attribute_names.at != NULL,
                                      .values = in->expression_attribute_values.at != NULL};
    return terms_read(
        c, &(struct terms_wish){.parameters = &set, .conditions = &in->scan_filter, TERMS_OF(in)},
        ret);
}

static RESULT check_start(struct call *c, const struct dynamodb_scan_in *in,
                          const struct source *source, const struct kv_range *range)
{
    if (!range->after)
        return OK;
    TRY(source_check_start(c, source, range->after));
    if (kv_range_has(range, range->after))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
                  "ExclusiveStartKey with correct Segment. TotalSegments: %d Segment: %d",
                  in->total_segments, in->segment);
}

RESULT dynamodb_scan(struct call *c, const struct dynamodb_scan_in *in,
                     struct dynamodb_scan_out *out)
{
    struct terms terms;
    struct source source;
    struct page_wish wish = {.source = &source, .filter = &terms.filter};
    struct page page;
    TRY(reference_require_index(c, S("dynamodb:Scan"), in->table_name, in->index_name));
    TRY(check_segments(c, in));
    TRY(read_terms(c, in, &terms));
    TRY(source_open(c, in->table_name, in->index_name, &source));
    TRY(source_check_index(c, &source, &terms.select, &wish.fetch));
    struct kv_range range = {.table = source.table,
                             .index = source.index,
                             .segment = (uint32_t)in->segment,
                             .segments = (uint32_t)in->total_segments,
                             .after = terms.has_start ? &terms.start : NULL};
    TRY(check_start(c, in, &source, &range));
    TRY(item_check_key_paths(c, source.table, &terms.projection));
    TRY(item_check_key_paths(c, source.table, &terms.filter));

    wish.range = &range;
    wish.projection = &terms.projection;
    wish.limit = in->has.limit ? (size_t)in->limit : 0;
    wish.count = span_eq(in->select, S("COUNT"));
    wish.consistent = in->consistent_read;
    TRY(page_read(c, &wish, &page));
    if (!wish.count)
        out->items = page_items(c, &page);
    SET(out, count, (int32_t)page.count);
    SET(out, scanned_count, (int32_t)page.scanned);
    if (page.last.count)
        out->last_evaluated_key = source_last(c, &source, &page.last);
    out->consumed_capacity = page_capacity(c, in->return_consumed_capacity, &wish, &page);
    return OK;
}
