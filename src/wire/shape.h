// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The descriptor tables that tools/gen writes from models/ and the .ops overlays. Codecs are driven
 * by them; nothing here is generated code, only data. All tables are const and in .rodata: text is
 * a 32-bit offset into the service's pool (0 = absent).
 *
 * How a shape lies in memory:
 *   boolean bool · integer int32_t · long int64_t · float, double double · timestamp int64_t ms ·
 *   string, blob, document struct span (document: raw JSON) · streaming blob struct body ·
 *   structure: pointer to its struct (NULL = absent) · list: struct any_list · map: struct any_map.
 * Inside a list or a map entry a structure lies by value, everything else as above.
 * Scalars have a bool in the struct's `has` part. Decoders set it; encoders ask it for optional
 * scalars only, so a handler need not set it for required ones; spans, lists and maps are absent
 * when `at` is NULL (an empty one has a non-NULL `at`).
 */
#include "base/header.h"
#include "wire/refusal.h"

struct arena;
struct auth_question;  /* auth/identity.h */
struct body_plan;      /* wire/body.h */
struct multipart_form; /* wire/multipart_form.h */

struct any_list {
    void *at; /* elements of the member's in-memory size, one behind the other */
    size_t count;
};

/* Entries are { struct span key; VALUE value; }, each of the shape's `entry_size` bytes. */
struct any_map {
    void *at;
    size_t count;
};

enum KIND {
    KIND_BOOLEAN,
    KIND_INTEGER,
    KIND_LONG,
    KIND_FLOAT,
    KIND_DOUBLE,
    KIND_STRING,
    KIND_BLOB,
    KIND_TIMESTAMP,
    KIND_DOCUMENT,
    KIND_STREAM, /* streaming blob */
    KIND_LIST,
    KIND_MAP,
    KIND_STRUCTURE,
};

enum LOCATION {
    IN_BODY,
    IN_HEADER,
    IN_HEADERS, /* a map: wire name is the prefix */
    IN_URI,
    IN_QUERY, /* a map member takes what no other member names */
    IN_STATUS,
    IN_PAYLOAD, /* this member is the whole body */
};

enum TIME_FORMAT { TIME_DEFAULT, TIME_EPOCH, TIME_ISO8601, TIME_HTTP };

enum FIELD_FLAG {
    FIELD_REQUIRED = 1 << 0,
    FIELD_FLATTENED = 1 << 1, /* XML and query lists and maps without a wrapper */
    FIELD_ATTRIBUTE = 1 << 2, /* XML attribute */
    FIELD_TOKEN = 1 << 3,     /* idempotency token */
    FIELD_SENSITIVE = 1 << 4,
    FIELD_HOST_LABEL = 1 << 5,
    FIELD_EVENT_PAYLOAD = 1 << 6,
    FIELD_EVENT_HEADER = 1 << 7,
    FIELD_JSON_VALUE = 1 << 8, /* a header that carries base64 of JSON */
    FIELD_CONTEXT_ONLY = 1 << 9,
};

#define NO_HAS UINT16_MAX
#define NO_SHAPE UINT16_MAX
#define NO_FIELD UINT16_MAX

struct field {
    uint32_t name; /* as in the model; JSON and CBOR key unless `wire` differs */
    uint32_t wire; /* locationName, or the model's name: XML element, header, query word, prefix,
                      label */
    uint32_t
        query; /* name in query and ec2 requests (ec2: queryName, or locationName capitalised) */
    uint32_t xml_prefix, xml_uri; /* the XML namespace declaration on this element, or 0 */
    uint16_t shape;
    uint16_t offset; /* bytes into the struct */
    uint16_t has;    /* bytes into the struct of its `has` bool (every scalar), or NO_HAS */
    uint16_t flags;  /* FIELD_FLAG */
    uint8_t location;
    uint8_t
        time_format; /* TIME_FORMAT of this member, TIME_DEFAULT: the shape's or the protocol's */
};

enum SHAPE_FLAG {
    SHAPE_UNION = 1 << 0,
    SHAPE_FLATTENED = 1 << 1,
    SHAPE_ERROR = 1 << 2,
    SHAPE_EVENT_STREAM = 1 << 3,
    SHAPE_SENSITIVE = 1 << 4,
    SHAPE_HAS_MIN = 1 << 5,
    SHAPE_HAS_MAX = 1 << 6,
    SHAPE_UNCONSTRAINED = 1 << 7, /* neither it nor what it contains has anything to validate */
};

