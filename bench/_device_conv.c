/* A binary 3x3 convolution of insitu_network.c, and a plain one of int8, on a map of SIDE x SIDE x CHANNELS. The timer
 * counts under QEMU's -icount, as in count.c; with -DWHICH=1 or 2 only one runs and nothing is printed. */
#include <stdio.h>

#include "insitu_network.c"

#define TIMER ((volatile uint32_t *)0x40000000)
#define WORDS (CHANNELS / 32)

static uint32_t bits[2][SIDE * SIDE * WORDS], weight[CHANNELS * 9 * WORDS], window[9 * WORDS];
static int8_t x[SIDE * SIDE * CHANNELS], w[CHANNELS * 9 * CHANNELS];
static volatile int32_t result;

static void binary(void)
{
    insitu_layer layer = {CHANNELS, CHANNELS, 1, 8, 0, weight, 0, 0, 0, 0, 0};
    for (int32_t row = 0; row < SIDE; row++) {
        for (int32_t column = 0; column < SIDE; column++) {
            const window_runs found = gathered(bits[0], SIDE, WORDS, row, column, window);
            for (uint32_t output = 0; output < CHANNELS; output++) {
                result = summed(&layer, window, &found, WORDS, output);
            }
        }
    }
}

static void bytes(void)
{
    for (int row = 0; row < SIDE; row++) {
        for (int column = 0; column < SIDE; column++) {
            for (int output = 0; output < CHANNELS; output++) {
                int32_t sum = 0;
                for (int ky = row ? 0 : 1; ky < (row < SIDE - 1 ? 3 : 2); ky++) {
                    for (int kx = column ? 0 : 1; kx < (column < SIDE - 1 ? 3 : 2); kx++) {
                        const int8_t *a = x + ((row + ky - 1) * SIDE + column + kx - 1) * CHANNELS;
                        const int8_t *b = w + ((output * 3 + ky) * 3 + kx) * CHANNELS;
                        for (int c = 0; c < CHANNELS; c++) {
                            sum += a[c] * b[c];
                        }
                    }
                }
                result = sum;
            }
        }
    }
}

int main(void)
{
#ifdef WHICH
    if (WHICH == 1) {
        binary();
    } else if (WHICH == 2) {
        bytes();
    }
#else
    void (*const each[2])(void) = {binary, bytes};
    for (int k = 0; k < 2; k++) {
        TIMER[0] = 0;
        TIMER[2] = UINT32_MAX;
        TIMER[1] = UINT32_MAX;
        TIMER[0] = 1;
        each[k]();
        printf("%s %lu\n", k ? "bytes" : "binary", (unsigned long)((uint64_t)(UINT32_MAX - TIMER[1]) * 40u / 64u));
    }
#endif
    return 0;
}
