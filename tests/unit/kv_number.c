// SPDX-License-Identifier: Apache-2.0
/*
 * Cases for the number codec of engines/kv: the limits and texts of the DynamoDB developer guide
 * ("Number"), costs as they were measured on the real service, and the order of random decimals
 * against a comparison that works on their texts.
 */
#include "engines/kv/kv.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

struct number {
    char bytes[KV_NUMBER_MAX];
    size_t len;
};

static struct number number_of(const char *text)
{
    struct number n = {.len = 0};
    enum KV_NUMBER_FAULT fault = kv_number_read(span_of_cstr(text), n.bytes, &n.len);
    if (fault != KV_NUMBER_GOOD)
        test_fail(__FILE__, __LINE__, "\"%s\" is refused with %d", text, (int)fault);
    CHECK_INT(kv_number_len(span_of(n.bytes, n.len)), n.len);
    return n;
}

static void check_text(const char *text, const char *want)
{
    char printed[KV_NUMBER_TEXT_MAX];
    struct number n = number_of(text);
    size_t len = kv_number_print(span_of(n.bytes, n.len), printed);
    CHECK_SPAN(span_of(printed, len), span_of_cstr(want));
}

static void check_fault(const char *text, enum KV_NUMBER_FAULT want)
{
    char bytes[KV_NUMBER_MAX];
    size_t len;
    enum KV_NUMBER_FAULT fault = kv_number_read(span_of_cstr(text), bytes, &len);
    if (fault != want)
        test_fail(__FILE__, __LINE__, "\"%s\" answers %d, not %d", text, (int)fault, (int)want);
}

