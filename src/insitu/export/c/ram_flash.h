/* Two sectors of flash, in RAM, for `insitu_save` on a computer or a board without flash that can be written. A device
 * replaces the three functions by those of its own flash. */
#include <string.h>

#include "insitu.h"
#include "model.h"

#ifndef SECTOR_BYTES
#define SECTOR_BYTES INSITU_BLOCK_BYTES
#endif

static uint8_t flash[2][SECTOR_BYTES];

static int flash_read(void *context, unsigned slot, uint32_t offset, uint8_t *bytes, uint32_t count)
{
    (void)context;
    memcpy(bytes, flash[slot] + offset, count);
    return 0;
}

static int flash_erase(void *context, unsigned slot)
{
    (void)context;
    memset(flash[slot], 0xff, SECTOR_BYTES);
    return 0;
}

static int flash_write(void *context, unsigned slot, uint32_t offset, const uint8_t *bytes, uint32_t count)
{
    (void)context;
    memcpy(flash[slot] + offset, bytes, count);
    return 0;
}
