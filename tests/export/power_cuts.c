/* Saves 1000 times and loses power at a random byte of each erasure and write: what loads is the old or the new memory,
 * whole. Prints how often it was which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insitu.h"

#define TRIALS 1000
#define MOST_BYTES (1u << 18)

static uint8_t flash[2][MOST_BYTES], before[MOST_BYTES], after[MOST_BYTES];
static uint32_t power = UINT32_MAX; /* bytes that are changed until it fails */
static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * below) >> 32);
}

static int flash_read(void *context, unsigned slot, uint32_t offset, uint8_t *bytes, uint32_t count)
{
    (void)context;
    memcpy(bytes, flash[slot] + offset, count);
    return 0;
}

static int change(uint8_t *to, const uint8_t *from, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        if (!power) {
            return 1;
        }
        /* the byte under way is anything */
        to[k] = --power ? (from ? from[k] : 0xff) : (uint8_t)draw(256);
    }
    return 0;
}

static int flash_erase(void *context, unsigned slot)
{
    return change(flash[slot], 0, insitu_block_bytes(context));
}

static int flash_write(void *context, unsigned slot, uint32_t offset, const uint8_t *bytes, uint32_t count)
{
    (void)context;
    return change(flash[slot] + offset, bytes, count);
}

/* Copy all that is held. */
static uint32_t image(const insitu_memory *memory, uint8_t *out)
{
    const insitu_model *model = memory->model;
    const size_t capacity = model->capacity, sums = capacity * model->rows * sizeof memory->sums[0];
    memcpy(out, memory->labels, capacity * model->label_bytes);
    out += capacity * model->label_bytes;
    memcpy(out, memory->shots, capacity * sizeof memory->shots[0]);
    out += capacity * sizeof memory->shots[0];
    memcpy(out, memory->gains, capacity * sizeof memory->gains[0]);
    out += capacity * sizeof memory->gains[0];
    memcpy(out, memory->exponents, capacity);
    memcpy(out + capacity, memory->sums, sums);
    return (uint32_t)(capacity * (model->label_bytes + 9u) + sums);
}

int main(void)
{
    insitu_memory *memory = &insitu_exported_memory;
    const insitu_storage storage = {memory, flash_read, flash_erase, flash_write};
    static int16_t codes[8192];
    static uint8_t found[MOST_BYTES];
    const uint32_t bytes = insitu_block_bytes(memory);
    unsigned old = 0, fresh = 0;

    insitu_init(memory);
    if (insitu_save(memory, &storage) != INSITU_OK) {
        return 1;
    }
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        image(memory, before);
        char label[3] = {'c', (char)('0' + draw(4)), 0};
        for (unsigned j = 0; j < memory->model->features; j++) {
            codes[j] = (int16_t)((int32_t)draw(2000) - 1000);
        }
        if (draw(4) ? insitu_teach(memory, codes, label) == INSITU_FULL : insitu_forget(memory, label) == 2) {
            return 1;
        }
        const uint32_t size = image(memory, after);
        power = draw(2 * bytes + 2 * bytes / 8); /* now and then all is written */
        const int saved = insitu_save(memory, &storage);
        power = UINT32_MAX;
        insitu_init(memory);
        if (insitu_load(memory, &storage) != INSITU_OK) {
            printf("trial %u: nothing loads\n", trial);
            return 1;
        }
        image(memory, found);
        const int is_new = !memcmp(found, after, size), is_old = !memcmp(found, before, size);
        if (!(is_new || is_old) || (saved == INSITU_OK && !is_new)) {
            printf("trial %u: neither the old nor the new memory\n", trial);
            return 1;
        }
        fresh += (unsigned)is_new;
        old += (unsigned)!is_new;
    }
    printf("%u old, %u new\n", old, fresh);
    return 0;
}