TEST(canonical_text)
{
    static const char *const cases[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.000", "0"},
        {"0e125", "0"},
        {"+7", "7"},
        {"0042.1200", "42.12"},
        {".5", "0.5"},
        {"5.", "5"},
        {"1e3", "1000"},
        {"1E+2", "100"},
        {"12.5e1", "125"},
        {"12345e-2", "123.45"},
        {"12345e-7", "0.0012345"},
        {"-1.5", "-1.5"},
        {"-0.010", "-0.01"},
        {"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
        {"9.9999999999999999999999999999999999999", "9.9999999999999999999999999999999999999"},
        {"120", "120"},
        {"1010", "1010"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_text(cases[i][0], cases[i][1]);
}

TEST(the_ends_of_the_range)
{
    char text[200], want[200];
    snprintf(want, sizeof want, "1%0125d", 0);
    check_text("1E125", want);
    memset(text, '0', sizeof text);
    memcpy(text, "0.", 2);
    snprintf(text + 2 + 129, sizeof text - 131, "1");
    check_text("1E-130", text);
    snprintf(text + 2 + 129, sizeof text - 131, "%s", "12345678901234567890123456789012345678");
    check_text("1.2345678901234567890123456789012345678e-130", text);
    want[0] = '-';
    memcpy(want + 1, text, sizeof want - 1);
    check_text("-1.2345678901234567890123456789012345678e-130", want);
    check_text("9.9999999999999999999999999999999999999e125",
               "99999999999999999999999999999999999999"
               "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
               "000000");
}

TEST(faults)
{
    static const char *const not_ones[] = {"",
                                           " 1",
                                           "1 ",
                                           "abc",
                                           "1.2.3",
                                           "0x10",
                                           "1e",
                                           "e5",
                                           "--1",
                                           "1e+",
                                           ".",
                                           "NaN",
                                           "Infinity",
                                           "+",
                                           "1_",
                                           "1e1.5",
                                           "1e9223372036854775808"};
    for (size_t i = 0; i < ARRAY_LEN(not_ones); i++)
        check_fault(not_ones[i], KV_NUMBER_NOT_ONE);
    static const char *const large[] = {"1e126",
                                        "-1e126",
                                        "10e125",
                                        "1e99999999999",
                                        "0e126",
                                        "1e2147483648",
                                        "-1e9223372036854775807",
                                        "10e9223372036854775807"};
    for (size_t i = 0; i < ARRAY_LEN(large); i++)
        check_fault(large[i], KV_NUMBER_TOO_LARGE);
    static const char *const small[] = {"1e-131", "-0.1e-130", "1e-99999999999", "0e-131",
                                        "0.1e-9223372036854775807"};
    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        check_fault(small[i], KV_NUMBER_TOO_SMALL);
    check_fault("123456789012345678901234567890123456789", KV_NUMBER_TOO_LONG);
    check_fault("-1.23456789012345678901234567890123456789", KV_NUMBER_TOO_LONG);
    check_fault("10000000000000000000000000000000000000.01", KV_NUMBER_TOO_LONG);
}

/* Measured at the 400 KB limit of the real service. */
TEST(costs)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"0", 1},         {"1", 2},       {"12", 2},
        {"123", 3},       {"1234", 3},    {"12345678901234567890123456789012345678", 20},
        {"0042", 2},      {"100", 2},     {"1010", 3},
        {"0.0000001", 2}, {"1E125", 2},   {"1E-100", 2},
        {"1.5", 3},       {"15", 2},      {"1.200", 3},
        {"1.234", 4},     {"3.14159", 5}, {"123456", 4},
        {"-1", 3},        {"-123", 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct number n = number_of(cases[i].text);
        struct kv_value value = {.type = KV_NUMBER, .bytes = span_of(n.bytes, n.len)};
        if (kv_value_size(&value) != cases[i].size)
            test_fail(__FILE__, __LINE__, "%s counts %zu, not %zu", cases[i].text,
                      kv_value_size(&value), cases[i].size);
    }
}

TEST(order_of_chosen_numbers)
{
    static const char *const ascending[] = {
        "-9.9999999999999999999999999999999999999e125",
        "-1e125",
        "-100.1",
        "-100",
        "-99",
        "-10.5",
        "-10",
        "-1.1",
        "-1.01",
        "-1",
        "-0.99",
        "-0.1",
        "-1e-129",
        "-1e-130",
        "0",
        "1e-130",
        "1.00000000001e-130",
        "1e-129",
        "0.1",
        "0.9",
        "1",
        "1.0001",
        "1.001",
        "1.1",
        "2",
        "9",
        "10",
        "10.5",
        "11",
        "99",
        "100",
        "101",
        "1e125",
        "9.9999999999999999999999999999999999999e125",
    };
    for (size_t i = 1; i < ARRAY_LEN(ascending); i++) {
        struct number a = number_of(ascending[i - 1]), b = number_of(ascending[i]);
        if (span_compare(span_of(a.bytes, a.len), span_of(b.bytes, b.len)) >= 0)
            test_fail(__FILE__, __LINE__, "%s is not below %s", ascending[i - 1], ascending[i]);
    }
}

/* ---- random decimals ------------------------------------------------------------------------ */

static uint64_t seed = 88172645463325252ULL;

static unsigned dice(unsigned sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % sides;
}

/* A decimal as sign, digits (no zeros at the ends) and the exponent of the first digit. */
struct model {
    int sign; /* 0: zero */
    int exponent;
    char digits[KV_DIGITS_MAX + 1];
};

static struct model model_random(void)
{
    struct model m = {.sign = dice(20) ? (dice(2) ? 1 : -1) : 0};
    /* Small exponents and few digits often, so that the comparison is decided late. */
    m.exponent = dice(2) ? (int)dice(5) - 2
                         : KV_EXPONENT_MIN + (int)dice(KV_EXPONENT_MAX - KV_EXPONENT_MIN + 1);
    unsigned count = dice(2) ? 1 + dice(3) : 1 + dice(KV_DIGITS_MAX);
    unsigned base = dice(3) ? 10 : 2;
    for (unsigned i = 0; i < count; i++)
        m.digits[i] = (char)('0' + dice(base));
    m.digits[0] = (char)('1' + dice(9));
    m.digits[count - 1] = (char)('1' + dice(9));
    return m;
}

static int model_compare(const struct model *a, const struct model *b)
{
    if (a->sign != b->sign)
        return a->sign < b->sign ? -1 : 1;
    if (a->sign == 0)
        return 0;
    int order = a->exponent != b->exponent ? (a->exponent < b->exponent ? -1 : 1)
                                           : strcmp(a->digits, b->digits);
    return a->sign * ((order > 0) - (order < 0));
}

/* One of several spellings of the same number. */
static void model_spell(const struct model *m, char *to, size_t size)
{
    size_t count = strlen(m->digits);
    const char *sign = m->sign < 0 ? "-" : dice(4) ? "" : "+";
    if (m->sign == 0)
        snprintf(to, size, "%s0.0", sign);
    else if (dice(2))
        snprintf(to, size, "%s%.1s.%se%d", sign, m->digits, m->digits + 1, m->exponent);
    else
        snprintf(to, size, "%s00%s00e%d", sign, m->digits, m->exponent - (int)count - 1);
}

TEST(order_and_round_trip_of_random_numbers)
{
    char spelled[2][128], printed[KV_NUMBER_TEXT_MAX];
    for (int round = 0; round < 200000; round++) {
        struct model a = model_random(), b = dice(3) ? model_random() : a;
        if (dice(4) == 0)
            b = (b = a, b.digits[strlen(b.digits) - 1] = (char)('1' + dice(9)), b);
        model_spell(&a, spelled[0], sizeof spelled[0]);
        model_spell(&b, spelled[1], sizeof spelled[1]);
        struct number x = number_of(spelled[0]), y = number_of(spelled[1]);
        int have = span_compare(span_of(x.bytes, x.len), span_of(y.bytes, y.len));
        int want = model_compare(&a, &b);
        if ((have > 0) - (have < 0) != want)
            test_fail(__FILE__, __LINE__, "%s against %s: %d, not %d", spelled[0], spelled[1], have,
                      want);
        size_t len = kv_number_print(span_of(x.bytes, x.len), printed);
        CHECK(len < KV_NUMBER_TEXT_MAX);
        printed[len] = '\0';
        struct number again = number_of(printed);
        CHECK_SPAN(span_of(again.bytes, again.len), span_of(x.bytes, x.len));
    }
}

TEST(bytes_that_are_no_number)
{
    CHECK_INT(kv_number_len(S("")), 0);
    CHECK_INT(kv_number_len(S("\x80")), 0);
    CHECK_INT(kv_number_len(S("\x81\0")), 0);         /* zero has one spelling */
    CHECK_INT(kv_number_len(S("\xc1\x02")), 0);       /* no end */
    CHECK_INT(kv_number_len(S("\xc1\x01\x02\0")), 0); /* first pair 00 */
    CHECK_INT(kv_number_len(S("\xc1\x02\x01\0")), 0); /* last pair 00 */
    CHECK_INT(kv_number_len(S("\xc1\x66\0")), 0);     /* no pair */
    CHECK_INT(kv_number_len(S("\x80\0rest")), 2);
}
