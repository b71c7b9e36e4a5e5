/* The same draws as insitu/learners/integer_replay.py. */
#include "insitu_replay.h"

#include <string.h>

#include "insitu.h"

/* Return a number below `most`: xorshift32 (Marsaglia, 2003), of which the high bits of a product are taken. */
static uint32_t draw(insitu_replay *replay, uint32_t most)
{
    replay->state ^= replay->state << 13;
    replay->state ^= replay->state >> 17;
    replay->state ^= replay->state << 5;
    return (uint32_t)(((uint64_t)replay->state * most) >> 32);
}

void insitu_replay_init(insitu_replay *replay, uint32_t seed)
{
    memset(replay->seen, 0, replay->classes * sizeof replay->seen[0]);
    memset(replay->held, 0, replay->classes * sizeof replay->held[0]);
    replay->count = 0;
    replay->state = (seed ? seed : 1u) * 2654435769u; /* small seeds begin with small numbers */
}

/* Return the place of the latent of a class that has so many of the same before it. */
static uint32_t place_of(const insitu_replay *replay, uint16_t class_number, uint32_t before)
{
    uint32_t place = 0;
    while (replay->of[place] != class_number || before--) {
        place++;
    }
    return place;
}

int insitu_replay_add(insitu_replay *replay, const uint32_t *latent, uint16_t class_number)
{
    if (class_number >= replay->classes) {
        return INSITU_REPLAY_RANGE;
    }
    uint16_t most = 0;
    for (uint16_t k = 1; k < replay->classes; k++) {
        most = replay->held[k] > replay->held[most] ? k : most;
    }
    const uint32_t held = replay->held[class_number];
    if (replay->seen[class_number] < UINT32_MAX) {
        replay->seen[class_number]++;
    }
    uint32_t place = replay->count;
    if (place < replay->capacity) {
        replay->count++;
    } else {
        uint16_t replaced = class_number;
        if (held < replay->held[most]) {
            replaced = most;
            place = draw(replay, replay->held[most]);
        } else {
            place = draw(replay, replay->seen[class_number]);
            if (place >= held) {
                return INSITU_OK;
            }
        }
        place = place_of(replay, replaced, place);
        replay->held[replaced]--;
    }
    memcpy(replay->latents + (size_t)place * replay->words, latent, replay->words * sizeof latent[0]);
    replay->of[place] = class_number;
    replay->held[class_number]++;
    return INSITU_OK;
}

int insitu_replay_draw(insitu_replay *replay, uint16_t *places, uint16_t count)
{
    if (count > replay->count) {
        return INSITU_REPLAY_RANGE;
    }
    /* Floyd's sampling: a place drawn before is replaced by the last that is allowed */
    for (uint16_t k = 0; k < count; k++) {
        const uint16_t last = (uint16_t)(replay->count - count + k);
        uint16_t place = (uint16_t)draw(replay, last + 1u);
        for (uint16_t j = 0; j < k; j++) {
            place = places[j] == place ? last : place;
        }
        places[k] = place;
    }
    return INSITU_OK;
}
