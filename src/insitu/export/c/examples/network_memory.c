/* Teach two classes of pictures by one example each, and predict others: image, network, memory. Run it on a computer; a
 * device takes the pictures from its camera. */
#include <stdio.h>

#include "bars.h"
#include "insitu.h"
#include "insitu_network.h"
#include "model.h"

#if INSITU_FEATURES != INSITU_NETWORK_FEATURES
#error "memory and network are of two exports; export into an empty folder"
#endif

static uint8_t pixels[PICTURE_BYTES];
static uint32_t latent[INSITU_LATENT_WORDS];
static int16_t codes[INSITU_FEATURES];

/* Fill `codes` with a picture. */
static void see(unsigned kind, unsigned step)
{
    draw(pixels, kind, step);
    insitu_latent(&insitu_exported_network, pixels, latent);
    insitu_features(&insitu_exported_network, latent, codes);
    insitu_signs(&insitu_exported_network, codes, codes);
}

int main(void)
{
    static const char *const names[2] = {"-", "|"};
    insitu_memory *memory = &insitu_exported_memory;
    insitu_answer answer;

    insitu_init(memory);
    for (unsigned kind = 0; kind < 2u; kind++) {
        see(kind, 0);
        if (insitu_teach(memory, codes, names[kind]) == INSITU_FULL) {
            (void)insitu_forget(memory, insitu_label(memory, (uint16_t)(kind % INSITU_CAPACITY)));
            (void)insitu_teach(memory, codes, names[kind]);
        }
    }
    for (unsigned picture = 0; picture < 4u; picture++) {
        see(picture % 2u, picture / 2u);
        if (insitu_predict(memory, codes, &answer) != INSITU_OK) {
            return 1;
        }
        printf("a bar %s: predicted %s, similarity %ld/32768\n", names[picture % 2u],
               insitu_label(memory, answer.slot), (long)answer.score);
    }
    return 0;
}
