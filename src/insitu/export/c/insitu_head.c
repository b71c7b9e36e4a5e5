/* The verbs of the head; the arithmetic is that of insitu/learners/integer_cwr.py, bit for bit. */
#include "insitu_head.h"

#include <string.h>

#include "insitu_internal.h"

#define LOWEST_POWER (-((int64_t)24 << 16))
#define LOW (-32768)
#define HIGH 32767

/* 2^24 times 2^(k / 64) */
static const uint32_t table[65] = {
    16777216u, 16959908u, 17144589u, 17331282u, 17520007u, 17710787u, 17903645u, 18098603u, 18295684u, 18494911u,
    18696307u, 18899897u, 19105703u, 19313750u, 19524063u, 19736666u, 19951585u, 20168843u, 20388467u, 20610483u,
    20834917u, 21061794u, 21291142u, 21522987u, 21757357u, 21994279u, 22233781u, 22475891u, 22720638u, 22968049u,
    23218155u, 23470984u, 23726566u, 23984932u, 24246111u, 24510133u, 24777031u, 25046835u, 25319578u, 25595290u,
    25874004u, 26155754u, 26440571u, 26728490u, 27019544u, 27313768u, 27611195u, 27911861u, 28215802u, 28523052u,
    28833647u, 29147625u, 29465022u, 29785875u, 30110222u, 30438101u, 30769550u, 31104608u, 31443315u, 31785710u,
    32131834u, 32481727u, 32835430u, 33192984u, 33554432u};

