/* Loads any bytes as two saved blocks; those that load are used. Every second input gets valid checksums and the
 * header of this model, so that what follows the checks is reached. */
#define MOST_BYTES (1u << 16)
#include "flash.h"

static void seal(uint8_t *block, uint32_t bytes)
{
    uint32_t crc = 0xffffffffu;
    for (uint32_t k = 0; k < bytes - 4u; k++) {
        crc ^= block[k];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1u ? 0xedb88320u : 0u);
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        block[bytes - 4u + k] = (uint8_t)(~crc >> (8 * k));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    insitu_memory *memory = &insitu_exported_memory;
    const uint32_t bytes = insitu_block_bytes(memory);
    static int16_t codes[8192];
    insitu_answer answer;

    insitu_init(memory);
    if (!size || insitu_save(memory, &storage) != INSITU_OK || insitu_save(memory, &storage) != INSITU_OK) {
        return 0;
    }
    const unsigned kind = data[0];
    const size_t at = kind & 1u ? 20u : 0u; /* keep the header */
    const size_t most = kind & 1u ? bytes - 24u : bytes;
    for (unsigned slot = 0; slot < 2; slot++) {
        const size_t begin = slot ? size / 2 : 1, count = (slot ? size : size / 2) > begin ? (slot ? size : size / 2) - begin : 0;
        memcpy(flash[slot] + at, data + begin, count < most ? count : most);
        if (kind & 1u) {
            seal(flash[slot], bytes);
        }
    }
    if (insitu_load(memory, &storage) == INSITU_OK) {
        for (unsigned j = 0; j < memory->model->features; j++) {
            codes[j] = (int16_t)(37 * (int)j - 900 + (int)kind);
        }
        (void)insitu_predict(memory, codes, &answer);
        for (uint16_t slot = 0; slot < memory->model->capacity; slot++) {
            if (insitu_label(memory, slot) && strlen(insitu_label(memory, slot)) >= memory->model->label_bytes) {
                __builtin_trap();
            }
        }
        (void)insitu_teach(memory, codes, "a");
        (void)insitu_forget(memory, "a");
        (void)insitu_save(memory, &storage);
    }
    return 0;
}
