/* Carries out the operations in the file "script" on the exported memory and writes what came of them to "answers".
 *
 * An operation is a letter and its arguments; numbers are little-endian on every processor:
 *   T label codes, P codes, F label, C floats (as IEEE words), I (init), S (save), L (load), D (dump the last save)
 * An answer is status (1 byte), slot (2), score (4), margin (4); after D the block, after C the codes. */
#include "script.h"

#define MOST_BYTES (1u << 18)
#include "flash.h"

int main(void)
{
    insitu_memory *memory = &insitu_exported_memory;
    const insitu_model *model = memory->model;
    static int16_t codes[8192];
    static float floats[8192];
    static char label[256];

    script = fopen("script", "rb");
    answers = fopen("answers", "wb");
    if (!script || !answers) {
        return 1;
    }
    memset(flash, 0xff, sizeof flash);
    insitu_init(memory);
    for (int op = getc(script); op != EOF; op = getc(script)) {
        insitu_answer answer = {0, 0, 0};
        int status = 0;
        if (op == 'T' || op == 'F') {
            for (unsigned k = 0; k < model->label_bytes; k++) {
                label[k] = (char)given(1);
            }
        }
        for (unsigned j = 0; (op == 'T' || op == 'P') && j < model->features; j++) {
            const uint32_t code = given(2);
            codes[j] = (int16_t)(code < 0x8000u ? (int32_t)code : (int32_t)code - 0x10000);
        }
        for (unsigned j = 0; op == 'C' && j < model->features; j++) {
            const uint32_t word = given(4);
            memcpy(&floats[j], &word, sizeof word);
        }
        switch (op) {
        case 'T': status = insitu_teach(memory, codes, label); break;
        case 'P': status = insitu_predict(memory, codes, &answer); break;
        case 'F': status = insitu_forget(memory, label); break;
        case 'C': status = insitu_codes(model, floats, codes); break;
        case 'I': insitu_init(memory); break;
        case 'S': status = insitu_save(memory, &storage); break;
        case 'L': status = insitu_load(memory, &storage); break;
        default: break;
        }
        put((uint32_t)status, 1);
        put(answer.slot, 2);
        put((uint32_t)answer.score, 4);
        put((uint32_t)answer.margin, 4);
        for (unsigned j = 0; op == 'C' && j < model->features; j++) {
            put((uint16_t)codes[j], 2);
        }
        for (uint32_t k = 0; op == 'D' && k < insitu_block_bytes(memory); k++) {
            putc(flash[last][k], answers);
        }
    }
    return fclose(answers) != 0;
}
