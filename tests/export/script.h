/* Reads operations from "script" and writes "answers"; numbers are little-endian on every processor. */
#include <stdint.h>
#include <stdio.h>

static FILE *script, *answers;

static uint32_t given(unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned k = 0; k < bytes; k++) {
        value |= ((uint32_t)getc(script) & 255u) << (8 * k);
    }
    return value;
}

static void put(uint32_t value, unsigned bytes)
{
    for (unsigned k = 0; k < bytes; k++) {
        putc((int)(value >> (8 * k) & 255u), answers);
    }
}