static int64_t limited(int64_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

static int64_t times(int64_t x, uint32_t m, unsigned s)
{
    return insitu_shifted_wide(x * (int64_t)m + ((int64_t)1 << (s - 1u)), s);
}

/* Return x / y rounded down, y > 0. */
static int64_t divided(int64_t x, int64_t y)
{
    return x >= 0 ? x / y : -((y - 1 - x) / y);
}

static uint32_t power(int64_t x)
{
    const uint32_t below = (uint32_t)-x, down = (below + 0xffffu) >> 16, rest = (down << 16) - below;
    const uint32_t low = table[rest >> 10];
    return (low + (((table[(rest >> 10) + 1u] - low) * (rest & 1023u) + 512u) >> 10)) >> down;
}

/* Shift weights right by as little as makes them fit 8 bits; return the shift. Rows not known are left out if asked. */
static unsigned forwarded(insitu_head *head, const int16_t *weight, int known_only)
{
    const insitu_head_model *model = head->model;
    const size_t features = model->features;
    int32_t largest = 0;
    for (size_t k = 0; k < model->capacity * features; k++) {
        if (known_only && !head->past[k / features]) {
            continue;
        }
        const int32_t size = weight[k] < 0 ? -weight[k] : weight[k];
        largest = size > largest ? size : largest;
    }
    unsigned shift = 0;
    while (largest >> shift > 127) {
        shift++;
    }
    const int32_t half = (int32_t)((1u << shift) >> 1);
    for (size_t k = 0; k < model->capacity * features; k++) {
        head->forward[k] = (int8_t)limited(insitu_shifted(weight[k] + half, shift), -128, 127);
    }
    return shift;
}

/* The output of one row for codes, in units of the grids. */
static int32_t output(const insitu_head *head, const int8_t *codes, size_t row)
{
    const size_t features = head->model->features;
    const int8_t *weight = head->forward + row * features;
    int32_t sum = 0, total = 0;
    for (size_t i = 0; i < features; i++) {
        sum += codes[i] * weight[i];
        total += weight[i];
    }
    return sum - total * head->model->zero;
}

void insitu_head_init(insitu_head *head)
{
    const insitu_head_model *model = head->model;
    const size_t known = (size_t)model->classes * model->features, all = (size_t)model->capacity * model->features;
    memset(head->weight, 0, all * sizeof head->weight[0]);
    memset(head->past, 0, model->capacity * sizeof head->past[0]);
    memcpy(head->weight, model->weight, known * sizeof head->weight[0]);
    memcpy(head->past, model->past, model->classes * sizeof head->past[0]);
    head->doublings = 0;
    head->grown = 0;
    head->most = 0;
}

void insitu_head_codes(const insitu_head *head, const int16_t *features, int8_t *codes)
{
    const insitu_head_model *model = head->model;
    for (uint16_t i = 0; i < model->features; i++) {
        codes[i] = (int8_t)limited(times(features[i], model->input.m, model->input.s) + model->zero, -128, 127);
    }
}

static int within(const insitu_head *head, const uint16_t *classes, uint16_t count)
{
    int fine = count > 0;
    for (uint16_t k = 0; k < count; k++) {
        fine = fine && classes[k] < head->model->capacity;
    }
    return fine;
}

int insitu_begin(insitu_head *head, const uint16_t *classes, uint16_t count)
{
    const size_t features = head->model->features, row = features * sizeof head->weight[0];
    if (!within(head, classes, count)) {
        return INSITU_HEAD_RANGE;
    }
    memset(head->trained, 0, head->model->capacity * row);
    for (uint16_t k = 0; k < count; k++) {
        memcpy(head->trained + classes[k] * features, head->weight + classes[k] * features, row);
    }
    head->grown = 0;
    head->most = 0;
    return INSITU_OK;
}

/* The errors of one example in each class, from its outputs in `sums`. */
static void judge(insitu_head *head, const int8_t *codes, uint16_t class, unsigned bits, int16_t *errors)
{
    const insitu_head_model *model = head->model;
    int32_t best = INT32_MIN;
    uint64_t total = 0;
    for (size_t c = 0; c < model->capacity; c++) {
        const int32_t sum = output(head, codes, c);
        head->powers[c] = (uint32_t)sum;
        best = sum > best ? sum : best;
    }
    for (size_t c = 0; c < model->capacity; c++) {
        const int64_t behind = (int64_t)(int32_t)head->powers[c] - best;
        const int64_t exponent = insitu_shifted_wide(behind * (int64_t)model->logit.m, bits);
        head->powers[c] = power(exponent < LOWEST_POWER ? LOWEST_POWER : exponent);
        total += head->powers[c];
    }
    for (size_t c = 0; c < model->capacity; c++) {
        const int64_t share = (int64_t)(((uint64_t)head->powers[c] << 24) / total);
        const int64_t p = limited(times(share, model->probability.m, model->probability.s) + model->p_zero, -128, 127);
        const int64_t wrong = (p - model->p_zero) * model->error - (c == class ? model->one : 0);
        errors[c] = (int16_t)limited(insitu_shifted_wide(wrong + (1 << 15), 16), LOW, HIGH);
    }
}

int insitu_step(insitu_head *head, const int8_t *codes, const uint16_t *classes, uint16_t count)
{
    const insitu_head_model *model = head->model;
    const size_t features = model->features, capacity = model->capacity;
    if (count > model->batch || !within(head, classes, count)) {
        return INSITU_HEAD_RANGE;
    }
    if (head->most > HIGH + 1) {
        for (size_t k = 0; k < capacity * features; k++) {
            head->trained[k] = (int16_t)insitu_shifted(head->trained[k] + 1, 1);
        }
        head->grown++;
    }
    const unsigned less = forwarded(head, head->trained, 0) + head->doublings + head->grown;
    for (size_t k = 0; k < count; k++) {
        judge(head, codes + k * features, classes[k], model->logit.s > less ? model->logit.s - less : 0,
              head->errors + k * capacity);
    }
    const uint32_t gradient = model->gradient.m / count;
    const uint32_t slower = model->update.s + head->doublings + head->grown;
    head->most = 0;
    for (size_t c = 0; c < capacity; c++) {
        int32_t total = 0;
        memset(head->sums, 0, features * sizeof head->sums[0]);
        for (size_t k = 0; k < count; k++) {
            const int32_t wrong = head->errors[k * capacity + c];
            const int8_t *given = codes + k * features;
            total += wrong;
            for (size_t i = 0; wrong && i < features; i++) {
                head->sums[i] += given[i] * wrong;
            }
        }
        for (size_t i = 0; i < features; i++) {
            int16_t *weight = head->trained + c * features + i;
            const int64_t slope = times(head->sums[i] - total * model->zero, gradient, model->gradient.s);
            const int64_t change = times(limited(slope, LOW, HIGH), model->update.m, slower < 62u ? slower : 62u);
            const int64_t moved = *weight - change, size = moved < 0 ? -moved : moved;
            head->most = size > head->most ? size : head->most;
            *weight = (int16_t)limited(moved, LOW, HIGH);
        }
    }
    return INSITU_OK;
}

int insitu_end(insitu_head *head, const uint16_t *classes, const uint32_t *examples, uint16_t count)
{
    const insitu_head_model *model = head->model;
    const size_t features = model->features;
    int64_t total = 0;
    if (!within(head, classes, count)) {
        return INSITU_HEAD_RANGE;
    }
    for (size_t k = 0; k < model->capacity * features; k++) {
        head->weight[k] = (int16_t)insitu_shifted(head->weight[k] + (int32_t)((1u << head->grown) >> 1), head->grown);
    }
    head->doublings += head->grown;
    head->grown = 0;
    for (uint16_t k = 0; k < count; k++) {
        for (size_t i = 0; i < features; i++) {
            total += head->trained[classes[k] * features + i];
        }
    }
    const int64_t entries = (int64_t)(count * features), mean = divided(2 * total + entries, 2 * entries);
    for (uint16_t k = 0; k < count; k++) {
        const uint64_t square = ((uint64_t)head->past[classes[k]] << 34) / (examples[k] ? examples[k] : 1u);
        const int64_t r = ((int64_t)insitu_root(square) + 1) >> 1, below = r + (1 << 16);
        for (size_t i = 0; i < features; i++) {
            int16_t *weight = head->weight + classes[k] * features + i;
            const int64_t above = r * *weight + (head->trained[classes[k] * features + i] - mean) * (1 << 16);
            *weight = (int16_t)limited(divided(2 * above + below, 2 * below), LOW, HIGH);
        }
        head->past[classes[k]] += examples[k];
    }
    return INSITU_OK;
}

int insitu_head_predict(insitu_head *head, const int8_t *codes, uint16_t *found)
{
    int32_t best = 0;
    int seen = 0;
    (void)forwarded(head, head->weight, 1);
    for (uint16_t c = 0; c < head->model->capacity; c++) {
        if (head->past[c]) {
            const int32_t sum = output(head, codes, c);
            if (!seen || sum > best) {
                best = sum;
                *found = c;
            }
            seen = 1;
        }
    }
    return seen ? INSITU_OK : INSITU_EMPTY;
}
