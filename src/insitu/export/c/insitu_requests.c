/* What a board does on each request over the serial line; insitu_serial.h lists them. */
#include "insitu_serial.h"

#include <string.h>

#include "insitu_internal.h"

#define MOST_BYTES 240u /* that READ returns */

static void add(insitu_line *line, uint32_t value, unsigned count)
{
    insitu_put_number(line->answer + line->given, value, count);
    line->given += count;
}

/* Add the label in a slot, without its final 0. */
static void add_label(insitu_line *line, uint16_t slot)
{
    const char *label = insitu_label(line->memory, slot);
    while (*label) {
        add(line, (uint8_t)*label++, 1);
    }
}

static int info(insitu_line *line)
{
    const insitu_memory *memory = line->memory;
    const insitu_model *model = memory->model;
    uint32_t held = 0;
    for (uint16_t slot = 0; slot < model->capacity; slot++) {
        held += insitu_label(memory, slot) != 0;
    }
    add(line, INSITU_PROTOCOL, 1);
    add(line, (line->storage ? 1u : 0u) | (line->sense ? 2u : 0u) | (model->step ? 4u : 0u), 1);
    add(line, model->features, 2);
    add(line, model->rows, 2);
    add(line, model->capacity, 2);
    add(line, model->label_bytes, 2);
    add(line, held, 2);
    add(line, model->digest, 4);
    add(line, model->excess, 4);
    add(line, insitu_block_bytes(memory), 4);
    return INSITU_OK;
}

static int fill(insitu_line *line, const uint8_t *bytes, uint32_t count)
{
    const uint32_t place = count >= 2u ? insitu_number(bytes, 2) : 0, codes = count / 2u - 1u;
    if (count < 4u || count % 2u || place + codes > line->memory->model->features) {
        return INSITU_REQUEST;
    }
    for (uint32_t k = 0; k < codes; k++) {
        const uint32_t code = insitu_number(bytes + 2u * k + 2u, 2);
        line->codes[place + k] = (int16_t)(code < 0x8000u ? (int32_t)code : (int32_t)code - 0x10000);
    }
    return INSITU_OK;
}

static int predict(insitu_line *line)
{
    insitu_answer answer = {0, 0, 0};
    const int status = insitu_predict(line->memory, line->codes, &answer);
    if (status == INSITU_OK) {
        add(line, answer.slot, 2);
        add(line, (uint32_t)answer.score, 4);
        add(line, (uint32_t)answer.margin, 4);
        add_label(line, answer.slot);
    }
    return status;
}

static int label_of(insitu_line *line, const uint8_t *bytes, uint32_t count)
{
    const uint16_t slot = count == 2u ? (uint16_t)insitu_number(bytes, 2) : line->memory->model->capacity;
    if (slot >= line->memory->model->capacity) {
        return INSITU_REQUEST;
    }
    if (!insitu_label(line->memory, slot)) {
        return INSITU_UNKNOWN;
    }
    add(line, insitu_shots(line->memory, slot), 4);
    add_label(line, slot);
    return INSITU_OK;
}

/* Add bytes of an array of numbers, little-endian. */
static int add_constants(insitu_line *line, unsigned part, uint32_t offset, uint32_t count)
{
    const insitu_model *model = line->memory->model;
    const uint32_t features = model->features, rows = model->rows;
    const void *const arrays[8] = {model->zero, model->gain,  model->shift,  model->weight,
                                   model->bias, model->scale, model->offset, model->step};
    const uint32_t numbers[8] = {features, features, features, rows * features, rows, rows, features, features};
    static const uint8_t sizes[8] = {4, 2, 1, 1, 4, 2, 4, 4};
    if (!part || part > 8u) {
        return INSITU_REQUEST;
    }
    const uint32_t size = sizes[part - 1u], total = size * numbers[part - 1u];
    const uint8_t *array = arrays[part - 1u];
    if (!array) {
        return INSITU_ABSENT;
    }
    if (offset > total || count > total - offset) {
        return INSITU_REQUEST;
    }
    for (; count; count--, offset++) {
        const uint8_t *at = array + offset / size * size;
        uint32_t value = *at;
        if (size == 2u) {
            uint16_t half;
            memcpy(&half, at, sizeof half);
            value = half;
        } else if (size == 4u) {
            memcpy(&value, at, sizeof value);
        }
        add(line, value >> (8u * (offset % size)), 1);
    }
    return INSITU_OK;
}

