// SPDX-License-Identifier: Apache-2.0
/*
 * XML into structs (rest-xml), event by event from expat onto a bounded stack of frames; no tree is
 * built. A document type declaration is refused before anything in it counts, so there are no
 * entities to expand. S3 refuses elements that it does not know, other services pass over them.
 * Prefixes of element names are dropped. Source: "AWS restXml protocol" (Smithy). One thread per
 * request.
 */
#include "base/time.h"
#include "wire/growing.h"
#include "wire/scalar.h"

#include <expat.h>

#define MAX_FRAMES (2 * DECODER_MAX_DEPTH)

enum FRAME {
    FRAME_STRUCTURE, /* children are members */
    FRAME_LIST,      /* children are elements */
    FRAME_MAP,       /* children are entries */
    FRAME_ENTRY,     /* children are a key and a value */
    FRAME_TEXT,      /* a scalar, string or blob */
    FRAME_SKIP,      /* nobody asked for it */
};

struct frame {
    enum FRAME what;
    const struct shape *shape; /* ENTRY: the map's */
    void *to;
    unsigned hint, set; /* STRUCTURE: where the look-up goes on; members that came */
    uint8_t time_format;
    bool only_body; /* STRUCTURE: members of other locations are not taken */
};

struct xml_decoder {
    struct decoder *d;
    XML_Parser parser;
    const struct refusal *refusal;
    struct span root;
    bool strict;
    struct buf text; /* of the innermost element */
    size_t open;
    struct frame frames[MAX_FRAMES];
};

static void stop(struct xml_decoder *x, const struct refusal *refusal)
{
    if (!x->refusal)
        x->refusal = refusal;
    XML_StopParser(x->parser, XML_FALSE);
}

static RESULT malformed(struct xml_decoder *x)
{
    return decoder_malformed(x->d, "The XML is malformed");
}

static struct span local_name(const char *name)
{
    struct span all = span_of_cstr(name);
    size_t colon = span_find_byte(all, ':');
    return colon == SPAN_NOT_FOUND ? all : span_from(all, colon + 1);
}

static RESULT read_text(struct xml_decoder *x, const struct shape *shape, uint8_t time_format,
                        struct span text, void *to)
{
    if (shape->kind == KIND_STRING || shape->kind == KIND_DOCUMENT) {
        *(struct span *)to = text.len ? arena_copy(x->d->c->arena, text) : S("");
        return OK;
    }
    enum TIME_FORMAT format = time_format_of(shape, time_format, TIME_ISO8601);
    while (text.len && strchr(" \t\r\n", text.at[0]))
        text = span_from(text, 1);
    while (text.len && strchr(" \t\r\n", text.at[text.len - 1]))
        text.len--;
    if (!text.at)
        text = S("");
    return scalar_read(x->d->c->arena, shape->kind, format, text, to) ? OK : malformed(x);
}

static RESULT read_attributes(struct xml_decoder *x, struct frame *frame, const char **attributes)
{
    const struct service *service = x->d->service;
    const struct field *field = first_field(service, frame->shape);
    for (unsigned i = 0; i < frame->shape->field_count; i++, field++) {
        if (!(field->flags & FIELD_ATTRIBUTE))
            continue;
        struct span wire = service_text(service, field->wire);
        for (const char **at = attributes; *at; at += 2) {
            if (!span_eq(span_of_cstr(at[0]), wire))
                continue;
            const struct shape *member = shape_at(service, field->shape);
            slot_mark(field, frame->to);
            TRY(read_text(x, member, field->time_format, span_of_cstr(at[1]),
                          struct_at(frame->to, field->offset, void)));
        }
    }
    return OK;
}

static RESULT push(struct xml_decoder *x, struct frame frame)
{
    if (x->open == MAX_FRAMES)
        return malformed(x);
    x->frames[x->open++] = frame;
    buf_clear(&x->text);
    return OK;
}

