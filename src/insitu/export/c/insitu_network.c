/* The binary network. Sums of signs are counts of differing bits; the rest is insitu/backbones/binary/integer.py. */
#include "insitu_network.h"

#include <string.h>

#include "insitu_internal.h"

#define TOP 32767
#define SLOPE_BITS 12u
#define PIXEL 255

static int32_t clipped(int32_t x)
{
    return x > TOP ? TOP : x < -TOP ? -TOP : x;
}

/* Count the bits in which two rows of words differ. */
static uint32_t differing(const uint32_t *x, const uint32_t *y, uint32_t count)
{
    uint32_t total = 0;
#if defined(__riscv_zbb) || defined(__POPCNT__)
    for (; count; count--) {
        total += (uint32_t)__builtin_popcount(*x++ ^ *y++);
    }
#else
    /* sums of nibbles over three words, then of bytes over at most ten threes, which stay below 256 */
    while (count >= 3) {
        uint32_t threes = count / 3 < 10 ? count / 3 : 10, bytes = 0;
        count -= 3 * threes;
        for (; threes; threes--, x += 3, y += 3) {
            uint32_t a = x[0] ^ y[0], b = x[1] ^ y[1], c = x[2] ^ y[2];
            a -= (a >> 1) & 0x55555555u;
            b -= (b >> 1) & 0x55555555u;
            c -= (c >> 1) & 0x55555555u;
            a = (a & 0x33333333u) + ((a >> 2) & 0x33333333u);
            b = (b & 0x33333333u) + ((b >> 2) & 0x33333333u);
            c = (c & 0x33333333u) + ((c >> 2) & 0x33333333u);
            a += b + c;
            bytes += (a & 0x0f0f0f0fu) + ((a >> 4) & 0x0f0f0f0fu);
        }
        bytes = (bytes & 0x00ff00ffu) + ((bytes >> 8) & 0x00ff00ffu);
        total += (bytes & 0xffffu) + (bytes >> 16);
    }
    for (; count; count--) {
        uint32_t a = *x++ ^ *y++;
        a -= (a >> 1) & 0x55555555u;
        a = (a & 0x33333333u) + ((a >> 2) & 0x33333333u);
        a = (a + (a >> 4)) & 0x0f0f0f0fu;
        total += (a * 0x01010101u) >> 24;
    }
#endif
    return total;
}

/* What of a 3x3 window lies within the image, as runs of words that neighbour each other in a row of weights too. */
typedef struct {
    unsigned runs, taps;
    uint32_t start[3], count[3];
} window_runs;

/* Copy the window around a pixel, tap by tap; outside the image nothing is copied. */
static window_runs gathered(const uint32_t *bits, uint32_t side, uint32_t words, int32_t row, int32_t column,
                            uint32_t *window)
{
    window_runs found;
    const int32_t last = (int32_t)side - 1;
    const int32_t left = column ? 0 : 1, right = column < last ? 2 : 1;
    memset(&found, 0, sizeof found);
    for (int32_t ky = row ? 0 : 1; ky <= (row < last ? 2 : 1); ky++) {
        const uint32_t start = (uint32_t)(3 * ky + left) * words, count = (uint32_t)(right - left + 1) * words;
        const uint32_t from = ((uint32_t)(row + ky - 1) * side + (uint32_t)(column + left - 1)) * words;
        for (uint32_t k = 0; k < count; k++) {
            window[start + k] = bits[from + k];
        }
        found.taps += (unsigned)(right - left + 1);
        if (found.runs && found.start[found.runs - 1] + found.count[found.runs - 1] == start) {
            found.count[found.runs - 1] += count;
        } else {
            found.start[found.runs] = start;
            found.count[found.runs++] = count;
        }
    }
    return found;
}

