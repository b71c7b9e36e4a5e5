/* Every error code of saving and loading, and that the memory stays as it was. Prints the line of what fails. */
#include <stdio.h>
#include <string.h>

#include "insitu.h"

#define MOST_BYTES (1u << 16)
#define CHECK(it) \
    if (!(it)) { \
        printf("line %d\n", __LINE__); \
        return 1; \
    }

static uint8_t flash[2][MOST_BYTES];
static int broken; /* 1: reading fails, 2: writing, 3: erasing, 4: writes are lost */

static int flash_read(void *context, unsigned slot, uint32_t offset, uint8_t *bytes, uint32_t count)
{
    (void)context;
    memcpy(bytes, flash[slot] + offset, count);
    return broken == 1;
}

static int flash_erase(void *context, unsigned slot)
{
    (void)context;
    memset(flash[slot], 0xff, MOST_BYTES);
    return broken == 3;
}

static int flash_write(void *context, unsigned slot, uint32_t offset, const uint8_t *bytes, uint32_t count)
{
    (void)context;
    if (broken != 4) {
        memcpy(flash[slot] + offset, bytes, count);
    }
    return broken == 2;
}

/* Load with one byte of the first slot changed, the second slot empty, and something taught since the save. */
static int loaded_with(insitu_memory *memory, const insitu_storage *storage, uint32_t place, uint8_t change)
{
    const uint32_t before = memory->shots[0];
    flash[0][place] ^= change;
    const int status = insitu_load(memory, storage);
    flash[0][place] ^= change;
    return memory->shots[0] == before ? status : 1;
}

int main(void)
{
    insitu_memory *memory = &insitu_exported_memory;
    const insitu_storage storage = {0, flash_read, flash_erase, flash_write};
    static int16_t codes[8192];

    memset(flash, 0xff, sizeof flash);
    insitu_init(memory);
    CHECK(insitu_load(memory, &storage) == INSITU_NOTHING)
    CHECK(insitu_save(memory, &storage) == INSITU_OK)
    memcpy(flash[0], flash[flash[0][0] != 'I'], insitu_block_bytes(memory));
    memset(flash[1], 0xff, MOST_BYTES);
    const char *label = insitu_label(memory, 0);
    CHECK(insitu_teach(memory, codes, label) == INSITU_OK)
    CHECK(loaded_with(memory, &storage, 4, 1) == INSITU_OTHER_VERSION)
    CHECK(loaded_with(memory, &storage, 6, 1) == INSITU_OTHER_MODEL)
    CHECK(loaded_with(memory, &storage, 8, 1) == INSITU_OTHER_MODEL)
    CHECK(loaded_with(memory, &storage, 10, 1) == INSITU_OTHER_MODEL)
    CHECK(loaded_with(memory, &storage, 12, 1) == INSITU_OTHER_MODEL)
    CHECK(loaded_with(memory, &storage, 0, 1) == INSITU_NOTHING)
    for (uint32_t place = 16; place < insitu_block_bytes(memory); place++) {
        CHECK(loaded_with(memory, &storage, place, (uint8_t)(1u << place % 8u)) == INSITU_DAMAGED)
    }
    flash[0][4] = 0; /* version 1 in the other byte order */
    CHECK(loaded_with(memory, &storage, 5, 1) == INSITU_OTHER_VERSION)
    flash[0][4] = 1;
    broken = 1;
    CHECK(loaded_with(memory, &storage, 0, 0) == INSITU_STORAGE)
    CHECK(insitu_save(memory, &storage) == INSITU_STORAGE)
    for (broken = 2; broken <= 4; broken++) {
        CHECK(insitu_save(memory, &storage) == INSITU_STORAGE)
    }
    broken = 0;
    const uint32_t taught = insitu_shots(memory, 0);
    CHECK(insitu_load(memory, &storage) == INSITU_OK && insitu_shots(memory, 0) == taught - 1u)
    CHECK(insitu_forget(memory, "none") == INSITU_UNKNOWN && insitu_forget(memory, "") == INSITU_UNKNOWN)
    CHECK(insitu_label(memory, memory->model->capacity) == 0 && insitu_shots(memory, memory->model->capacity) == 0)
    return 0;
}
