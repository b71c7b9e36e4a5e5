/* Carries out the operations of the file "script" on the store of latents: I seed, A class latent, D count. Writes the
 * status of each (1 byte), and after D the places (2 each) with classes (2) and latents. */
#include "insitu_replay.h"
#include "script.h"

int main(void)
{
    insitu_replay *replay = &insitu_exported_replay;
    static uint32_t latent[64];
    static uint16_t places[256];

    script = fopen("script", "rb");
    answers = fopen("answers", "wb");
    if (!script || !answers) {
        return 1;
    }
    for (int op = getc(script); op != EOF; op = getc(script)) {
        int status = 0;
        uint16_t count = 0;
        if (op == 'I') {
            insitu_replay_init(replay, given(4));
        } else if (op == 'A') {
            const uint16_t class_number = (uint16_t)given(2);
            for (unsigned k = 0; k < replay->words; k++) {
                latent[k] = given(4);
            }
            status = insitu_replay_add(replay, latent, class_number);
        } else {
            count = (uint16_t)given(2);
            status = insitu_replay_draw(replay, places, count);
        }
        put((uint32_t)status, 1);
        for (unsigned k = 0; !status && k < count; k++) {
            put(places[k], 2);
            put(replay->of[places[k]], 2);
            for (unsigned j = 0; j < replay->words; j++) {
                put(replay->latents[(size_t)places[k] * replay->words + j], 4);
            }
        }
    }
    return fclose(answers) != 0;
}
