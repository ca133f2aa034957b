// SPDX-License-Identifier: Apache-2.0
/*
 * Uploads by forms of browsers. The fields come first and are read by the service; once they are
 * authenticated and admitted, the file goes into a draft like any streaming body. Loop thread.
 * Source: "Authenticating requests in browser-based uploads using POST".
 */
#include "gate/credential_refusal.h"

static const struct error_kind MALFORMED = {"MalformedPOSTRequest", NULL, 400};
static const struct error_kind TOO_LARGE = {"MaxPostPreDataLengthExceeded", NULL, 400};
static const struct error_kind INVALID_ARGUMENT = {"InvalidArgument", NULL, 400};
static const struct error_kind PRECONDITION = {"PreconditionFailed", NULL, 412};
static const struct error_kind MISSING_LENGTH = {"MissingContentLength", NULL, 411};

static const struct refusal *refuse_type(struct request *r)
{
    return refuse_with(&r->call, &PRECONDITION, S("Condition"),
                       S("Bucket POST must be of the enclosure-type multipart/form-data"),
                       "At least one of the pre-conditions you specified did not hold");
}

static const struct refusal *refuse_form(struct request *r, enum MULTIPART_STATUS status)
{
    const struct refusal *refusal;
    if (status == MULTIPART_TOO_LARGE)
        return refuse(&r->call, &TOO_LARGE,
                      "Your POST request fields preceding the upload file were too large.");
    if (status != MULTIPART_NO_FILE)
        return refuse(&r->call, &MALFORMED,
                      "The body of your POST request is not well-formed multipart/form-data.");
    refusal = refuse_with(&r->call, &INVALID_ARGUMENT, S("ArgumentName"), S("file"),
                          "POST requires exactly one file upload per request.");
    return refusal_add(&r->call, refusal, S("ArgumentValue"), S("0"));
}

/* ---- whose form it is ----------------------------------------------------------------------- */

static bool is_signed(struct request *r, const struct form_request *form)
{
    struct span secret = r->call.caller->secret;
    char hex[64];
    if (form->version == 2) {
        struct sigv2_claim claim = {.access_key = form->access_key, .signature = form->signature};
        return sigv2_verify(r->call.arena, form->policy, &claim, secret);
    }
    sigv4_sign(
        auth_signing_key(r->gate->cache, r->call.caller, form->date, form->region, form->service),
        form->policy, hex);
    return form->signature.len == sizeof hex && hash_eq(form->signature.at, hex, sizeof hex);
}

/* The claim stands in for that of a header: a body without a digest of its own. */
static const struct refusal *authenticate(struct request *r, const struct form_request *form)
{
    bool open = auth_mode(r->gate->config->cloud->auth) == AUTH_OPEN;
    r->claim = (struct sigv4_claim){.payload = PAYLOAD_UNSIGNED,
                                    .access_key = form->access_key,
                                    .token = form->token,
                                    .signature = form->signature,
                                    .region = form->region};
    r->fault = form->version || open ? SIGV4_OK : SIGV4_ANONYMOUS;
    TRY(request_identify(r, r->gate->cache));
    r->call.signature = (struct call_signature){
        .by = form->version ? SIGNED_BY_FORM : SIGNED_BY_NOBODY,
        .version = form->version,
        .region = form->region,
        .time_ms = r->call.now_ms,
    };
    if (form->region.len)
        r->call.region = form->region;
    if (open || !form->version || is_signed(r, form))
        return OK;
    r->caller = (struct request_caller){0};
    return refuse_signature(r, SPAN_NONE, form->policy);
}

/* ---- admission ------------------------------------------------------------------------------ */

static const struct refusal *admit(struct request *r)
{
    struct form_request form = {.version = 0};
    TRY(r->route.service->hooks->form(&r->call, r->form, &form));
    TRY(authenticate(r, &form));
    r->call.request_headers = form.headers;
    r->wire.headers = form.headers;
    r->route.labels[r->route.label_count++] = (struct wire_label){S("Key"), form.key};
    r->wire.label_count = r->route.label_count;
    TRY(wire_decode_head(&r->call, &r->wire, r->in));
    TRY(wire_validate(&r->call, r->in));
    return request_admit(r);
}

void form_begin(struct request *r)
{
    const struct refusal *refusal = request_prepare(r);
    struct multipart_form *form = ARENA_NEW(r->call.arena, struct multipart_form);
    if (!refusal && r->x->chunked)
        refusal =
            refuse(&r->call, &MISSING_LENGTH, "You must provide the Content-Length HTTP header.");
    if (!refusal &&
        !multipart_begin(form, r->call.arena, header_get(r->x->headers, S("content-type"))))
        refusal = refuse_type(r);
    if (refusal) {
        body_stop(r, refusal);
        return;
    }
    r->form = form;
    http_take_stream(r->x);
}

void form_piece(struct request *r, struct span piece)
{
    const struct multipart_sink sink = {body_take, r};
    struct span rest;
    int error;
    if (r->answered)
        return;
    enum MULTIPART_STATUS status = multipart_feed(r->form, piece, &sink, &rest, &error);
    if (status == MULTIPART_FILE && !r->draft) {
        const struct refusal *refusal = admit(r);
        if (refusal) {
            body_stop(r, refusal);
            return;
        }
        body_open(r);
        status = multipart_feed(r->form, rest, &sink, &rest, &error);
    }
    if (status == MULTIPART_STOPPED)
        body_stop_with(r, error);
    else if (status >= MULTIPART_MALFORMED)
        body_stop(r, refuse_form(r, status));
}

void form_complete(struct request *r)
{
    if (r->answered)
        return;
    if (r->form->status == MULTIPART_DONE)
        body_seal(r);
    else
        body_stop(r, refuse_form(r, r->form->status));
}
