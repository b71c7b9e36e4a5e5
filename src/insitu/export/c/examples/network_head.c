/* Learn two classes of pictures in one experience by CWR*, from latents that are kept, and predict: image, network,
 * head. Run it on a computer; a device takes the pictures from its camera. -DREPLAY keeps latents in
 * insitu_replay.h's store, with those of experiences before. */
#include <stdio.h>

#include "bars.h"
#include "head.h"
#include "insitu_head.h"
#include "insitu_network.h"
#ifdef REPLAY
#include "insitu_replay.h"
#endif

#if INSITU_HEAD_FEATURES != INSITU_NETWORK_FEATURES
#error "head and network are of two exports; export into an empty folder"
#endif

#define PICTURES 6u
#define STEPS 40u
#define TOGETHER (INSITU_BATCH < 2u ? 1u : 2u) /* pictures of a mini-batch */

static uint8_t pixels[PICTURE_BYTES];
static uint32_t latents[PICTURES][INSITU_LATENT_WORDS];

static void encode(const uint32_t *latent, int8_t *codes)
{
    static int16_t features[INSITU_HEAD_FEATURES];
    insitu_features(&insitu_exported_network, latent, features);
    insitu_head_codes(&insitu_exported_head, features, codes);
}

int main(void)
{
    static int8_t codes[TOGETHER][INSITU_HEAD_FEATURES];
    const uint16_t pair[2] = {0, 1};
    const uint32_t examples[2] = {PICTURES / 2u, PICTURES / 2u};
    insitu_head *head = &insitu_exported_head;
    uint16_t classes[TOGETHER], found;

    insitu_head_init(head);
    if (insitu_begin(head, pair, 2) < 0) {
        return 1;
    }
    for (unsigned picture = 0; picture < PICTURES; picture++) {
        draw(pixels, picture % 2u, picture / 2u);
        insitu_latent(&insitu_exported_network, pixels, latents[picture]);
    }
#ifdef REPLAY
    insitu_replay_init(&insitu_exported_replay, 1);
    for (unsigned picture = 0; picture < PICTURES; picture++) {
        (void)insitu_replay_add(&insitu_exported_replay, latents[picture], (uint16_t)(picture % 2u));
    }
#endif
    for (unsigned step = 0; step < STEPS; step++) {
        for (unsigned k = 0; k < TOGETHER; k++) {
#ifdef REPLAY
            uint16_t place;
            if (insitu_replay_draw(&insitu_exported_replay, &place, 1) < 0) {
                return 1;
            }
            encode(insitu_exported_replay.latents + (size_t)place * INSITU_LATENT_WORDS, codes[k]);
            classes[k] = insitu_exported_replay.of[place];
#else
            encode(latents[(TOGETHER * step + k) % PICTURES], codes[k]);
            classes[k] = (uint16_t)((TOGETHER * step + k) % 2u);
#endif
        }
        if (insitu_step(head, codes[0], classes, TOGETHER) < 0) {
            return 1;
        }
    }
    if (insitu_end(head, pair, examples, 2) < 0) {
        return 1;
    }
    for (unsigned picture = 0; picture < PICTURES; picture++) {
        encode(latents[picture], codes[0]);
        if (insitu_head_predict(head, codes[0], &found) < 0) {
            return 1;
        }
        printf("a bar of class %u: predicted class %u\n", picture % 2u, (unsigned)found);
    }
    return 0;
}
