/* Reads images from the file "script" and writes latent, features and signs of each to "answers", little-endian. */
#include <stdio.h>

#include "insitu_network.h"

static FILE *answers;

static void put(uint32_t value, unsigned bytes)
{
    for (unsigned k = 0; k < bytes; k++) {
        putc((int)(value >> (8 * k) & 255u), answers);
    }
}

int main(void)
{
    const insitu_network *network = &insitu_exported_network;
    static uint8_t pixels[1 << 14];
    static uint32_t latent[1 << 12];
    static int16_t features[1 << 11];
    const size_t size = (size_t)network->size * network->size * network->channels;
    const unsigned words = (unsigned)network->latent_side * network->latent_side * network->latent_words;
    FILE *script = fopen("script", "rb");

    answers = fopen("answers", "wb");
    if (!script || !answers) {
        return 1;
    }
    while (fread(pixels, 1, size, script) == size) {
        insitu_latent(network, pixels, latent);
        for (unsigned k = 0; k < words; k++) {
            put(latent[k], 4);
        }
        insitu_features(network, latent, features);
        for (unsigned k = 0; k < network->features; k++) {
            put((uint16_t)features[k], 2);
        }
        insitu_signs(network, features, features);
        for (unsigned k = 0; k < network->features; k++) {
            put((uint16_t)features[k], 2);
        }
    }
    return fclose(answers) != 0;
}
