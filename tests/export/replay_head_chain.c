/* Keeps latents of the images in the file "script", each behind a byte of its class, learns two classes from draws of
 * them, and predicts all images; writes weights and predictions. */
#include "insitu_head.h"
#include "insitu_network.h"
#include "insitu_replay.h"
#include "script.h"

#define BATCH 8u
#define STEPS 20u

static const insitu_network *const network = &insitu_exported_network;
static insitu_head *const head = &insitu_exported_head;
static insitu_replay *const replay = &insitu_exported_replay;
static uint32_t latent[1 << 12];
static int8_t codes[BATCH << 11];

/* Return the class of the next image, whose latent is then computed, or EOF. */
static int next(void)
{
    static uint8_t pixels[1 << 14];
    const size_t size = (size_t)network->size * network->size * network->channels;
    const uint32_t class_number = given(1);
    if (fread(pixels, 1, size, script) != size) {
        return EOF;
    }
    insitu_latent(network, pixels, latent);
    return (int)class_number;
}

static void encode(const uint32_t *from, int8_t *to)
{
    static int16_t features[1 << 11];
    insitu_features(network, from, features);
    insitu_head_codes(head, features, to);
}

int main(void)
{
    const uint16_t pair[2] = {2, 3};
    uint32_t examples[4] = {0, 0, 0, 0};
    uint16_t places[BATCH], classes[BATCH], found = 0;

    script = fopen("script", "rb");
    answers = fopen("answers", "wb");
    if (!script || !answers) {
        return 1;
    }
    insitu_head_init(head);
    insitu_replay_init(replay, 5);
    for (int class_number = next(); class_number != EOF; class_number = next()) {
        put((uint32_t)insitu_replay_add(replay, latent, (uint16_t)class_number), 1);
        examples[class_number]++;
    }
    put((uint32_t)insitu_begin(head, pair, 2), 1);
    for (unsigned step = 0; step < STEPS; step++) {
        put((uint32_t)insitu_replay_draw(replay, places, BATCH), 1);
        for (unsigned k = 0; k < BATCH; k++) {
            encode(replay->latents + (size_t)places[k] * replay->words, codes + k * head->model->features);
            classes[k] = replay->of[places[k]];
        }
        put((uint32_t)insitu_step(head, codes, classes, BATCH), 1);
    }
    put((uint32_t)insitu_end(head, pair, examples + 2, 2), 1);
    for (unsigned k = 0; k < (unsigned)head->model->capacity * head->model->features; k++) {
        put((uint16_t)head->weight[k], 2);
    }
    rewind(script);
    while (next() != EOF) {
        encode(latent, codes);
        put((uint32_t)insitu_head_predict(head, codes, &found), 1);
        put(found, 2);
    }
    return fclose(answers) != 0;
}