static RESULT push_value(struct xml_decoder *x, const struct shape *shape, uint8_t time_format,
                         void *to, const char **attributes)
{
    struct frame frame = {.shape = shape, .to = to, .time_format = time_format};
    switch ((int)shape->kind) {
    case KIND_STRUCTURE:
        frame.what = FRAME_STRUCTURE;
        TRY(read_attributes(x, &frame, attributes));
        break;
    case KIND_LIST:
    case KIND_MAP:
        frame.what = shape->kind == KIND_LIST ? FRAME_LIST : FRAME_MAP;
        *(struct any_list *)to = growing_done(x->d, &(struct growing){0});
        break;
    default:
        frame.what = FRAME_TEXT;
        break;
    }
    return push(x, frame);
}

/* One more element of the list or map at `to`. */
static RESULT add_element(struct xml_decoder *x, const struct shape *shape, struct any_list *to,
                          void **out)
{
    struct growing array = growing_resume(*to, shape->size);
    TRY(growing_add(x->d, &array, out));
    *to = growing_done(x->d, &array);
    return OK;
}

static RESULT push_element(struct xml_decoder *x, const struct shape *list, void *to,
                           const char **attributes)
{
    void *element;
    TRY(add_element(x, list, to, &element));
    return push_value(x, shape_at(x->d->service, list->member), TIME_DEFAULT, element, attributes);
}

static RESULT push_entry(struct xml_decoder *x, const struct shape *map, void *to)
{
    void *entry;
    TRY(add_element(x, map, to, &entry));
    return push(x, (struct frame){.what = FRAME_ENTRY, .shape = map, .to = entry});
}

static RESULT push_unknown(struct xml_decoder *x)
{
    if (x->strict)
        return malformed(x);
    return push(x, (struct frame){.what = FRAME_SKIP});
}

static RESULT start_member(struct xml_decoder *x, struct frame *frame, struct span name,
                           const char **attributes)
{
    const struct service *service = x->d->service;
    const struct field *field =
        field_find(service, frame->shape, name, FIELD_BY_WIRE, &frame->hint);
    if (!field || (field->flags & FIELD_FLATTENED))
        field = field_by_element(service, frame->shape, name, field);
    if (!field || (frame->only_body && field->location != IN_BODY))
        return push_unknown(x);
    const struct shape *member = shape_at(service, field->shape);
    frame->set++;
    if ((field->flags & FIELD_FLATTENED) && member->kind == KIND_LIST)
        return push_element(x, member, struct_at(frame->to, field->offset, void), attributes);
    if ((field->flags & FIELD_FLATTENED) && member->kind == KIND_MAP)
        return push_entry(x, member, struct_at(frame->to, field->offset, void));
    void *value;
    TRY(decoder_member(x->d, field, member, frame->to, &value));
    return push_value(x, member, field->time_format, value, attributes);
}

static RESULT start_entry_part(struct xml_decoder *x, struct frame *frame, struct span name,
                               const char **attributes)
{
    const struct service *service = x->d->service;
    const struct shape *map = frame->shape;
    if (span_eq(name, text_or(service, map->key_wire, S("key"))))
        return push_value(x, shape_at(service, map->key), TIME_DEFAULT, frame->to, attributes);
    if (span_eq(name, text_or(service, map->member_wire, S("value"))))
        return push_value(x, shape_at(service, map->member), TIME_DEFAULT,
                          struct_at(frame->to, map->value_offset, void), attributes);
    return push_unknown(x);
}

static RESULT start_child(struct xml_decoder *x, struct span name, const char **attributes)
{
    struct frame *frame = &x->frames[x->open - 1];
    switch (frame->what) {
    case FRAME_STRUCTURE:
        return start_member(x, frame, name, attributes);
    case FRAME_LIST:
        if (x->strict &&
            !span_eq(name, text_or(x->d->service, frame->shape->member_wire, S("member"))))
            return malformed(x);
        return push_element(x, frame->shape, frame->to, attributes);
    case FRAME_MAP:
        return push_entry(x, frame->shape, frame->to);
    case FRAME_ENTRY:
        return start_entry_part(x, frame, name, attributes);
    case FRAME_SKIP:
        return push(x, (struct frame){.what = FRAME_SKIP});
    case FRAME_TEXT:
        break;
    }
    return malformed(x);
}

