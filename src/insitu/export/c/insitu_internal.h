/* Not for users. Sums of products, the only loops that count: with the DSP instructions of Cortex-M4 and later where
 * there are any, else portable. Sums of 32 bits are exact, so all give the same bits. INSITU_PORTABLE chooses the
 * portable ones. */
#ifndef INSITU_INTERNAL_H
#define INSITU_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "insitu.h"

#define INSITU_LARGEST_EXPONENT 20u /* of the units of sums: those of millions of examples saturate */

/* Set the factor of the sums of products with a class, after its sum has changed. */
void insitu_refresh(insitu_memory *memory, uint16_t slot);

/* x >> bits, which C leaves to the implementation where x is negative. */
static inline int32_t insitu_shifted(int32_t x, unsigned bits)
{
    return x < 0 ? ~(~x >> bits) : x >> bits;
}

static inline int64_t insitu_shifted_wide(int64_t x, unsigned bits)
{
    return x < 0 ? ~(~x >> bits) : x >> bits;
}

/* The square root, rounded down. */
static inline uint32_t insitu_root(uint64_t square)
{
    uint64_t result = 0, bit = (uint64_t)1 << 62;
    while (bit > square) {
        bit >>= 2;
    }
    for (; bit; bit >>= 2) {
        if (square >= result + bit) {
            square -= result + bit;
            result = (result >> 1) + bit;
        } else {
            result >>= 1;
        }
    }
    return (uint32_t)result;
}

#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_BIG_ENDIAN) && !defined(INSITU_PORTABLE)
#include <arm_acle.h>
#define INSITU_DSP 1
#endif

#ifdef INSITU_DSP

static inline int16x2_t insitu_pair(const int16_t *x)
{
    int16x2_t pair;
    memcpy(&pair, x, sizeof pair);
    return pair;
}

/* Return the sum of x[i] y[i]. */
static inline int32_t insitu_dot(const int16_t *x, const int16_t *y, uint16_t count)
{
    int32_t sum = 0;
    uint16_t left = count;
    for (; left >= 8; left = (uint16_t)(left - 8), x += 8, y += 8) {
        sum = __smlad(insitu_pair(x), insitu_pair(y), sum);
        sum = __smlad(insitu_pair(x + 2), insitu_pair(y + 2), sum);
        sum = __smlad(insitu_pair(x + 4), insitu_pair(y + 4), sum);
        sum = __smlad(insitu_pair(x + 6), insitu_pair(y + 6), sum);
    }
    for (; left; left--) {
        sum += (int32_t)*x++ * *y++;
    }
    return sum;
}

/* Four bytes of a row as two pairs: the even and the odd ones. */
static inline int32_t insitu_four(const int8_t *weight, int16x2_t even, int16x2_t odd, int32_t sum)
{
    uint32_t bytes;
    memcpy(&bytes, weight, sizeof bytes);
    sum = __smlad(__sxtb16((int8x4_t)bytes), even, sum);
    return __smlad(__sxtb16((int8x4_t)((bytes >> 8) | (bytes << 24))), odd, sum);
}

/* Fill out[i], i < rows, with the sum of weight[i][j] x[j], j < columns. */
static inline void insitu_rows(const int8_t *weight, const int16_t *x, uint16_t rows, uint16_t columns, int32_t *out)
{
    uint16_t i = 0;
    for (; i + 4 <= rows; i = (uint16_t)(i + 4)) {
        const int8_t *w0 = weight + (size_t)i * columns, *w1 = w0 + columns, *w2 = w1 + columns, *w3 = w2 + columns;
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        uint16_t j = 0;
        for (; j + 4 <= columns; j = (uint16_t)(j + 4)) {
            uint32_t low, high;
            memcpy(&low, x + j, sizeof low);
            memcpy(&high, x + j + 2, sizeof high);
            const int16x2_t even = (int16x2_t)((low & 0xffffu) | (high << 16));
            const int16x2_t odd = (int16x2_t)((low >> 16) | (high & 0xffff0000u));
            s0 = insitu_four(w0 + j, even, odd, s0);
            s1 = insitu_four(w1 + j, even, odd, s1);
            s2 = insitu_four(w2 + j, even, odd, s2);
            s3 = insitu_four(w3 + j, even, odd, s3);
        }
        for (; j < columns; j++) {
            s0 += (int32_t)w0[j] * x[j];
            s1 += (int32_t)w1[j] * x[j];
            s2 += (int32_t)w2[j] * x[j];
            s3 += (int32_t)w3[j] * x[j];
        }
        out[i] = s0;
        out[i + 1] = s1;
        out[i + 2] = s2;
        out[i + 3] = s3;
    }
    for (; i < rows; i++) {
        int32_t sum = 0;
        for (uint16_t j = 0; j < columns; j++) {
            sum += (int32_t)weight[(size_t)i * columns + j] * x[j];
        }
        out[i] = sum;
    }
}

#else

/* Return the sum of x[i] y[i]. */
static inline int32_t insitu_dot(const int16_t *x, const int16_t *y, uint16_t count)
{
    int32_t sum = 0;
    uint16_t left = count;
    for (; left >= 4; left = (uint16_t)(left - 4), x += 4, y += 4) {
        sum += (int32_t)x[0] * y[0] + (int32_t)x[1] * y[1];
        sum += (int32_t)x[2] * y[2] + (int32_t)x[3] * y[3];
    }
    for (; left; left--) {
        sum += (int32_t)*x++ * *y++;
    }
    return sum;
}

/* Fill out[i], i < rows, with the sum of weight[i][j] x[j], j < columns. */
static inline void insitu_rows(const int8_t *weight, const int16_t *x, uint16_t rows, uint16_t columns, int32_t *out)
{
    for (uint16_t i = 0; i < rows; i++, weight += columns) {
        int32_t sum = 0;
        uint16_t j = 0;
        for (; j + 4 <= columns; j = (uint16_t)(j + 4)) {
            sum += (int32_t)weight[j] * x[j] + (int32_t)weight[j + 1] * x[j + 1];
            sum += (int32_t)weight[j + 2] * x[j + 2] + (int32_t)weight[j + 3] * x[j + 3];
        }
        for (; j < columns; j++) {
            sum += (int32_t)weight[j] * x[j];
        }
        out[i] = sum;
    }
}

#endif
#endif
