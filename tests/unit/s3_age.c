// SPDX-License-Identifier: Apache-2.0
/* Ages of objects, and the age from which on they are better off in STANDARD_IA. */
#include "services/s3/age.h"
#include "test.h"

#define DAY INT64_C(86400000)
#define LARGE 131072

TEST(an_object_belongs_to_the_group_of_its_age)
{
    static const struct {
        int64_t days;
        struct span name;
    } cases[] = {
        {0, S_INIT("000-014")},   {14, S_INIT("000-014")},  {15, S_INIT("015-029")},
        {29, S_INIT("015-029")},  {30, S_INIT("030-044")},  {45, S_INIT("045-059")},
        {60, S_INIT("060-074")},  {75, S_INIT("075-089")},  {90, S_INIT("090-119")},
        {120, S_INIT("120-149")}, {150, S_INIT("150-179")}, {180, S_INIT("180-364")},
        {364, S_INIT("180-364")}, {365, S_INIT("365-729")}, {729, S_INIT("365-729")},
        {730, S_INIT("730+")},    {9999, S_INIT("730+")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_SPAN(age_name(age_of(LARGE, cases[i].days * DAY)), cases[i].name);
        CHECK_SPAN(age_name(age_of(LARGE, cases[i].days * DAY + DAY - 1)),
                   age_name(age_of(LARGE, cases[i].days * DAY)));
        CHECK(age_of(LARGE - 1, cases[i].days * DAY) == AGE_ANY);
    }
    CHECK(age_of(LARGE, -1) == 0); /* a clock that was set back */
    CHECK_SPAN(age_name(AGE_ALL), S("ALL"));
}

TEST(the_ratio_is_of_what_was_retrieved_to_what_is_stored)
{
    const struct age_use use[] = {{4, 2}, {0, 0}, {4, 0}, {0, 1}, {0, 0}};
    CHECK(age_access_ratio(use, 1) == 0.5);
    CHECK(age_access_ratio(use, 3) == 0.25);
    CHECK(age_access_ratio(&use[2], 1) == 0);
    CHECK(age_access_ratio(&use[4], 1) < 0);    /* nothing is there */
    CHECK(age_access_ratio(&use[3], 2) > 1e99); /* nor any more */
}

/* By group, from 000-014 on: stored, retrieved. */
struct rule_case {
    struct age_use use[AGE_GROUPS];
    int32_t age;
};

TEST(the_age_is_the_youngest_that_pays)
{
    static const struct rule_case cases[] = {
        {{{0, 0}}, 0},
        /* What is younger than 30 days cannot move, however cold it is. */
        {{{100, 0}, {100, 0}}, 0},
        {{{100, 900}, {100, 0}, {100, 0}}, 30},
        /* 1.05 times a month is where the prices meet. */
        {{[2] = {100, 104}}, 30},
        {{[2] = {100, 106}}, 0},
        {{[2] = {100, 106}, [3] = {100, 0}}, 30}, /* together they pay */
        {{[2] = {100, 300}, [3] = {100, 0}}, 45},
        /* Behind what is hot: only what is older still. */
        {{[2] = {100, 0}, [6] = {100, 400}, [7] = {100, 0}}, 120},
        {{[2] = {100, 0}, [11] = {1, 2}}, 0},
        /* Of ages at which nothing is stored nothing is known. */
        {{[4] = {100, 0}}, 60},
        {{[2] = {0, 1}}, 0},
        {{[2] = {0, 1}, [11] = {100, 0}}, 730},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(age_for_transition(cases[i].use) == cases[i].age);
}

TEST(an_age_is_advised_when_it_is_stable)
{
    int32_t found[40] = {0};
    for (size_t i = 20; i < 40; i++)
        found[i] = 30;
    CHECK(age_advised(found, 29) == 0); /* too early */
    CHECK(age_advised(found, 30) == 30);
    CHECK(age_advised(found, 40) == 30);
    found[33] = 45;
    CHECK(age_advised(found, 40) == 0); /* 34 to 39 are six */
    found[33] = 30;
    found[39] = 0;
    CHECK(age_advised(found, 40) == 0);
}
