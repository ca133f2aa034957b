// SPDX-License-Identifier: Apache-2.0
/*
 * How the export of an analysis looks: a table of all days that were observed, by age group and in
 * that by date, the lines about everything at the end. Source: "Exported file layout" of "Amazon S3
 * analytics – Storage Class Analysis"; README.md says what is our reading of it. Pure; any thread.
 */
#include "base/text.h"
#include "base/time.h"
#include "services/s3/analytics.h"

#define WINDOW 30 /* days that ratios and ages are about */
#define MEGABYTE 1048576.0
#define FILE_MAX ((size_t)64 << 20) /* the oldest days are left out of a longer one */
#define LINE_MAX 320                /* of what is not the filter */

/* ---- days ----------------------------------------------------------------------------------- */

/* What was found about a class on a day, and in the month up to then. */
struct finding {
    uint64_t day;
    struct span class;
    struct s3_analytics_row totals[AGE_ALL + 1]; /* without AGE_ANY */
    double ratios[AGE_ALL + 1];
    int32_t age, advised; /* 0: none */
};

static bool is_standard(struct span class)
{
    return span_eq(class, S("STANDARD"));
}

static void add_use(const struct s3_analytics_day *day, struct span class, size_t days,
                    struct age_use use[AGE_KINDS])
{
    for (size_t i = 0; i < day->rows.count; i++) {
        const struct s3_analytics_row *row = &day->rows.at[i];
        if (!span_eq(row->class, class))
            continue;
        use[row->group].stored += (double)row->stored / (double)days;
        use[row->group].retrieved += (double)row->retrieved;
    }
}

/* Of the month that ends with the last of `count` days. */
static void judge(const struct s3_analytics_day *days, size_t count, struct finding *finding)
{
    struct age_use use[AGE_KINDS] = {{.stored = 0}};
    size_t first = count > WINDOW ? count - WINDOW : 0;
    for (size_t i = first; i < count; i++)
        add_use(&days[i], finding->class, count - first, use);
    for (size_t group = 0; group < AGE_GROUPS; group++)
        finding->ratios[group] = age_access_ratio(&use[group], AGE_GROUPS - group);
    finding->ratios[AGE_ALL] = age_access_ratio(use, AGE_KINDS);
    finding->age = is_standard(finding->class) ? age_for_transition(use) : 0;
}

static void sum(const struct s3_analytics_day *day, struct finding *finding)
{
    for (size_t i = 0; i < day->rows.count; i++) {
        const struct s3_analytics_row *row = &day->rows.at[i];
        if (!span_eq(row->class, finding->class))
            continue;
        analytics_add(&finding->totals[AGE_ALL], row);
        if (row->group != AGE_ANY)
            analytics_add(&finding->totals[row->group], row);
    }
}

/* STANDARD first, then the others as they are met. */
static struct s3_analytics_row_list classes_of(struct call *c,
                                               const struct analytics_history *history)
{
    struct s3_analytics_row_list classes = {.count = 0};
    analytics_row(c->arena, &classes, S("STANDARD"), AGE_ALL);
    for (size_t i = 0; i < history->count; i++)
        for (size_t j = 0; j < history->days[i].rows.count; j++)
            analytics_row(c->arena, &classes, history->days[i].rows.at[j].class, AGE_ALL);
    return classes;
}

static bool has_class(const struct s3_analytics_day *day, struct span class)
{
    for (size_t i = 0; i < day->rows.count; i++)
        if (span_eq(day->rows.at[i].class, class))
            return true;
    return false;
}

struct findings {
    struct finding *at;
    size_t count;
};

