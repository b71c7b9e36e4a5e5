/* A memory that learns classes from a few examples: portable C99, no heap, no recursion, no floating point.
 *
 * model.c, written by `insitu export c`, defines the model and the memory with its working space. Inputs are codes
 * of 16 bits: input = offset + step x code, with the constants in model.c. No function is reentrant for one memory.
 */
#ifndef INSITU_H
#define INSITU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    INSITU_OK = 0,
    INSITU_SATURATED = 1,      /* done; an input was out of range and taken as the nearest code */
    INSITU_FULL = -1,          /* every slot holds a class: forget one, or export a larger capacity */
    INSITU_LABEL = -2,         /* a label is empty or too long */
    INSITU_UNKNOWN = -3,       /* no class has this label */
    INSITU_EMPTY = -4,         /* the memory holds no class yet */
    INSITU_NAN = -5,           /* an input is not a number */
    INSITU_NOTHING = -6,       /* no saved block in this storage */
    INSITU_DAMAGED = -7,       /* a saved block is torn or has flipped bits */
    INSITU_OTHER_VERSION = -8, /* saved by another version of the format */
    INSITU_OTHER_MODEL = -9,   /* saved by a memory of another model, capacity or length of labels */
    INSITU_STORAGE = -10,      /* the storage reported an error, or does not hold what was written */
    INSITU_REQUEST = -12,      /* a request over the serial line is malformed, or unknown to this firmware */
    INSITU_ABSENT = -13,       /* this firmware has no storage, no sensor, or was built without INSITU_FLOAT */
    INSITU_SENSOR = -14        /* the sensor reported an error */
};

/* Constants of a model; see insitu/memory/integer_space.py for the arithmetic. */
typedef struct {
    uint16_t features, rows, capacity, label_bytes;
    uint32_t digest;         /* checksum of the constants that vectors depend on */
    uint32_t excess;         /* squared excess length of one shot */
    const int32_t *zero;     /* (features) */
    const int16_t *gain;     /* (features) */
    const uint8_t *shift;    /* (features) */
    const int8_t *weight;    /* (rows, features) */
    const int32_t *bias;     /* (rows) */
    const int16_t *scale;    /* (rows) */
    const float *offset;     /* (features) for insitu_codes only */
    const float *step;       /* (features) likewise */
    uint16_t classes;        /* that the model was exported with */
    const char *labels;      /* (classes, label_bytes) */
    const uint32_t *shots;   /* (classes) */
    const uint8_t *exponents; /* (classes) */
    const int16_t *sums;     /* (classes, rows) */
} insitu_model;

typedef struct {
    const insitu_model *model;
    char *labels;       /* (capacity, label_bytes) empty where a slot is free */
    uint32_t *shots;    /* (capacity) examples learned */
    uint32_t *gains;    /* (capacity) factors of the sums of products */
    uint8_t *exponents; /* (capacity) of the units of sums */
    int16_t *sums;      /* (capacity, rows) */
    int16_t *inputs;    /* (features) working space */
    int32_t *wide;      /* (rows) working space */
    int16_t *vector;    /* (rows) working space: the vector of the last input */
} insitu_memory;

typedef struct {
    uint16_t slot;  /* of the most similar class */
    int32_t score;  /* 2^15 times its similarity, a cosine corrected for few examples: it may exceed 1 */
    int32_t margin; /* how far the next class is behind; INT32_MAX where there is none */
} insitu_answer;

/* Two places for blocks of insitu_block_bytes(). A function returns 0, or another number where it failed. Writes
 * follow each other from the start of an erased slot, INSITU_CHUNK bytes each. */
typedef struct {
    void *context;
    int (*read)(void *context, unsigned slot, uint32_t offset, uint8_t *bytes, uint32_t count);
    int (*erase)(void *context, unsigned slot);
    int (*write)(void *context, unsigned slot, uint32_t offset, const uint8_t *bytes, uint32_t count);
} insitu_storage;

#define INSITU_CHUNK 64u

extern insitu_memory insitu_exported_memory; /* in model.c */

/* Return to the classes that the model was exported with; call it once before all else. */
void insitu_init(insitu_memory *memory);

/* Add one example, codes (features), to the class of this label, which may be new. */
int insitu_teach(insitu_memory *memory, const int16_t *codes, const char *label);

/* Find the class most similar to codes (features); of equal ones that in the lowest slot. */
int insitu_predict(insitu_memory *memory, const int16_t *codes, insitu_answer *answer);

/* Free the slot of a class. */
int insitu_forget(insitu_memory *memory, const char *label);

/* Return the label in a slot, or NULL where the slot is free: list the classes by trying slots 0..capacity-1. */
const char *insitu_label(const insitu_memory *memory, uint16_t slot);

/* Return the examples learned of the class in a slot. */
uint32_t insitu_shots(const insitu_memory *memory, uint16_t slot);

/* Return the size of a saved block, a multiple of INSITU_CHUNK. */
uint32_t insitu_block_bytes(const insitu_memory *memory);

/* Write the memory to the slot that does not hold the newest block. Power may fail at any time: the next load finds
 * the memory as it was saved now or the last time. */
int insitu_save(const insitu_memory *memory, const insitu_storage *storage);

/* Replace the memory by the newest undamaged block. Where the result is not INSITU_OK nothing has changed, unless it
 * is INSITU_STORAGE: where a block reads differently the second time, the memory is as after insitu_init. */
int insitu_load(insitu_memory *memory, const insitu_storage *storage);

#ifdef INSITU_FLOAT
/* Turn inputs (features) into codes: INSITU_OK, INSITU_SATURATED or INSITU_NAN. The only function with floats. */
int insitu_codes(const insitu_model *model, const float *inputs, int16_t *codes);
#endif

#ifdef __cplusplus
}
#endif
#endif
