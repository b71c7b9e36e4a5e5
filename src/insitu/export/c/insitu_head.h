/* Quantised CWR*: a last layer that learns experience by experience without forgetting. Same rules as insitu.h. */
#ifndef INSITU_HEAD_H
#define INSITU_HEAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t m;
    uint8_t s;
} insitu_factor; /* the number m / 2^s */

/* Constants; see insitu/learners/integer_cwr.py for the arithmetic. */
typedef struct {
    uint16_t capacity, features, batch; /* classes, inputs, examples of a mini-batch at most */
    int32_t zero, p_zero;
    insitu_factor input, logit, probability, gradient, update;
    int64_t error, one;
    uint16_t classes;      /* that the head was exported with */
    const int16_t *weight; /* (classes, features) */
    const uint32_t *past;  /* (classes) */
} insitu_head_model;

typedef struct {
    const insitu_head_model *model;
    int16_t *weight;    /* (capacity, features) */
    uint32_t *past;     /* (capacity) examples seen, 0 for a class not known */
    int16_t *trained;   /* (capacity, features) weights within an experience */
    int8_t *forward;    /* (capacity, features) working space, and so on */
    int16_t *errors;    /* (batch, capacity) */
    int32_t *sums;      /* (features) */
    uint32_t *powers;   /* (capacity) */
    uint32_t doublings; /* of the step of the weights */
    uint32_t grown;     /* within the experience */
    int64_t most;       /* largest weight after the last step */
} insitu_head;

extern insitu_head insitu_exported_head; /* in head.c */

enum { INSITU_HEAD_RANGE = -11 }; /* a class beyond the capacity, no examples, or more than the batch */

/* Return to the classes that the head was exported with; call it once before all else. */
void insitu_head_init(insitu_head *head);

/* Turn features of the network (features) into input codes. */
void insitu_head_codes(const insitu_head *head, const int16_t *features, int8_t *codes);

/* Begin an experience with examples of `count` different classes, numbers below the capacity. */
int insitu_begin(insitu_head *head, const uint16_t *classes, uint16_t count);

/* Take a step on a mini-batch of codes (count, features) and their classes (count). */
int insitu_step(insitu_head *head, const int8_t *codes, const uint16_t *classes, uint16_t count);

/* End the experience: `examples` (count) are the numbers of different examples of each class. */
int insitu_end(insitu_head *head, const uint16_t *classes, const uint32_t *examples, uint16_t count);

/* Find the class of codes (features) among those seen; INSITU_EMPTY where there is none. */
int insitu_head_predict(insitu_head *head, const int8_t *codes, uint16_t *found);

#ifdef __cplusplus
}
#endif
#endif
