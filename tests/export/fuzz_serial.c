/* Takes any bytes from the line, twice: as they are, and cut into pieces that are the content of a request with a
 * valid checksum, so that what follows the checks is reached. */
#include "insitu_serial.h"
#include "model.h"

#define MOST_BYTES INSITU_BLOCK_BYTES
#include "flash.h"

static uint8_t sent;

static void send(void *context, uint8_t byte)
{
    (void)context;
    sent = byte;
}

static int sense(void *context, int16_t *codes)
{
    (void)context;
    memset(codes, sent, INSITU_FEATURES * sizeof codes[0]);
    return sent == 77;
}

static void request(insitu_line *line, const uint8_t *content, size_t count)
{
    uint8_t whole[300];
    uint32_t crc = 0xffffffffu;
    memcpy(whole, content, count);
    for (size_t k = 0; k < count; k++) {
        crc ^= whole[k];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1u ? 0xedb88320u : 0u);
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        whole[count++] = (uint8_t)(~crc >> (8 * k));
    }
    for (size_t start = 0;;) {
        size_t end = start;
        while (end < count && whole[end] && end - start < 254) {
            end++;
        }
        insitu_receive(line, (uint8_t)(end - start + 1));
        for (size_t k = start; k < end; k++) {
            insitu_receive(line, whole[k]);
        }
        if (end == count) {
            break;
        }
        start = end - start < 254 ? end + 1 : end;
    }
    insitu_receive(line, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int16_t codes[INSITU_FEATURES];
    insitu_line line;
    memset(&line, 0, sizeof line);
    memset(flash, 0xff, sizeof flash);
    insitu_init(&insitu_exported_memory);
    line.memory = &insitu_exported_memory;
    line.codes = codes;
    line.send = send;
    if (size && data[0] & 1u) {
        line.storage = &storage;
        line.sense = sense;
    }
    for (size_t k = 0; k < size; k++) {
        insitu_receive(&line, data[k]);
    }
    insitu_receive(&line, 0);
    /* a byte says how long the content is that follows */
    for (size_t k = 0; k < size; k += data[k] + 1u) {
        const size_t rest = size - k - 1u;
        request(&line, data + k + 1u, data[k] < rest ? data[k] : rest);
    }
    for (uint16_t slot = 0; slot < INSITU_CAPACITY; slot++) {
        if (insitu_label(&insitu_exported_memory, slot)
            && strlen(insitu_label(&insitu_exported_memory, slot)) >= INSITU_LABEL_BYTES) {
            __builtin_trap();
        }
    }
    return 0;
}
