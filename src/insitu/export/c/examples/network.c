/* Turn pictures into features, and compare their signs. Run it on a computer; a device takes the pictures from
 * its camera. */
#include <stdio.h>

#include "bars.h"
#include "insitu_network.h"

#define PICTURES 4u

int main(void)
{
    static uint8_t pixels[PICTURE_BYTES];
    static uint32_t latent[INSITU_LATENT_WORDS];
    static int16_t features[INSITU_NETWORK_FEATURES], signs[PICTURES][INSITU_NETWORK_FEATURES];

    for (unsigned picture = 0; picture < PICTURES; picture++) {
        draw(pixels, picture / 2u, picture % 2u);
        insitu_latent(&insitu_exported_network, pixels, latent);
        insitu_features(&insitu_exported_network, latent, features);
        insitu_signs(&insitu_exported_network, features, signs[picture]);
    }
    printf("%u features; those of different sign, between pictures of two lying and two standing bars:\n",
           INSITU_NETWORK_FEATURES);
    for (unsigned one = 0; one < PICTURES; one++) {
        for (unsigned other = 0; other < PICTURES; other++) {
            unsigned different = 0;
            for (unsigned k = 0; k < INSITU_NETWORK_FEATURES; k++) {
                different += signs[one][k] != signs[other][k];
            }
            printf("%6u", different);
        }
        puts("");
    }
    return 0;
}
