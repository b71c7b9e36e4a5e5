/* Carries out the operations in the file "script" on the exported head, and writes what came of them to "answers".
 * After a letter, numbers are of 4 bytes, little-endian, and features of 2:
 *   B n classes, S n classes features, E n classes examples, P features, W (write all weights) */
#include "insitu_head.h"
#include "script.h"

#define MOST 64

static void read_codes(const insitu_head *head, int8_t *codes)
{
    static int16_t features[2048];
    for (unsigned i = 0; i < head->model->features; i++) {
        const uint32_t code = given(2);
        features[i] = (int16_t)(code < 0x8000u ? (int32_t)code : (int32_t)code - 0x10000);
    }
    insitu_head_codes(head, features, codes);
}

int main(void)
{
    insitu_head *head = &insitu_exported_head;
    const size_t entries = (size_t)head->model->capacity * head->model->features;
    static int8_t codes[MOST * 2048];
    uint16_t classes[MOST], found = 0;
    uint32_t examples[MOST];

    script = fopen("script", "rb");
    answers = fopen("answers", "wb");
    if (!script || !answers) {
        return 1;
    }
    insitu_head_init(head);
    for (int op = getc(script); op != EOF; op = getc(script)) {
        const uint16_t count = (uint16_t)(op == 'B' || op == 'S' || op == 'E' ? given(4) : 0);
        int status = 0;
        for (unsigned k = 0; k < count; k++) {
            classes[k] = (uint16_t)given(4);
        }
        for (unsigned k = 0; op == 'E' && k < count; k++) {
            examples[k] = given(4);
        }
        for (unsigned k = 0; op == 'P' ? k < 1 : op == 'S' && k < count; k++) {
            read_codes(head, codes + k * head->model->features);
        }
        switch (op) {
        case 'B': status = insitu_begin(head, classes, count); break;
        case 'S': status = insitu_step(head, codes, classes, count); break;
        case 'E': status = insitu_end(head, classes, examples, count); break;
        case 'P': status = insitu_head_predict(head, codes, &found); break;
        default: break;
        }
        put((uint32_t)status, 1);
        if (op == 'P') {
            put(found, 2);
        }
        for (size_t k = 0; op == 'W' && k < entries; k++) {
            put((uint16_t)head->weight[k], 2);
        }
    }
    return fclose(answers) != 0;
}
