/* Not for users. What several files share, and sums of products, the only loops that count: with the DSP instructions
 * of Cortex-M4 and later where there are any, else portable. Sums of 32 bits are exact, so all give the same bits.
 * INSITU_PORTABLE chooses the portable ones. */
#ifndef INSITU_INTERNAL_H
#define INSITU_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "insitu.h"

#define INSITU_LARGEST_EXPONENT 20u /* of the units of sums: those of millions of examples saturate */

/* Set the factor of the sums of products with a class, after its sum has changed. */
void insitu_refresh(insitu_memory *memory, uint16_t slot);

/* CRC-32 (IEEE 802.3) of bytes, without the inversions at its start and end. */
uint32_t insitu_crc(uint32_t crc, const uint8_t *bytes, uint32_t count);

/* Find the slot of the newest undamaged block; status says what is wrong where there is none. */
unsigned insitu_newest(const insitu_memory *memory, const insitu_storage *storage, uint32_t *sequence, int *status);

/* Numbers of `count` bytes, little-endian on every processor. */
static inline uint32_t insitu_number(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    for (unsigned k = 0; k < count; k++) {
        value |= (uint32_t)bytes[k] << (8 * k);
    }
    return value;
}

static inline void insitu_put_number(uint8_t *bytes, uint32_t value, unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        bytes[k] = (uint8_t)(value >> (8 * k));
    }
}

/* x >> bits, which C leaves to the implementation where x is negative: nearly all keep the sign. */
#if (-1 >> 1) == -1
#define INSITU_SHIFTED(x, bits) ((x) >> (bits))
#else
#define INSITU_SHIFTED(x, bits) ((x) < 0 ? ~(~(x) >> (bits)) : (x) >> (bits))
#endif

static inline int32_t insitu_shifted(int32_t x, unsigned bits)
{
    return INSITU_SHIFTED(x, bits);
}

static inline int64_t insitu_shifted_wide(int64_t x, unsigned bits)
{
    return INSITU_SHIFTED(x, bits);
}

/* (sum * multiplier + bias) / 2^shift, halves rounded up, as far as a map of 16 bits holds it. */
static inline int16_t insitu_scaled(int32_t sum, int32_t multiplier, int64_t bias, unsigned shift)
{
    const int64_t half = ((int64_t)1 << shift) >> 1;
    const int64_t y = insitu_shifted_wide((int64_t)sum * multiplier + bias + half, shift);
    return (int16_t)(y > INT16_MAX ? INT16_MAX : y < -INT16_MAX ? -INT16_MAX : y);
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
static inline int32_t insitu_dot(const int16_t *x, const int16_t *y, size_t count)
{
    int32_t sum = 0;
    for (; count >= 16; count -= 16, x += 16, y += 16) {
        sum = __smlad(insitu_pair(x), insitu_pair(y), sum);
        sum = __smlad(insitu_pair(x + 2), insitu_pair(y + 2), sum);
        sum = __smlad(insitu_pair(x + 4), insitu_pair(y + 4), sum);
        sum = __smlad(insitu_pair(x + 6), insitu_pair(y + 6), sum);
        sum = __smlad(insitu_pair(x + 8), insitu_pair(y + 8), sum);
        sum = __smlad(insitu_pair(x + 10), insitu_pair(y + 10), sum);
        sum = __smlad(insitu_pair(x + 12), insitu_pair(y + 12), sum);
        sum = __smlad(insitu_pair(x + 14), insitu_pair(y + 14), sum);
    }
    for (; count >= 2; count -= 2, x += 2, y += 2) {
        sum = __smlad(insitu_pair(x), insitu_pair(y), sum);
    }
    for (; count; count--) {
        sum += (int32_t)*x++ * *y++;
    }
    return sum;
}

/* Add the products of four bytes of a row with two pairs, those of the even and of the odd bytes. */
static inline int32_t insitu_four(const int8_t *weight, int16x2_t even, int16x2_t odd, int32_t sum)
{
    int8x4_t bytes;
    int16x2_t high;
    memcpy(&bytes, weight, sizeof bytes);
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(high) : "r"(bytes)); /* the intrinsic costs a rotation more */
    return __smlad(high, odd, __smlad(__sxtb16(bytes), even, sum));
}

/* Fill out[i], i < rows, with the sum of weight[i][j] x[j], j < columns; x is left in another order. */
static inline void insitu_rows(const int8_t *weight, int16_t *x, size_t rows, size_t columns, int32_t *out)
{
    const size_t fours = columns / 4;
    for (size_t j = 0; j < fours; j++) {
        const int16_t second = x[4 * j + 1];
        x[4 * j + 1] = x[4 * j + 2];
        x[4 * j + 2] = second;
    }
    for (; rows; rows -= rows > 1 ? 2u : 1u) {
        const int8_t *other = rows > 1 ? weight + columns : weight;
        const int16_t *at = x, *const end = x + 4 * fours;
        int32_t sum = 0, next = 0;
        while (at != end) {
            const int16x2_t even = insitu_pair(at), odd = insitu_pair(at + 2);
            sum = insitu_four(weight, even, odd, sum);
            next = insitu_four(other, even, odd, next);
            at += 4;
            weight += 4;
            other += 4;
        }
        for (; at != x + columns; at++) {
            sum += (int32_t)*weight++ * *at;
            next += (int32_t)*other++ * *at;
        }
        *out++ = sum;
        if (rows > 1) {
            *out++ = next;
        }
        weight = other;
    }
}

#else

/* Return the sum of x[i] y[i]. */
static inline int32_t insitu_dot(const int16_t *x, const int16_t *y, size_t count)
{
    int32_t sum = 0;
    for (; count >= 4; count -= 4, x += 4, y += 4) {
        sum += (int32_t)x[0] * y[0];
        sum += (int32_t)x[1] * y[1];
        sum += (int32_t)x[2] * y[2];
        sum += (int32_t)x[3] * y[3];
    }
    for (; count; count--) {
        sum += (int32_t)*x++ * *y++;
    }
    return sum;
}

/* Fill out[i], i < rows, with the sum of weight[i][j] x[j], j < columns. */
static inline void insitu_rows(const int8_t *weight, int16_t *x, size_t rows, size_t columns, int32_t *out)
{
    for (; rows; rows -= rows > 1 ? 2u : 1u) {
        const int8_t *other = rows > 1 ? weight + columns : weight;
        int32_t sum = 0, next = 0;
        size_t j = 0;
        for (; j + 2 <= columns; j += 2) {
            const int32_t first = x[j], second = x[j + 1];
            sum += weight[j] * first;
            next += other[j] * first;
            sum += weight[j + 1] * second;
            next += other[j + 1] * second;
        }
        for (; j < columns; j++) {
            sum += (int32_t)weight[j] * x[j];
            next += (int32_t)other[j] * x[j];
        }
        *out++ = sum;
        if (rows > 1) {
            *out++ = next;
        }
        weight = other + columns;
    }
}

#endif
#endif
