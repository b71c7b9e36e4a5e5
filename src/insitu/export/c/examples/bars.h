/* Pictures for the example, instead of a camera's. */
#include <stdint.h>

#include "network.h"

#define PICTURE_BYTES (INSITU_IMAGE_SIDE * INSITU_IMAGE_SIDE * INSITU_IMAGE_CHANNELS)

/* Draw a bright bar that lies (kind 0) or stands (kind 1), a little further with each step. */
static void draw(uint8_t *pixels, unsigned kind, unsigned step)
{
    const unsigned begin = INSITU_IMAGE_SIDE / 4u + step, end = begin + INSITU_IMAGE_SIDE / 4u;
    for (unsigned k = 0; k < PICTURE_BYTES; k++) {
        const unsigned place = k / INSITU_IMAGE_CHANNELS;
        const unsigned across = kind ? place % INSITU_IMAGE_SIDE : place / INSITU_IMAGE_SIDE;
        pixels[k] = across >= begin && across < end ? 230 : 20;
    }
}