static int read_part(insitu_line *line, const uint8_t *bytes, uint32_t count)
{
    const uint32_t offset = count == 6u ? insitu_number(bytes + 1, 4) : 0, wanted = count == 6u ? bytes[5] : 0;
    uint32_t sequence;
    int status;
    if (!wanted || wanted > MOST_BYTES) {
        return INSITU_REQUEST;
    }
    if (bytes[0]) {
        return add_constants(line, bytes[0], offset, wanted);
    }
    const uint32_t total = insitu_block_bytes(line->memory);
    if (offset > total || wanted > total - offset) {
        return INSITU_REQUEST;
    }
    if (!offset) { /* what comes after the first bytes is of the same block */
        line->writing = 0;
        line->slot = (uint8_t)insitu_newest(line->memory, line->storage, &sequence, &status);
        if (status != INSITU_OK) {
            return status;
        }
    }
    status = line->storage->read(line->storage->context, line->slot, offset, line->answer + line->given, wanted);
    line->given += status ? 0 : wanted;
    return status ? INSITU_STORAGE : INSITU_OK;
}

/* Erase the slot of the older block; the answer is the sequence number of the newest, 0 where there is none. */
static int erase(insitu_line *line)
{
    uint32_t sequence;
    int status;
    line->writing = 0;
    line->slot = (uint8_t)(1u - insitu_newest(line->memory, line->storage, &sequence, &status));
    if (status == INSITU_STORAGE || line->storage->erase(line->storage->context, line->slot)) {
        return INSITU_STORAGE;
    }
    line->writing = 1;
    line->offset = 0;
    add(line, sequence, 4);
    return INSITU_OK;
}

static int write_chunk(insitu_line *line, const uint8_t *bytes, uint32_t count)
{
    const insitu_storage *storage = line->storage;
    if (count != 4u + INSITU_CHUNK || !line->writing || insitu_number(bytes, 4) != line->offset
        || line->offset >= insitu_block_bytes(line->memory)) {
        return INSITU_REQUEST;
    }
    if (storage->write(storage->context, line->slot, line->offset, bytes + 4, INSITU_CHUNK)) {
        return INSITU_STORAGE;
    }
    line->offset += INSITU_CHUNK;
    return INSITU_OK;
}

static int load(insitu_line *line, const uint8_t *bytes, uint32_t count)
{
    uint32_t sequence;
    int status;
    line->writing = 0;
    (void)insitu_newest(line->memory, line->storage, &sequence, &status);
    if (count != 4u) {
        return INSITU_REQUEST;
    }
    if (status == INSITU_OK && sequence != insitu_number(bytes, 4)) {
        return INSITU_DAMAGED;
    }
    return status == INSITU_OK ? insitu_load(line->memory, line->storage) : status;
}

int insitu_carry_out(insitu_line *line, unsigned verb, uint8_t *bytes, uint32_t count)
{
    const int stores = verb == INSITU_SAVE || (verb >= INSITU_ERASE && verb <= INSITU_LOAD);
    if (!line->storage && (stores || (verb == INSITU_READ && count && !bytes[0]))) {
        return INSITU_ABSENT;
    }
    /* the checksum behind a label has been compared, and makes room for its final 0 */
    bytes[count] = 0;
    const char *label = (const char *)bytes;
    const int whole = strlen(label) == count;
    switch (verb) {
    case INSITU_INFO: return info(line);
    case INSITU_INPUT: return fill(line, bytes, count);
    case INSITU_SENSE:
        return !line->sense ? INSITU_ABSENT : line->sense(line->context, line->codes) ? INSITU_SENSOR : INSITU_OK;
    case INSITU_TEACH: return whole ? insitu_teach(line->memory, line->codes, label) : INSITU_LABEL;
    case INSITU_PREDICT: return predict(line);
    case INSITU_FORGET: return whole ? insitu_forget(line->memory, label) : INSITU_LABEL;
    case INSITU_LABEL_OF: return label_of(line, bytes, count);
    case INSITU_SAVE:
        line->writing = 0;
        return insitu_save(line->memory, line->storage);
    case INSITU_READ: return read_part(line, bytes, count);
    case INSITU_ERASE: return erase(line);
    case INSITU_WRITE: return write_chunk(line, bytes, count);
    case INSITU_LOAD: return load(line, bytes, count);
    default: return INSITU_REQUEST;
    }
}