static int32_t summed(const insitu_layer *layer, const uint32_t *window, const window_runs *found, uint32_t words,
                      uint32_t output)
{
    const uint32_t *weight = layer->weight + (size_t)output * 9u * words;
    uint32_t different = 0;
    for (unsigned run = 0; run < found->runs; run++) {
        different += differing(window + found->start[run], weight + found->start[run], found->count[run]);
    }
    return (int32_t)(found->taps * layer->inputs) - (int32_t)(2u * different);
}

static int32_t finished(const insitu_layer *layer, uint32_t output, int32_t sum, int32_t residual)
{
    sum = layer->rectify && sum < 0 ? 0 : sum;
    const int32_t half = (int32_t)((1u << layer->shift) >> 1);
    const int32_t scaled = insitu_shifted(sum * layer->multiplier[output] + layer->bias[output] + half, layer->shift);
    int32_t t = clipped(scaled + residual);
    if (layer->slope && t <= 0) {
        t = insitu_shifted(t * layer->slope[output] + (1 << (SLOPE_BITS - 1u)), SLOPE_BITS);
    }
    return clipped(t + (layer->lift ? layer->lift[output] : 0));
}

/* The rounded mean of one channel over the pixels of a window of 2 x 2 that lie within the map. */
static int32_t pooled(const int16_t *map, uint32_t side, uint32_t channels, uint32_t row, uint32_t column,
                      uint32_t channel)
{
    int32_t sum = 0;
    unsigned seen = 0;
    for (uint32_t y = 2 * row; y < 2 * row + 2 && y < side; y++) {
        for (uint32_t x = 2 * column; x < 2 * column + 2 && x < side; x++) {
            sum += map[(y * side + x) * channels + channel];
            seen++;
        }
    }
    return insitu_shifted(sum + (int32_t)(seen / 2u), seen / 2u); /* of 1, 2 or 4 by 0, 1 or 2 bits */
}

static uint32_t words_of(uint32_t channels)
{
    return (channels + 31u) / 32u;
}

/* Turn map and bits `from` of the working space into the others; return their positions a side. */
static uint32_t apply(const insitu_network *network, const insitu_layer *layer, uint32_t side, unsigned from)
{
    const int16_t *map = network->maps[from];
    const uint32_t *bits = network->bits[from];
    int16_t *out = network->maps[1u - from];
    uint32_t *out_bits = network->bits[1u - from];
    const uint32_t words = words_of(layer->inputs), after = (side - 1u) / layer->stride + 1u;
    for (uint32_t row = 0; row < after; row++) {
        for (uint32_t column = 0; column < after; column++) {
            const window_runs found = gathered(bits, side, words, (int32_t)(row * layer->stride),
                                               (int32_t)(column * layer->stride), network->window);
            uint32_t word = 0, channel = 0;
            for (uint32_t output = 0; output < layer->outputs; output++) {
                const int32_t residual = layer->stride > 1
                                             ? pooled(map, side, layer->inputs, row, column, channel)
                                             : map[(row * side + column) * layer->inputs + channel];
                const int32_t y = finished(layer, output, summed(layer, network->window, &found, words, output),
                                           residual);
                *out++ = (int16_t)y;
                word |= (uint32_t)(y >= (layer->threshold ? layer->threshold[output] : 0)) << (output % 32u);
                if (output % 32u == 31u || output + 1u == layer->outputs) {
                    *out_bits++ = word;
                    word = 0;
                }
                channel = channel + 1u == layer->inputs ? 0 : channel + 1u;
            }
        }
    }
    return after;
}

/* The sum of the 3x3 window at a corner of the patch. */
static inline int32_t stem_sum(const int16_t *corner, const int16_t *weight, uint32_t channels)
{
    int32_t sum = 0;
    for (uint32_t ky = 0; ky < 3u; ky++) {
        sum += insitu_dot(corner + ky * 4u * channels, weight + ky * 3u * channels, 3u * channels);
    }
    return sum;
}

