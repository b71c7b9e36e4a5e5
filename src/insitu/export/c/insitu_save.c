/* Saved blocks: little-endian on every processor, a checksum at the end, two slots written in turn. */
#include "insitu.h"

#include <string.h>

#include "insitu_internal.h"

#define VERSION 1u
#define HEADER 20u

typedef struct {
    const insitu_storage *storage;
    unsigned slot;
    uint32_t offset, crc;
    unsigned used; /* bytes of the chunk that are written or read */
    int status;
    uint8_t chunk[INSITU_CHUNK];
} stream;

uint32_t insitu_crc(uint32_t crc, const uint8_t *bytes, uint32_t count)
{
    static const uint32_t nibbles[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};
    while (count--) {
        crc ^= *bytes++;
        crc = (crc >> 4) ^ nibbles[crc & 15u];
        crc = (crc >> 4) ^ nibbles[crc & 15u];
    }
    return crc;
}

static stream opened(const insitu_storage *storage, unsigned slot)
{
    stream at;
    memset(&at, 0, sizeof at);
    at.storage = storage;
    at.slot = slot;
    at.crc = 0xffffffffu;
    return at;
}

static void put(stream *at, uint32_t value, unsigned bytes)
{
    for (unsigned k = 0; k < bytes; k++) {
        at->chunk[at->used++] = (uint8_t)(value >> (8 * k));
        if (at->used == INSITU_CHUNK) {
            if (at->status == INSITU_OK
                && at->storage->write(at->storage->context, at->slot, at->offset, at->chunk, INSITU_CHUNK)) {
                at->status = INSITU_STORAGE;
            }
            at->crc = insitu_crc(at->crc, at->chunk, INSITU_CHUNK);
            at->offset += INSITU_CHUNK;
            at->used = 0;
        }
    }
}

static uint32_t get(stream *at, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned k = 0; k < bytes; k++) {
        if (!at->used) {
            memset(at->chunk, 0, sizeof at->chunk);
            if (at->status == INSITU_OK
                && at->storage->read(at->storage->context, at->slot, at->offset, at->chunk, INSITU_CHUNK)) {
                at->status = INSITU_STORAGE;
            }
            at->offset += INSITU_CHUNK;
        }
        const uint8_t byte = at->chunk[at->used];
        at->crc = insitu_crc(at->crc, &byte, 1);
        at->used = (at->used + 1) % INSITU_CHUNK;
        value |= (uint32_t)byte << (8 * k);
    }
    return value;
}

uint32_t insitu_block_bytes(const insitu_memory *memory)
{
    const insitu_model *model = memory->model;
    const uint32_t slot = model->label_bytes + 5u + 2u * model->rows;
    const uint32_t bytes = HEADER + model->capacity * slot + 4u;
    return (bytes + INSITU_CHUNK - 1u) / INSITU_CHUNK * INSITU_CHUNK;
}

/* Read a block through; with `into`, fill that memory. */
static int scan(const insitu_memory *memory, const insitu_storage *storage, unsigned slot, uint32_t *sequence,
                const insitu_memory *into)
{
    const insitu_model *model = memory->model;
    stream at = opened(storage, slot);
    if (get(&at, 4) != 0x4d534e49u) { /* INSM */
        return at.status ? at.status : INSITU_NOTHING;
    }
    const uint32_t version = get(&at, 2), rows = get(&at, 2), capacity = get(&at, 2), label_bytes = get(&at, 2);
    const uint32_t digest = get(&at, 4);
    *sequence = get(&at, 4);
    if (version != VERSION) {
        return at.status ? at.status : INSITU_OTHER_VERSION;
    }
    if (rows != model->rows || capacity != model->capacity || label_bytes != model->label_bytes
        || digest != model->digest) {
        return at.status ? at.status : INSITU_OTHER_MODEL;
    }
    int valid = 1;
    for (size_t k = 0; k < capacity; k++) {
        uint32_t first = 0, last = 0;
        for (size_t j = 0; j < label_bytes; j++) {
            last = get(&at, 1);
            first = j ? first : last;
            if (into) {
                into->labels[k * label_bytes + j] = (char)last;
            }
        }
        const uint32_t shots = get(&at, 4), exponent = get(&at, 1);
        valid = valid && !last && !first == !shots && exponent <= INSITU_LARGEST_EXPONENT;
        if (into) {
            into->shots[k] = shots;
            into->exponents[k] = (uint8_t)exponent;
        }
        for (size_t i = 0; i < rows; i++) {
            const uint32_t code = get(&at, 2);
            if (into) {
                into->sums[k * rows + i] = (int16_t)(code < 0x8000u ? (int32_t)code : (int32_t)code - 0x10000);
            }
        }
    }
    while (at.used != INSITU_CHUNK - 4u) {
        (void)get(&at, 1);
    }
    const uint32_t crc = at.crc ^ 0xffffffffu;
    const uint32_t stored = get(&at, 4);
    if (at.status) {
        return at.status;
    }
    return valid && stored == crc ? INSITU_OK : INSITU_DAMAGED;
}