struct shape {
    uint32_t name;
    uint32_t size; /* structure: of its struct; list: of an element; map: of an entry */
    uint16_t first_field, field_count; /* structure: slice of service.fields */
    uint16_t member;                   /* list: element shape; map: value shape */
    uint16_t key;                      /* map: key shape */
    uint16_t value_offset;             /* map: of the value in an entry */
    uint8_t kind;                      /* KIND */
    uint8_t flags;                     /* SHAPE_FLAG */
    uint8_t time_format;
    uint32_t
        member_wire;   /* list: element name, map: value name; 0 = not named: "member", "value" */
    uint32_t key_wire; /* map: 0 = not named: "key" */
    uint32_t pattern;  /* regular expression the value must match, or 0 */
    uint32_t first_value, value_count; /* enum: slice of service.enum_values (pool offsets) */
    int64_t min, max;                  /* length of strings, blobs, lists, maps; value of numbers */
};

enum PROTOCOL {
    PROTOCOL_QUERY,
    PROTOCOL_EC2,
    PROTOCOL_JSON, /* awsJson1_0 or 1_1: service.json_version */
    PROTOCOL_REST_JSON,
    PROTOCOL_REST_XML,
    PROTOCOL_CBOR, /* smithy rpc-v2-cbor */
    /* awsJson's calls with CBOR bodies, application/x-amz-cbor-1.1: what the SDKs for Java speak to
     * Kinesis. Times are whole milliseconds. */
    PROTOCOL_AWS_CBOR,
};

enum THREAD { THREAD_LOOP, THREAD_CONTROL, THREAD_WORKER };
enum EFFECT { EFFECT_READ, EFFECT_WRITE };
enum EVENT_CLASS { EVENT_MANAGEMENT, EVENT_DATA };

/* One pair that the caller must be allowed; `resource` is an ARN template: {account}, {region} and
 * {Member} are filled from the call and the input's top-level members, a missing member gives "*".
 * Where there is an `instead`, it is asked in the place of `action` when the text member at `when`
 * was sent. */
struct permission {
    uint32_t action;
    uint32_t resource;
    uint32_t instead; /* or 0 */
    uint32_t when;    /* bytes into the input */
};

/* A query word or header that a REST request must have to be this operation, where the URI alone is
 * shared. */
struct route_need {
    uint32_t wire;
    uint8_t location; /* IN_QUERY or IN_HEADER */
};

struct operation {
    uint32_t name;
    uint32_t method;         /* HTTP */
    uint32_t uri;            /* template with query literals, e.g. /{Bucket}/{Key+}?uploads */
    uint32_t result_wrapper; /* query: e.g. GetCallerIdentityResult, or 0 */
    uint32_t input_root, input_namespace;   /* rest-xml: root element of the input body */
    uint16_t input, output;                 /* shape or NO_SHAPE */
    uint16_t input_payload, output_payload; /* index into service.fields or NO_FIELD */
    uint16_t first_permission, permission_count;
    uint16_t first_need, need_count; /* slice of service.route_needs */
    uint16_t status;                 /* HTTP status of success */
    uint16_t in_size, out_size;      /* bytes of the handler's structs */
    uint8_t thread, effect, event_class;
    bool implemented; /* false: known by name only and refused */
    bool streaming_input, streaming_output, unsigned_allowed, checksum_required;
    /* typed thunks; NULL when not implemented, admit only for streaming inputs */
    const struct refusal *(*run)(struct call *c, const void *in, void *out);
    const struct refusal *(*admit)(struct call *c, const void *in, struct body_plan *plan);
};

/* Which header or query words of a service become IAM condition keys, e.g. s3:prefix from member
 * Prefix. */
struct condition_member {
    uint32_t key, member;
};

/* What a browser's request says of itself. */
struct cors_request {
    struct span path;    /* raw, with the resource of the Host name in front */
    struct span origin;  /* absent: it is not said */
    struct span method;  /* of the request, or that a preflight asks for; may be absent then */
    struct span headers; /* Access-Control-Request-Headers, or absent */
    bool preflight;
};

/* A form that uploads a file, as the service reads it. */
struct form_request {
    struct headers headers; /* the fields, as if they had been headers */
    struct span key;        /* of what is made */
    uint8_t version;        /* of the signature, 2 or 4; 0: it is not signed */
    struct span access_key, token, policy, signature; /* the signature is over the policy */
    struct span date, region, service;                /* version 4: of the scope */
};

/* What a reply was, once it is on its way. */
struct reply_facts {
    int status;
    const char *code; /* of a refusal, or NULL */
    uint64_t bytes;   /* of its body */
    int64_t ms;       /* since the request's head */
};

