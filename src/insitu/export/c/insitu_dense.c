/* Layers with weights of 8 and 16 bits between the 1-bit convolutions; see insitu/backbones/binary/integer_dense.py. */
#include "insitu_dense.h"

#include "insitu_internal.h"

#define BLUR_BITS 4u /* 1-2-1 in both directions has the sum 16 */

/* One channel of a map. */
typedef struct {
    const int16_t *first;
    uint32_t side, channels;
} plane;

static int32_t rectified(const plane *x, uint32_t row, uint32_t column)
{
    const int32_t value = x->first[(row * x->side + column) * x->channels];
    return value > 0 ? value : 0;
}

/* The sum of a 3x3 filter around a position; the border is zero. */
static int32_t filtered(const plane *x, const int16_t *filter, uint32_t row, uint32_t column)
{
    int32_t sum = 0;
    for (uint32_t ky = row ? 0 : 1; ky < (row + 1u < x->side ? 3u : 2u); ky++) {
        for (uint32_t kx = column ? 0 : 1; kx < (column + 1u < x->side ? 3u : 2u); kx++) {
            sum += filter[3u * ky + kx] * rectified(x, row + ky - 1u, column + kx - 1u);
        }
    }
    return sum;
}

/* The largest of the 2x2 window at a position; nothing is negative. */
static int32_t largest(const plane *x, uint32_t row, uint32_t column)
{
    int32_t found = 0;
    for (uint32_t k = 0; k < 4u; k++) {
        const int32_t value = rectified(x, row + k / 2u, column + k % 2u);
        found = value > found ? value : found;
    }
    return found;
}

/* The map of largest numbers, one shorter than x, blurred at one of every second position; its border is zero. */
static int32_t blurred(const plane *x, uint32_t row, uint32_t column)
{
    int32_t sum = 1 << (BLUR_BITS - 1u);
    for (uint32_t ky = 0; ky < 3u; ky++) {
        for (uint32_t kx = 0; kx < 3u; kx++) {
            const uint32_t y = 2u * row + ky, across = 2u * column + kx; /* one more than where it lies */
            if (y && across && y < x->side && across < x->side) {
                sum += (1 + (ky == 1u)) * (1 + (kx == 1u)) * largest(x, y - 1u, across - 1u);
            }
        }
    }
    return insitu_shifted(sum, BLUR_BITS);
}

/* Fill `vector` with what the 1x1 convolution takes at a position. */
static void gather(const insitu_dense *dense, const int16_t *map, uint32_t side, uint32_t row, uint32_t column,
                   int16_t *vector)
{
    plane x = {map, side, dense->inputs};
    for (uint32_t k = 0; k < dense->inputs; k++, x.first++) {
        if (dense->halve) {
            vector[k] = (int16_t)blurred(&x, row, column);
        } else if (dense->filter) {
            vector[k] = insitu_scaled(filtered(&x, dense->filter + 9u * k, row, column), dense->filter_multiplier[k],
                                      dense->filter_bias[k], dense->filter_shift);
        } else {
            vector[k] = (int16_t)rectified(&x, row, column);
        }
    }
}

uint32_t insitu_dense_apply(const insitu_network *network, const insitu_dense *dense, uint32_t side, unsigned from)
{
    const uint32_t after = dense->halve ? side / 2u : side;
    int16_t *out = network->maps[1u - from];
    uint32_t *bits = network->bits[1u - from];
    for (uint32_t place = 0; place < after * after; place++) {
        uint32_t word = 0;
        gather(dense, network->maps[from], side, place / after, place % after, network->patch);
        insitu_rows(dense->weight, network->patch, dense->outputs, dense->inputs, network->sums);
        for (uint32_t output = 0; output < dense->outputs; output++) {
            const int16_t y = insitu_scaled(network->sums[output], dense->multiplier[output], dense->bias[output],
                                            dense->shift);
            *out++ = y;
            word |= (uint32_t)(y >= dense->threshold[output]) << (output % 32u);
            if (output % 32u == 31u || output + 1u == dense->outputs) {
                *bits++ = word;
                word = 0;
            }
        }
    }
    return after;
}