unsigned insitu_newest(const insitu_memory *memory, const insitu_storage *storage, uint32_t *sequence, int *status)
{
    uint32_t numbers[2] = {0, 0};
    const int one = scan(memory, storage, 0, &numbers[0], 0), other = scan(memory, storage, 1, &numbers[1], 0);
    unsigned slot = one == INSITU_OK ? 0 : 1;
    if (one == INSITU_OK && other == INSITU_OK) {
        slot = (uint32_t)(numbers[1] - numbers[0]) - 1u < 0x7fffffffu;
    }
    *status = one == INSITU_OK || other == INSITU_OK ? INSITU_OK : one < other ? one : other;
    *sequence = *status == INSITU_OK ? numbers[slot] : 0;
    return slot;
}

int insitu_save(const insitu_memory *memory, const insitu_storage *storage)
{
    const insitu_model *model = memory->model;
    uint32_t sequence;
    int status;
    const unsigned slot = 1u - insitu_newest(memory, storage, &sequence, &status);
    if (status == INSITU_STORAGE) {
        return status;
    }
    if (storage->erase(storage->context, slot)) {
        return INSITU_STORAGE;
    }
    stream at = opened(storage, slot);
    put(&at, 0x4d534e49u, 4);
    put(&at, VERSION, 2);
    put(&at, model->rows, 2);
    put(&at, model->capacity, 2);
    put(&at, model->label_bytes, 2);
    put(&at, model->digest, 4);
    put(&at, sequence + 1u, 4);
    for (size_t k = 0; k < model->capacity; k++) {
        for (size_t j = 0; j < model->label_bytes; j++) {
            put(&at, (uint8_t)memory->labels[k * model->label_bytes + j], 1);
        }
        put(&at, memory->shots[k], 4);
        put(&at, memory->exponents[k], 1);
        for (size_t i = 0; i < model->rows; i++) {
            put(&at, (uint16_t)memory->sums[k * model->rows + i], 2);
        }
    }
    while (at.used != INSITU_CHUNK - 4u) {
        put(&at, 0, 1);
    }
    put(&at, insitu_crc(at.crc, at.chunk, at.used) ^ 0xffffffffu, 4);
    if (at.status) {
        return at.status;
    }
    uint32_t written;
    return scan(memory, storage, slot, &written, 0) == INSITU_OK && written == sequence + 1u ? INSITU_OK
                                                                                             : INSITU_STORAGE;
}

int insitu_load(insitu_memory *memory, const insitu_storage *storage)
{
    uint32_t sequence;
    int status;
    const unsigned slot = insitu_newest(memory, storage, &sequence, &status);
    if (status != INSITU_OK) {
        return status;
    }
    if (scan(memory, storage, slot, &sequence, memory) != INSITU_OK) {
        insitu_init(memory);
        return INSITU_STORAGE;
    }
    for (uint16_t k = 0; k < memory->model->capacity; k++) {
        insitu_refresh(memory, k);
    }
    return INSITU_OK;
}
