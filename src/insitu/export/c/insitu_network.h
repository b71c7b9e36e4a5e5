/* A frozen binary network: from the pixels of an image to features, in integers. Same rules as insitu.h. */
#ifndef INSITU_NETWORK_H
#define INSITU_NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct insitu_dense insitu_dense;     /* in insitu_dense.h */
typedef struct insitu_network insitu_network; /* below */

/* A 1-bit 3x3 convolution and what follows it; see insitu/backbones/binary/integer.py for the arithmetic. Where `dense`
 * is given, this layer is that and nothing else. */
typedef struct {
    uint16_t inputs, outputs;
    uint8_t stride, shift, rectify;
    const uint32_t *weight;    /* (outputs, 9, words) words of 32 channels */
    const int32_t *multiplier; /* (outputs) and so on */
    const int32_t *bias;
    const int16_t *slope;     /* or NULL where these would change nothing: a slope of 1, a lift or threshold of 0 */
    const int16_t *lift;
    const int16_t *threshold;
    const insitu_dense *dense;
} insitu_layer;

struct insitu_network {
    uint16_t size, channels; /* pixels a side of an image, bytes of a pixel */
    uint16_t stem_outputs, features;
    uint16_t latent_side;  /* positions a side of a latent */
    uint16_t latent_words; /* words of a position */
    uint8_t stem_shift, stem_pools, layers_count;
    const int16_t *stem_weight; /* (stem_outputs, 3, 3, channels) */
    const int32_t *stem_multiplier;
    const int64_t *stem_bias;
    const int16_t *stem_threshold;
    const insitu_layer *layers;
    const insitu_layer *last;
    uint32_t (*dense)(const insitu_network *, const insitu_dense *, uint32_t side, unsigned from); /* or NULL */
    const int16_t *scale;   /* (features) */
    const int16_t *signs;   /* (features) */
    const uint8_t *flipped; /* (features) */
    /* working space */
    int16_t *maps[2];
    uint32_t *bits[2];
    uint32_t *window;
    int16_t *patch;
    int32_t *sums;
};

extern const insitu_network insitu_exported_network; /* in network.c */

/* Turn an image (size, size, channels) into a latent (latent_side, latent_side, latent_words): bits to keep for
 * replay. */
void insitu_latent(const insitu_network *network, const uint8_t *pixels, uint32_t *latent);

/* Turn a latent into features (features). */
void insitu_features(const insitu_network *network, const uint32_t *latent, int16_t *features);

/* Turn features into the codes +1 and -1 that a memory of this backbone takes; the arrays may be the same. */
void insitu_signs(const insitu_network *network, const int16_t *features, int16_t *codes);

#ifdef __cplusplus
}
#endif
#endif
