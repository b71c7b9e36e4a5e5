/* Firmware for QEMU's board mps2-an386 (Cortex-M4) that serves requests on its first UART:
 *
 *     make firmware.elf
 *     qemu-system-arm -M mps2-an386 -nographic -monitor none -serial pty -kernel firmware.elf
 *
 * For a board of yours replace what is marked: the UART, the two sectors of flash, and the sensor. */
#include "insitu_serial.h"
#include "model.h"
#include "ram_flash.h" /* storage: replace by two sectors of flash */

/* UART of the board (Arm, CMSDK): replace by that of yours */
#define UART ((volatile uint32_t *)0x40004000)
enum { DATA, STATE, CONTROL, INTERRUPTS, DIVISOR };

static void uart_send(void *context, uint8_t byte)
{
    (void)context;
    while (UART[STATE] & 1u) { /* full */
    }
    UART[DATA] = byte;
}

static uint8_t uart_receive(void)
{
    while (!(UART[STATE] & 2u)) { /* empty */
    }
    return (uint8_t)UART[DATA];
}

/* Sensor: a ramp that moves with every reading; replace by codes of what your sensor or network gives */
static int sense(void *context, int16_t *codes)
{
    static int16_t readings;
    (void)context;
    readings = (int16_t)(readings % 100 + 1);
    for (unsigned j = 0; j < INSITU_FEATURES; j++) {
        codes[j] = (int16_t)((int)(j % 7u) * 20 - 60 + readings);
    }
    return 0;
}

int main(void)
{
    static const insitu_storage storage = {0, flash_read, flash_erase, flash_write};
    static int16_t codes[INSITU_FEATURES];
    static insitu_line line;

    UART[DIVISOR] = 16;
    UART[CONTROL] = 3; /* send and receive */
    insitu_init(&insitu_exported_memory);
    (void)insitu_load(&insitu_exported_memory, &storage); /* what was saved, if anything was */
    line.memory = &insitu_exported_memory;
    line.storage = &storage;
    line.codes = codes;
    line.sense = sense;
    line.send = uart_send;
    for (;;) {
        insitu_receive(&line, uart_receive());
    }
}