/* Of every day, and of every class of which there was something; STANDARD is always there. */
static struct findings find(struct call *c, const struct analytics_history *history)
{
    struct s3_analytics_row_list classes = classes_of(c, history);
    struct findings out = {
        .at = ARENA_ARRAY(c->arena, struct finding, classes.count * history->count)};
    int32_t *ages = ARENA_ARRAY(c->arena, int32_t, history->count);
    for (size_t i = 0; i < history->count; i++) {
        const struct s3_analytics_day *day = &history->days[i];
        for (size_t j = 0; j < classes.count; j++) {
            struct finding *finding = &out.at[out.count];
            *finding = (struct finding){.day = day->day, .class = classes.at[j].class};
            if (!is_standard(finding->class) && !has_class(day, finding->class))
                continue;
            sum(day, finding);
            judge(history->days, i + 1, finding);
            if (is_standard(finding->class)) {
                ages[i] = finding->age;
                finding->advised = age_advised(ages, i + 1);
            }
            out.count++;
        }
    }
    return out;
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The parts of the filter, coded like those of a query. */
static struct span filter_value(struct call *c, const struct s3_analytics_configuration *wish)
{
    struct filter filter;
    if (!wish->filter || analytics_filter(c, wish, &filter) != OK)
        return S("");
    struct buf *text = arena_buf(c->arena, FILE_MAX);
    const char *before = "";
    if (!span_is_absent(filter.prefix)) {
        buf_append(text, S("prefix="));
        uri_append(text, filter.prefix, URI_SLASH_KEPT);
        before = "&";
    }
    for (size_t i = 0; i < filter.tags.count; i++) {
        buf_printf(text, "%stag:", before);
        uri_append(text, filter.tags.at[i].key, URI_SLASH_KEPT);
        buf_append(text, S("="));
        uri_append(text, filter.tags.at[i].value, URI_SLASH_KEPT);
        before = "&";
    }
    return buf_span(text);
}

static void print_age(struct buf *out, int32_t age)
{
    buf_append(out, S(","));
    if (age)
        buf_append_i64(out, age);
}

static void print_ratio(struct buf *out, double ratio)
{
    if (ratio < 0)
        buf_append(out, S(","));
    else
        buf_printf(out, ",%.6f", ratio);
}

static void print_line(struct buf *out, struct span before, const struct finding *finding,
                       enum AGE age)
{
    const struct s3_analytics_row *total = &finding->totals[age];
    struct civil at = time_civil((int64_t)finding->day * DAY_MS);
    buf_printf(out, "%02d-%02d-%04d,%.*s,%.*s,%.*s,%llu,%.6f,%.6f,%.6f,%llu", at.month, at.day,
               at.year, SPAN_ARG(before), SPAN_ARG(finding->class), SPAN_ARG(age_name(age)),
               (unsigned long long)total->objects, (double)total->uploaded / MEGABYTE,
               (double)total->stored / MEGABYTE, (double)total->retrieved / MEGABYTE,
               (unsigned long long)total->gets);
    print_ratio(out, finding->ratios[age]);
    print_age(out, age == AGE_ALL ? finding->age : 0);
    print_age(out, age == AGE_ALL ? finding->advised : 0);
    buf_append(out, S("\n"));
}

/* ---- the file ------------------------------------------------------------------------------- */

struct span analytics_file(struct call *c, const struct s3_analytics_configuration *wish,
                           const struct analytics_history *history)
{
    struct buf *out = arena_buf(c->arena, FILE_MAX);
    struct span filter = filter_value(c, wish);
    struct span before = arena_printf(c->arena, "%.*s,%.*s", SPAN_ARG(wish->id), SPAN_ARG(filter));
    struct findings findings = find(c, history);
    size_t most = FILE_MAX / ((AGE_ALL + 1) * (LINE_MAX + filter.len));
    size_t first = findings.count > most ? findings.count - most : 0;
    buf_append(out, S("Date,ConfigId,Filter,StorageClass,ObjectAge,ObjectCount,DataUploaded_MB,"
                      "Storage_MB,DataRetrieved_MB,GetRequestCount,CumulativeAccessRatio,"
                      "ObjectAgeForSIATransition,RecommendedObjectAgeForSIATransition\n"));
    for (enum AGE age = 0; age <= AGE_ALL; age++)
        for (size_t i = first; age != AGE_ANY && i < findings.count; i++)
            print_line(out, before, &findings.at[i], age);
    return buf_span(out);
}

struct span analytics_file_key(struct call *c, const struct s3_bucket_record *bucket,
                               const struct s3_analytics_configuration *wish)
{
    struct span prefix =
        wish->storage_class_analysis->data_export->destination->s3_bucket_destination->prefix;
    return arena_printf(c->arena, "%.*s%s%.*s/%.*s.csv", SPAN_ARG(prefix), prefix.len ? "/" : "",
                        SPAN_ARG(bucket->name), SPAN_ARG(wish->id));
}
