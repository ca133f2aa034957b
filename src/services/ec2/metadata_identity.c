// SPDX-License-Identifier: Apache-2.0
/*
 * The identity document and its signatures ("Instance identity documents", "Verify the instance
 * identity document"). AWS signs one of them with DSA and SHA-1; here all are made with one RSA key
 * of this cloud, whose certificate lies in the data directory. Control thread, which the first
 * signature of all holds up for as long as a key takes.
 */
#include "services/ec2/metadata.h"

#include "base/time.h"
#include "http/authority.h"
#include "services/ec2/instance_type.h"

#define PLACE "dynamic/instance-identity/"

static struct span time_text(struct call *c, int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    return arena_copy(c->arena, time_iso8601(ms, text));
}

static struct span document_of(struct metadata_tree *tree)
{
    struct call *c = tree->c;
    const struct stored_instance *i = tree->instance;
    const struct stored_interface *interface = tree->interface;
    return arena_printf(c->arena,
                        "{\n"
                        "  \"accountId\" : \"%.*s\",\n"
                        "  \"architecture\" : \"%.*s\",\n"
                        "  \"availabilityZone\" : \"%.*s\",\n"
                        "  \"billingProducts\" : null,\n"
                        "  \"devpayProductCodes\" : null,\n"
                        "  \"marketplaceProductCodes\" : null,\n"
                        "  \"imageId\" : \"%.*s\",\n"
                        "  \"instanceId\" : \"%.*s\",\n"
                        "  \"instanceType\" : \"%.*s\",\n"
                        "  \"kernelId\" : null,\n"
                        "  \"pendingTime\" : \"%.*s\",\n"
                        "  \"privateIp\" : \"%.*s\",\n"
                        "  \"ramdiskId\" : null,\n"
                        "  \"region\" : \"%.*s\",\n"
                        "  \"version\" : \"2017-09-30\"\n"
                        "}",
                        SPAN_ARG(i->account), SPAN_ARG(instance_type_architecture()),
                        SPAN_ARG(i->zone), SPAN_ARG(i->image), SPAN_ARG(i->id), SPAN_ARG(i->type),
                        SPAN_ARG(time_text(c, i->launched)),
                        SPAN_ARG(interface->addresses.at[0].address), SPAN_ARG(i->region));
}

static const struct {
    const char *path;
    enum AUTHORITY_FORM form;
} signatures[] = {
    {PLACE "pkcs7", AUTHORITY_PKCS7},
    {PLACE "rsa2048", AUTHORITY_PKCS7},
    {PLACE "signature", AUTHORITY_SIGNATURE},
};

RESULT metadata_grow_identity(struct metadata_tree *tree)
{
    struct call *c = tree->c;
    struct span document = document_of(tree);
    metadata_add(tree, PLACE "document", document);
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
        struct span value = S("");
        int error = span_eq(tree->wanted, span_of_cstr(signatures[i].path))
                        ? authority_sign(c->cloud->authority, c->arena, document,
                                         signatures[i].form, &value)
                        : 0;
        if (error < 0)
            return refuse_errno(c, error, "signing an identity document");
        metadata_add(tree, signatures[i].path, value);
    }
    return OK;
}
