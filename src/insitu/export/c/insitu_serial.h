/* Requests over a serial line: teach, predict, forget, backup, restore. Portable, without heap or timers.
 *
 * A frame is 0, content in COBS (Cheshire and Baker, 1999; no byte of it is 0), 0. Numbers are little-endian.
 *
 *     request: sequence (4), verb (1), arguments, CRC-32 of all before (4)
 *     answer:  sequence (4), verb + 128 (1), status (1), results, CRC-32 of all before (4)
 *
 * A damaged frame is dropped without an answer, and the next 0 begins a new one. The sender repeats a request until it
 * is answered: one that repeats the sequence number and the checksum of the last is answered as before, and not carried
 * out again. docs/board.md describes every verb.
 */
#ifndef INSITU_SERIAL_H
#define INSITU_SERIAL_H

#include "insitu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define INSITU_PROTOCOL 1u
#define INSITU_FRAME 288u /* bytes of the longest content */

enum {
    INSITU_INFO = 0,     /* sizes and features of this firmware */
    INSITU_INPUT = 1,    /* place (2), codes (2 each): fill a part of the input */
    INSITU_SENSE = 2,    /* fill the input with what the sensor shows */
    INSITU_TEACH = 3,    /* label: add the input to this class */
    INSITU_PREDICT = 4,  /* the class most similar to the input */
    INSITU_FORGET = 5,   /* label */
    INSITU_LABEL_OF = 6, /* slot (2) */
    INSITU_SAVE = 7,     /* save the memory to the storage */
    INSITU_READ = 8,     /* part (1), offset (4), count (1): bytes of the newest block, or of the model's constants */
    INSITU_ERASE = 9,    /* erase the slot of the older block */
    INSITU_WRITE = 10,   /* offset (4), INSITU_CHUNK bytes: write to it, in order */
    INSITU_LOAD = 11     /* sequence number (4): replace the memory by the block written, if it is whole */
};

typedef struct {
    insitu_memory *memory;
    const insitu_storage *storage; /* or NULL */
    int16_t *codes;                /* (features) the input */
    int (*sense)(void *context, int16_t *codes); /* or NULL: read the sensor; return 0, or another number if it failed */
    void (*send)(void *context, uint8_t byte);   /* send a byte over the line */
    void *context;                 /* of sense and send */
    /* what follows is not for users */
    uint8_t request[INSITU_FRAME], answer[INSITU_FRAME];
    uint32_t taken, given;  /* bytes of request and answer */
    uint32_t left;          /* bytes until the next code byte of COBS */
    uint32_t last;          /* checksum of the request that was answered last, with its sequence number */
    uint32_t offset;        /* where the next bytes of a block are to be written */
    uint8_t zero, overlong; /* a 0 follows the run; the frame exceeds INSITU_FRAME */
    uint8_t slot, writing;  /* of the block that is being written */
} insitu_line;

/* Take one byte from the line. Where it completes a request, that is carried out and answered. */
void insitu_receive(insitu_line *line, uint8_t byte);

/* Not for users, in insitu_requests.c: carry out a request with `count` bytes of arguments, behind which another byte is
 * free; add the results to line->answer, and return the status. */
int insitu_carry_out(insitu_line *line, unsigned verb, uint8_t *bytes, uint32_t count);

#ifdef __cplusplus
}
#endif
#endif
