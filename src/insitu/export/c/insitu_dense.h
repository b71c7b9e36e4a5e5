/* Layers between the 1-bit convolutions of a network like QuickNet. Same rules as insitu.h. */
#ifndef INSITU_DENSE_H
#define INSITU_DENSE_H

#include "insitu_network.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ReLU, filters or a blurred max pool or neither, and a 1x1 convolution; see
 * insitu/backbones/binary/integer_dense.py for the arithmetic. */
struct insitu_dense {
    uint16_t inputs, outputs;
    uint8_t halve, filter_shift, shift;
    const int16_t *filter; /* (inputs, 3, 3), or NULL */
    const int32_t *filter_multiplier;
    const int64_t *filter_bias;
    const int8_t *weight; /* (outputs, inputs) */
    const int32_t *multiplier;
    const int64_t *bias;
    const int16_t *threshold;
};

/* Turn map and bits `from` of the working space, `side` positions a side, into the others; return their side. */
uint32_t insitu_dense_apply(const insitu_network *network, const insitu_dense *dense, uint32_t side, unsigned from);

#ifdef __cplusplus
}
#endif
#endif
