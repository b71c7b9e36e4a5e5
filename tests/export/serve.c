/* Serves requests that come by the standard input, with answers to the standard output. */
#include <stdio.h>

#include "insitu_serial.h"
#include "model.h"

#define MOST_BYTES INSITU_BLOCK_BYTES
#include "flash.h"

static void send(void *context, uint8_t byte)
{
    (void)context;
    putchar(byte);
}

static int sense(void *context, int16_t *codes)
{
    (void)context;
    for (unsigned j = 0; j < INSITU_FEATURES; j++) {
        codes[j] = (int16_t)(j + 1u);
    }
    return 0;
}

int main(int count, char **arguments)
{
    static int16_t codes[INSITU_FEATURES];
    static insitu_line line;
    (void)arguments;
    insitu_init(&insitu_exported_memory);
    line.memory = &insitu_exported_memory;
    line.codes = codes;
    line.send = send;
    if (count == 1) { /* with an argument: without storage and sensor */
        line.storage = &storage;
        line.sense = sense;
    }
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        insitu_receive(&line, (uint8_t)byte);
        if (!byte) {
            fflush(stdout);
        }
    }
    return 0;
}
