/* Latents of one bit per number, kept for replay next to CWR*: a sample of what came, in equal shares of the classes.
 * Class-balanced reservoir sampling (Chrysakis and Moens, ICML 2020). Same rules as insitu.h. */
#ifndef INSITU_REPLAY_H
#define INSITU_REPLAY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint16_t capacity, classes; /* latents kept at most; numbers of classes are below `classes` */
    uint32_t words;             /* of a latent, as insitu_latent writes it */
    uint32_t *latents;          /* (capacity, words) */
    uint16_t *of;               /* (capacity) classes of the latents */
    uint32_t *seen;             /* (classes) latents that came */
    uint16_t *held;             /* (classes) latents kept */
    uint32_t count;             /* latents kept */
    uint32_t state;             /* of the random draws */
} insitu_replay;

extern insitu_replay insitu_exported_replay; /* in replay.c */

enum { INSITU_REPLAY_RANGE = -15 }; /* a class beyond `classes`, or more latents than are kept */

/* Drop all latents; `seed` begins the random draws. */
void insitu_replay_init(insitu_replay *replay, uint32_t seed);

/* Keep a latent of a class, or not: where all places are taken, it replaces one of the class with most of them, or in
 * its own class as many times as gives each that came the same chance. */
int insitu_replay_add(insitu_replay *replay, const uint32_t *latent, uint16_t class_number);

/* Fill places (count) with different places of kept latents, at random: the latent is latents + words * place, its
 * class of[place]. */
int insitu_replay_draw(insitu_replay *replay, uint16_t *places, uint16_t count);

#ifdef __cplusplus
}
#endif
#endif
