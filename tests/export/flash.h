/* Two slots of storage in memory, of MOST_BYTES each; `last` is the one that was erased last. */
#include <string.h>

#include "insitu.h"

static uint8_t flash[2][MOST_BYTES];
static unsigned last;

static int flash_read(void *context, unsigned slot, uint32_t offset, uint8_t *bytes, uint32_t count)
{
    (void)context;
    memcpy(bytes, flash[slot] + offset, count);
    return 0;
}

static int flash_erase(void *context, unsigned slot)
{
    (void)context;
    memset(flash[slot], 0xff, MOST_BYTES);
    last = slot;
    return 0;
}

static int flash_write(void *context, unsigned slot, uint32_t offset, const uint8_t *bytes, uint32_t count)
{
    (void)context;
    memcpy(flash[slot] + offset, bytes, count);
    return 0;
}

static const insitu_storage storage = {0, flash_read, flash_erase, flash_write};