/* The stem at one position: the largest of the sums of four 3x3 windows in a patch of 4x4 pixels, or the first sum. */
static void stem_at(const insitu_network *network, const uint8_t *pixels, uint32_t row, uint32_t column, int16_t *out,
                    uint32_t *bits)
{
    const uint32_t size = network->size, channels = network->channels;
    for (uint32_t k = 0; k < 16u; k++) {
        const uint32_t y = 2u * row + k / 4u, x = 2u * column + k % 4u; /* one more than where it lies */
        const int within = y >= 1u && x >= 1u && y <= size && x <= size;
        for (uint32_t c = 0; c < channels; c++) {
            const int32_t pixel = within ? pixels[((y - 1u) * size + x - 1u) * channels + c] : 0;
            network->patch[k * channels + c] = (int16_t)(within ? 2 * pixel - PIXEL : 0);
        }
    }
    uint32_t word = 0;
    for (uint32_t output = 0; output < network->stem_outputs; output++) {
        const int16_t *weight = network->stem_weight + (size_t)output * 9u * channels;
        int32_t largest = stem_sum(network->patch, weight, channels);
        for (uint32_t place = 1; network->stem_pools && place < 4u; place++) {
            const int32_t sum = stem_sum(network->patch + (place / 2u * 4u + place % 2u) * channels, weight, channels);
            largest = sum > largest ? sum : largest;
        }
        out[output] = insitu_scaled(largest, network->stem_multiplier[output], network->stem_bias[output],
                                    network->stem_shift);
        word |= (uint32_t)(out[output] >= network->stem_threshold[output]) << (output % 32u);
        if (output % 32u == 31u || output + 1u == network->stem_outputs) {
            *bits++ = word;
            word = 0;
        }
    }
}

void insitu_latent(const insitu_network *network, const uint8_t *pixels, uint32_t *latent)
{
    uint32_t side = network->size / 2u;
    const uint32_t words = words_of(network->stem_outputs);
    for (uint32_t place = 0; place < side * side; place++) {
        stem_at(network, pixels, place / side, place % side, network->maps[0] + place * network->stem_outputs,
                network->bits[0] + place * words);
    }
    unsigned from = 0;
    for (unsigned k = 0; k < network->layers_count; k++) {
        const insitu_layer *layer = network->layers + k;
        side = layer->dense ? network->dense(network, layer->dense, side, from) : apply(network, layer, side, from);
        from = 1u - from;
    }
    memcpy(latent, network->bits[from], (size_t)side * side * network->latent_words * sizeof latent[0]);
}

void insitu_features(const insitu_network *network, const uint32_t *latent, int16_t *features)
{
    const insitu_layer *layer = network->last;
    const uint32_t side = network->latent_side, words = network->latent_words, positions = side * side;
    memset(network->sums, 0, network->features * sizeof network->sums[0]);
    for (uint32_t place = 0; place < positions; place++) {
        const window_runs found = gathered(latent, side, words, (int32_t)(place / side), (int32_t)(place % side),
                                           network->window);
        for (uint32_t output = 0; output < network->features; output++) {
            const int is_positive = latent[place * words + output / 32u] >> (output % 32u) & 1u;
            const int32_t residual = is_positive ? network->scale[output] : -network->scale[output];
            network->sums[output] += finished(
                layer, output, summed(layer, network->window, &found, words, output), residual);
        }
    }
    for (uint32_t k = 0; k < network->features; k++) {
        const int32_t twice = 2 * network->sums[k] + (int32_t)positions, whole = 2 * (int32_t)positions;
        features[k] = (int16_t)(twice >= 0 ? twice / whole : -((whole - 1 - twice) / whole));
    }
}

void insitu_signs(const insitu_network *network, const int16_t *features, int16_t *codes)
{
    for (uint32_t k = 0; k < network->features; k++) {
        codes[k] = (features[k] >= network->signs[k]) != (network->flipped[k] != 0) ? 1 : -1;
    }
}
