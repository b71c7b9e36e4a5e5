/* Frames over a serial line, and answers that are given again; the format is in insitu_serial.h. */
#include "insitu_serial.h"

#include <string.h>

#include "insitu_internal.h"

#define HEAD 5u /* bytes of sequence number and verb */
#define CHECKSUM 4u

static void send(insitu_line *line)
{
    const uint8_t *bytes = line->answer;
    uint32_t start = 0;
    line->send(line->context, 0);
    for (;;) {
        uint32_t end = start;
        while (end < line->given && end - start < 254u && bytes[end]) {
            end++;
        }
        line->send(line->context, (uint8_t)(end - start + 1u));
        for (uint32_t k = start; k < end; k++) {
            line->send(line->context, bytes[k]);
        }
        if (end == line->given) {
            break;
        }
        start = end - start < 254u ? end + 1u : end;
    }
    line->send(line->context, 0);
}

static void handle(insitu_line *line)
{
    if (line->taken < HEAD + CHECKSUM) {
        return;
    }
    uint8_t *request = line->request;
    const uint32_t count = line->taken - CHECKSUM, crc = insitu_crc(0xffffffffu, request, count) ^ 0xffffffffu;
    if (crc != insitu_number(request + count, CHECKSUM)) {
        return;
    }
    /* the answer begins with the sequence number, so that it need not be kept elsewhere */
    if (!line->given || crc != line->last || memcmp(line->answer, request, 4)) {
        memcpy(line->answer, request, 4);
        line->last = crc;
        line->given = HEAD + 1u;
        line->answer[4] = (uint8_t)(request[4] | 128u);
        const int status = insitu_carry_out(line, request[4], request + HEAD, count - HEAD);
        line->answer[HEAD] = (uint8_t)status;
        insitu_put_number(line->answer + line->given, insitu_crc(0xffffffffu, line->answer, line->given) ^ 0xffffffffu,
                          CHECKSUM);
        line->given += CHECKSUM;
    }
    send(line);
}

static void take(insitu_line *line, uint8_t byte)
{
    if (line->taken < INSITU_FRAME) {
        line->request[line->taken++] = byte;
    } else {
        line->overlong = 1;
    }
}

void insitu_receive(insitu_line *line, uint8_t byte)
{
    if (!byte) {
        if (!line->left && !line->overlong) {
            handle(line);
        }
        line->taken = 0;
        line->left = 0;
        line->zero = 0;
        line->overlong = 0;
    } else if (line->left) {
        line->left--;
        take(line, byte);
    } else {
        if (line->zero) {
            take(line, 0);
        }
        line->left = byte - 1u;
        line->zero = byte != 255u;
    }
}
