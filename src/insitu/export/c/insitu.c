/* The verbs of the memory. The arithmetic is that of insitu/memory/integer_space.py and integer_memory.py, bit
 * for bit. */
#include "insitu.h"

#include <string.h>

#include "insitu_internal.h"

#define LENGTH 1024
#define Z_TOP 2047
#define SUM_TOP 32767
#define SMALLEST_LENGTH 512u
#define GOLDEN 2654435769u

/* Turn codes into the vector of the memory's working space. */
static void project(insitu_memory *memory, const int16_t *codes)
{
    const insitu_model *model = memory->model;
    int32_t *u = memory->wide;
    for (uint16_t j = 0; j < model->features; j++) {
        const int64_t centred = (int64_t)codes[j] * model->gain[j] - model->zero[j];
        const unsigned bits = model->shift[j];
        const int64_t z = insitu_shifted_wide(centred + (((int64_t)1 << bits) >> 1), bits);
        memory->inputs[j] = (int16_t)(z > Z_TOP ? Z_TOP : z < -Z_TOP ? -Z_TOP : z);
    }
    insitu_rows(model->weight, memory->inputs, model->rows, model->features, u);
    uint32_t most = 0;
    for (uint16_t i = 0; i < model->rows; i++) {
        const int64_t scaled = (int64_t)(u[i] + model->bias[i]) * model->scale[i];
        u[i] = (int32_t)insitu_shifted_wide(scaled + (1 << 14), 15);
        const uint32_t size = (uint32_t)(u[i] < 0 ? -u[i] : u[i]);
        most = size > most ? size : most;
    }
    unsigned bits = 0;
    while (most >> bits > 32767u) {
        bits++;
    }
    uint64_t square = 0;
    for (uint16_t i = 0; i < model->rows; i++) {
        u[i] = insitu_shifted(u[i], bits);
        square += (uint32_t)(u[i] * u[i]);
    }
    const uint32_t norm = insitu_root(square);
    if (!norm) {
        memset(memory->vector, 0, model->rows * sizeof memory->vector[0]);
        return;
    }
    const int32_t factor = (int32_t)((((uint32_t)LENGTH << 20) + norm / 2) / norm);
    for (uint16_t i = 0; i < model->rows; i++) {
        memory->vector[i] = (int16_t)insitu_shifted(u[i] * factor + (1 << 19), 20);
    }
}

void insitu_refresh(insitu_memory *memory, uint16_t slot)
{
    const insitu_model *model = memory->model;
    const int16_t *sums = memory->sums + (size_t)slot * model->rows;
    uint64_t square = 0;
    for (uint16_t i = 0; i < model->rows; i++) {
        square += (uint32_t)((int32_t)sums[i] * sums[i]);
    }
    const uint64_t excess = (((uint64_t)model->excess * memory->shots[slot]) << 4) >> (2 * memory->exponents[slot]);
    const uint64_t least = square / 10;
    uint32_t length = insitu_root(square > excess && square - excess > least ? square - excess : least);
    length = length > SMALLEST_LENGTH ? length : SMALLEST_LENGTH;
    memory->gains[slot] = (uint32_t)(((uint64_t)1 << 40) / length);
}

static char *label_at(const insitu_memory *memory, uint16_t slot)
{
    return memory->labels + (size_t)slot * memory->model->label_bytes;
}

/* Find the slot of a label, or with an empty label the first free one; capacity where there is none. */
static uint16_t find(const insitu_memory *memory, const char *label)
{
    uint16_t slot = 0;
    while (slot < memory->model->capacity && strcmp(label_at(memory, slot), label) != 0) {
        slot++;
    }
    return slot;
}

void insitu_init(insitu_memory *memory)
{
    const insitu_model *model = memory->model;
    const size_t rows = model->rows, classes = model->classes, capacity = model->capacity;
    memset(memory->labels, 0, capacity * model->label_bytes);
    memset(memory->shots, 0, capacity * sizeof memory->shots[0]);
    memset(memory->exponents, 0, capacity);
    memset(memory->sums, 0, capacity * rows * sizeof memory->sums[0]);
    if (classes) {
        memcpy(memory->labels, model->labels, classes * model->label_bytes);
        memcpy(memory->shots, model->shots, classes * sizeof model->shots[0]);
        memcpy(memory->exponents, model->exponents, classes);
        memcpy(memory->sums, model->sums, classes * rows * sizeof model->sums[0]);
    }
    for (uint16_t slot = 0; slot < model->capacity; slot++) {
        insitu_refresh(memory, slot);
    }
}

