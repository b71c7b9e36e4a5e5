/* ram_flash.h with sectors of MOST_BYTES; `last` is the one that was erased last. */
#define SECTOR_BYTES MOST_BYTES
#include "ram_flash.h"

static unsigned last;

static int erase_and_note(void *context, unsigned slot)
{
    last = slot;
    return flash_erase(context, slot);
}

static const insitu_storage storage = {0, flash_read, erase_and_note, flash_write};
