/* Teach a class, find it again, save, lose power, load. Run it on a computer; a device replaces the storage, which
 * is RAM here, by two sectors of flash, and the inputs by what its sensor or network gives. */
#include <stdio.h>

#include "insitu.h"
#include "model.h"
#include "ram_flash.h"

static void list(const insitu_memory *memory)
{
    for (uint16_t slot = 0; slot < memory->model->capacity; slot++) {
        if (insitu_label(memory, slot)) {
            printf("  %s: %lu examples\n", insitu_label(memory, slot), (unsigned long)insitu_shots(memory, slot));
        }
    }
}

int main(void)
{
    const insitu_storage storage = {0, flash_read, flash_erase, flash_write};
    insitu_memory *memory = &insitu_exported_memory;
    static int16_t codes[INSITU_FEATURES];
    insitu_answer answer;

    insitu_init(memory);
    puts("held at export:");
    list(memory);
    for (uint16_t j = 0; j < INSITU_FEATURES; j++) {
        codes[j] = (int16_t)(j % 3 ? 300 : -200); /* instead of a sensor's */
    }
    const char *label = INSITU_LABEL_BYTES > 3u ? "new" : "n";
    if (insitu_teach(memory, codes, label) == INSITU_FULL) {
        label = insitu_label(memory, 0); /* another example of a class, then */
        (void)insitu_teach(memory, codes, label);
    }
    if (insitu_predict(memory, codes, &answer) != INSITU_OK) {
        return 1;
    }
    /* a cosine, corrected for few examples, so that it may exceed 1 */
    printf("predicted: %s, similarity %ld/32768\n", insitu_label(memory, answer.slot), (long)answer.score);
    if (insitu_save(memory, &storage) != INSITU_OK) {
        return 1;
    }
    insitu_init(memory); /* as after a loss of power */
    if (insitu_load(memory, &storage) != INSITU_OK) {
        return 1;
    }
    puts("loaded:");
    list(memory);
    return insitu_forget(memory, label);
}