enum CORS {
    CORS_NO_RULES, /* the path names no resource that could have rules */
    CORS_ALLOWED,  /* the reply's headers have been added to the call */
    CORS_REFUSED,
};

/*
 * What a service adds to the gate's own steps: the table that its .ops file names (`hooks NAME`).
 * Each may be NULL. All run on the thread of the handler but where another is said.
 */
struct service_hooks {
    /* The rules of a resource for pages of other origins; *ret is the answer to a preflight that is
     * refused. On the home loop, in a transaction of its own. */
    enum CORS (*cors)(struct call *c, const struct cors_request *request,
                      const struct refusal **ret);
    /* A body that was taken whole, before it is decoded: what the client claims of its bytes. On
     * the home loop. */
    const struct refusal *(*body)(struct call *c, struct span body);
    /* Before any permission is asked for: what the names in the input stand for. In the call's
     * transaction; may come twice. */
    const struct refusal *(*enter)(struct call *c, void *in);
    /* A question with its action and resource: adds what the resource says itself, its owner,
     * policy and grants. In the call's transaction. */
    const struct refusal *(*resource)(struct call *c, const void *in,
                                      struct auth_question *question);
    /* The fields of a form, before its file is taken. On the home loop. */
    const struct refusal *(*form)(struct call *c, const struct multipart_form *form,
                                  struct form_request *out);
    /* A reply to a call that has a note (call.note) leaves. On the home loop, in a transaction of
     * its own, which is committed. */
    void (*replied)(struct call *c, const struct reply_facts *facts);
    /* The reply to such a call is sent, or its client has gone, so long after the request's head.
     * On the home loop, without a transaction. */
    void (*finished)(struct call *c, int64_t ms);
    /* After a handler that said OK, before its transaction is committed: a refusal takes back what
     * it did. */
    const struct refusal *(*done)(struct call *c, const void *in);
    /* A condition key (lower-case) that only the service knows, asked for when a policy looks at
     * it; absent where the request does not have it. In the call's transaction. */
    struct span (*condition)(struct call *c, struct span key, struct arena *arena);
};

struct service {
    const char *name;            /* of the folder and model: "s3" */
    const char *id;              /* sdk id: "S3" */
    const char *signing_name;    /* in the SigV4 scope */
    const char *endpoint_prefix; /* first label of the Host name */
    const char *iam_prefix;      /* of its actions */
    const char *target_prefix;   /* X-Amz-Target before the dot, or NULL */
    const char *api_version;     /* 2006-03-01 */
    const char *xml_namespace;   /* or NULL */
    const char *arn_service;
    uint8_t protocol;                                 /* PROTOCOL: the one it answers by default */
    uint8_t json_version;                             /* 0 for 1.0, 1 for 1.1 */
    bool has_cbor, has_aws_cbor, has_json, has_query; /* further protocols it is offered in */
    const char *error_namespace; /* of __type in JSON errors, e.g. com.amazonaws.dynamodb.v20120810,
                                    or NULL */
    bool global;                 /* one endpoint for all regions: signed as us-east-1 */
    bool reply_crc32;            /* replies carry x-amz-crc32 of their body */
    bool compression;            /* of request and reply bodies, where the client wants it */
    bool query_compatible;
    const char *pool;
    const struct shape *shapes;
    const struct field *fields;
    const uint32_t *enum_values;
    const struct permission *permissions;
    const struct route_need *route_needs;
    const struct operation *operations;
    const struct condition_member *condition_members;
    size_t shape_count, operation_count, condition_member_count;
    /* Answered when an operation exists in the model but is not built, and when it is not even
     * there. */
    const struct error_kind *not_implemented, *unknown_operation;
    const struct service_hooks *hooks; /* or NULL */
};

/* Pool entries are a two-byte little-endian length, the bytes, a NUL; the offset points at the
 * bytes. */
static inline struct span service_text(const struct service *service, uint32_t offset)
{
    if (offset == 0)
        return SPAN_NONE;
    const unsigned char *at = (const unsigned char *)service->pool + offset;
    return span_of(at, (size_t)at[-2] | (size_t)at[-1] << 8);
}

/* Sets an optional scalar of a generated struct together with its `has` bool. */
#define SET(thing, member, value) ((thing)->member = (value), (thing)->has.member = true)

#define struct_at(base, offset, type) ((type *)(void *)((char *)(base) + (offset)))
#define const_struct_at(base, offset, type)                                                        \
    ((const type *)(const void *)((const char *)(base) + (offset)))