static void on_start(void *user, const char *name, const char **attributes)
{
    struct xml_decoder *x = user;
    const struct refusal *refusal = OK;
    if (x->refusal) /* events that were under way when the parser was stopped */
        return;
    if (x->open == 0)
        x->open = 1; /* the root's frame is there from the beginning */
    else
        refusal = start_child(x, local_name(name), attributes);
    if (x->open == 1 && !refusal) {
        if (x->strict && x->root.len && !span_eq(local_name(name), x->root))
            refusal = malformed(x);
        else if (x->frames[0].what == FRAME_STRUCTURE)
            refusal = read_attributes(x, &x->frames[0], attributes);
    }
    if (refusal)
        stop(x, refusal);
}

/* Flattened maps grow in the structure and are complete with it. */
static void finish_flat_maps(struct xml_decoder *x, const struct frame *frame)
{
    const struct field *field = first_field(x->d->service, frame->shape);
    for (unsigned i = 0; i < frame->shape->field_count; i++, field++) {
        const struct shape *member = shape_at(x->d->service, field->shape);
        if (member->kind == KIND_MAP && (field->flags & FIELD_FLATTENED))
            growing_unique(x->d, member, struct_at(frame->to, field->offset, struct any_map));
    }
}

static RESULT end_frame(struct xml_decoder *x, const struct frame *frame)
{
    switch (frame->what) {
    case FRAME_TEXT:
        return read_text(x, frame->shape, frame->time_format, buf_span(&x->text), frame->to);
    case FRAME_STRUCTURE:
        finish_flat_maps(x, frame);
        return decoder_check_union(x->d, frame->shape, frame->set);
    case FRAME_MAP:
        growing_unique(x->d, frame->shape, frame->to);
        return OK;
    case FRAME_ENTRY:
        return span_is_absent(*(struct span *)frame->to) ? malformed(x) : OK;
    case FRAME_LIST:
    case FRAME_SKIP:
        break;
    }
    return OK;
}

static void on_end(void *user, const char *name)
{
    struct xml_decoder *x = user;
    (void)name;
    if (x->refusal)
        return;
    const struct refusal *refusal = end_frame(x, &x->frames[--x->open]);
    buf_clear(&x->text);
    if (refusal)
        stop(x, refusal);
}

static void on_text(void *user, const char *text, int len)
{
    struct xml_decoder *x = user;
    if (x->open && x->frames[x->open - 1].what == FRAME_TEXT)
        buf_append(&x->text, span_of(text, (size_t)len));
}

static void on_doctype(void *user, const char *name, const char *system, const char *public,
                       int internal)
{
    struct xml_decoder *x = user;
    (void)name, (void)system, (void)public, (void)internal;
    stop(x, malformed(x));
}

const struct refusal *xml_decode(struct decoder *d, const struct shape *shape, enum MEMBERS which,
                                 struct span root, struct span xml, void *to)
{
    struct xml_decoder x = {.d = d, .root = root};
    x.strict = strncmp(d->service->name, "s3", 2) == 0; /* and s3control */
    x.parser = XML_ParserCreate(NULL);
    if (!x.parser || xml.len > INT32_MAX) {
        XML_ParserFree(x.parser);
        return malformed(&x);
    }
    buf_init(&x.text, xml.len + 1);
    x.frames[0] = (struct frame){
        .what = FRAME_STRUCTURE, .shape = shape, .to = to, .only_body = which == MEMBERS_IN_BODY};
    XML_SetUserData(x.parser, &x);
    XML_SetElementHandler(x.parser, on_start, on_end);
    XML_SetCharacterDataHandler(x.parser, on_text);
    XML_SetStartDoctypeDeclHandler(x.parser, on_doctype);
    bool whole = XML_Parse(x.parser, xml.at, (int)xml.len, 1) == XML_STATUS_OK;
    XML_ParserFree(x.parser);
    buf_done(&x.text);
    if (x.refusal)
        return x.refusal;
    return whole ? OK : malformed(&x);
}

const struct refusal *wire_xml_read(struct call *c, uint16_t shape, struct span root,
                                    struct span xml, void *out)
{
    struct decoder d;
    decoder_init(&d, c, c->service, xml.len);
    return xml_decode(&d, shape_at(c->service, shape), MEMBERS_ALL, root, xml, out);
}
