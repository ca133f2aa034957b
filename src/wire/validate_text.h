// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The words of validation errors: paths, values as Java prints them, constraints. Pure. */
#include "base/buf.h"
#include "wire/validation.h"

/* attributeDefinitions.1.member.attributeName */
void validation_append_path(const struct service *service, const struct path *path,
                            struct buf *out);
/* EC2's: Filter.1.Name */
void validation_append_parameter(const struct service *service, const struct path *path,
                                 struct buf *out);
void validation_append_value(const struct service *service, const struct shape *shape,
                             const void *value, struct buf *out);
void validation_append_constraint(const struct service *service, const struct shape *shape,
                                  enum CONSTRAINT constraint, struct buf *out);
/* "[Member must …, Member must …]": all constraints of a shape. */
void validation_append_constraints(const struct service *service, const struct shape *shape,
                                   struct buf *out);
