// SPDX-License-Identifier: Apache-2.0
/* `kintoun coverage`: what is built and what is refused, straight from the tables that serve
 * requests. */
#include "kintoun/catalog.h"
#include "kintoun/commands.h"

#include <stdio.h>

static size_t built(const struct service *service)
{
    size_t count = 0;
    for (size_t i = 0; i < service->operation_count; i++)
        count += service->operations[i].implemented;
    return count;
}

static void print_operations(const struct service *service, bool implemented)
{
    for (size_t i = 0; i < service->operation_count; i++) {
        const struct operation *operation = &service->operations[i];
        if (operation->implemented == implemented)
            printf("  %-8s %.*s\n", implemented ? "built" : "refused",
                   SPAN_ARG(service_text(service, operation->name)));
    }
}

int command_coverage(int argc, char **argv)
{
    size_t count, found = 0;
    const struct service *const *services = catalog(&count);
    for (size_t i = 0; i < count; i++) {
        const struct service *service = services[i];
        if (argc > 0 && strcmp(argv[0], service->name) != 0)
            continue;
        found++;
        printf("%-16s %4zu built, %4zu refused\n", service->name, built(service),
               service->operation_count - built(service));
        print_operations(service, true);
        if (argc > 0)
            print_operations(service, false);
    }
    if (!found)
        fprintf(stderr, "kintoun coverage: there is no service %s\n", argv[0]);
    return found ? 0 : 2;
}
