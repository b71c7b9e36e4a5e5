/* Teaches the first images of the file "script", one class each, and predicts the rest; writes slot and score. */
#include <stdio.h>

#include "insitu.h"
#include "insitu_network.h"

int main(void)
{
    const insitu_network *network = &insitu_exported_network;
    insitu_memory *memory = &insitu_exported_memory;
    static uint8_t pixels[1 << 14];
    static uint32_t latent[1 << 12];
    static int16_t codes[1 << 11];
    const size_t size = (size_t)network->size * network->size * network->channels;
    FILE *script = fopen("script", "rb"), *answers = fopen("answers", "w");
    char label[2] = "a";

    if (!script || !answers) {
        return 1;
    }
    insitu_init(memory);
    while (fread(pixels, 1, size, script) == size) {
        insitu_answer answer = {0, 0, 0};
        insitu_latent(network, pixels, latent);
        insitu_features(network, latent, codes);
        insitu_signs(network, codes, codes);
        if (label[0] < 'a' + TAUGHT) {
            (void)insitu_teach(memory, codes, label);
            label[0]++;
        } else {
            (void)insitu_predict(memory, codes, &answer);
            fprintf(answers, "%u %ld\n", (unsigned)answer.slot, (long)answer.score);
        }
    }
    return fclose(answers) != 0;
}