int insitu_teach(insitu_memory *memory, const int16_t *codes, const char *label)
{
    const insitu_model *model = memory->model;
    if (!label[0] || !memchr(label, 0, model->label_bytes)) {
        return INSITU_LABEL;
    }
    uint16_t slot = find(memory, label);
    if (slot == model->capacity) {
        slot = find(memory, "");
        if (slot == model->capacity) {
            return INSITU_FULL;
        }
        strcpy(label_at(memory, slot), label);
    }
    project(memory, codes);
    int16_t *sums = memory->sums + (size_t)slot * model->rows;
    for (;;) {
        const unsigned bits = memory->exponents[slot];
        const int32_t dither = bits ? (int32_t)((uint32_t)(memory->shots[slot] * GOLDEN) >> (32u - bits)) : 0;
        uint16_t i = 0;
        while (i < model->rows) {
            const int32_t total = sums[i] + insitu_shifted(memory->vector[i] + dither, bits);
            if ((total > SUM_TOP || total < -SUM_TOP) && bits < INSITU_LARGEST_EXPONENT) {
                break;
            }
            memory->wide[i++] = total > SUM_TOP ? SUM_TOP : total < -SUM_TOP ? -SUM_TOP : total;
        }
        if (i == model->rows) {
            break;
        }
        for (i = 0; i < model->rows; i++) {
            sums[i] = (int16_t)insitu_shifted(sums[i] + 1, 1);
        }
        memory->exponents[slot]++;
    }
    for (uint16_t i = 0; i < model->rows; i++) {
        sums[i] = (int16_t)memory->wide[i];
    }
    if (memory->shots[slot] < UINT32_MAX) {
        memory->shots[slot]++;
    }
    insitu_refresh(memory, slot);
    return INSITU_OK;
}

int insitu_predict(insitu_memory *memory, const int16_t *codes, insitu_answer *answer)
{
    const insitu_model *model = memory->model;
    int32_t best = 0, second = 0;
    uint16_t seen = 0;
    for (uint16_t slot = 0; slot < model->capacity; slot++) {
        if (!label_at(memory, slot)[0]) {
            continue;
        }
        if (!seen) {
            project(memory, codes);
        }
        const int32_t product = insitu_dot(memory->sums + (size_t)slot * model->rows, memory->vector, model->rows);
        const int32_t score = (int32_t)insitu_shifted_wide((int64_t)product * memory->gains[slot], 35);
        if (!seen || score > best) {
            second = best;
            best = score;
            answer->slot = slot;
        } else if (seen == 1 || score > second) {
            second = score;
        }
        seen = seen < 2 ? (uint16_t)(seen + 1) : seen;
    }
    if (!seen) {
        return INSITU_EMPTY;
    }
    answer->score = best;
    answer->margin = seen > 1 ? best - second : INT32_MAX;
    return INSITU_OK;
}

int insitu_forget(insitu_memory *memory, const char *label)
{
    const insitu_model *model = memory->model;
    const uint16_t slot = label[0] ? find(memory, label) : model->capacity;
    if (slot == model->capacity) {
        return INSITU_UNKNOWN;
    }
    memset(label_at(memory, slot), 0, model->label_bytes);
    memset(memory->sums + (size_t)slot * model->rows, 0, model->rows * sizeof memory->sums[0]);
    memory->shots[slot] = 0;
    memory->exponents[slot] = 0;
    insitu_refresh(memory, slot);
    return INSITU_OK;
}

const char *insitu_label(const insitu_memory *memory, uint16_t slot)
{
    const char *label = slot < memory->model->capacity ? label_at(memory, slot) : "";
    return label[0] ? label : 0;
}

uint32_t insitu_shots(const insitu_memory *memory, uint16_t slot)
{
    return slot < memory->model->capacity ? memory->shots[slot] : 0;
}

#ifdef INSITU_FLOAT
int insitu_codes(const insitu_model *model, const float *inputs, int16_t *codes)
{
    int status = INSITU_OK;
    for (uint16_t j = 0; j < model->features; j++) {
        const float inverse = 1.0f / model->step[j];
        const float centred = inputs[j] - model->offset[j];
        const float exact = centred * inverse;
        const float rounded = exact >= 0.0f ? exact + 0.5f : exact - 0.5f;
        if (inputs[j] != inputs[j]) {
            return INSITU_NAN;
        }
        if (rounded >= 32768.0f || rounded <= -32768.0f) {
            codes[j] = rounded > 0.0f ? 32767 : -32767;
            status = INSITU_SATURATED;
        } else {
            codes[j] = (int16_t)rounded;
        }
    }
    return status;
}
#endif
