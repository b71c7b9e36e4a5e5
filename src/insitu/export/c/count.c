/* Counts instructions on QEMU's mps2-an386 with -icount shift=6: one takes 64 ns of the board's time, whose timer counts
 * at 25 MHz. Prints a name and a number per line. -DCOUNT_MEMORY, -DCOUNT_NETWORK and -DCOUNT_HEAD say what is there. */
#include <stdio.h>

#ifdef COUNT_MEMORY
#include "insitu.h"
#endif
#ifdef COUNT_NETWORK
#include "insitu_network.h"
#endif
#ifdef COUNT_HEAD
#include "insitu_head.h"
#endif

#define TIMER ((volatile uint32_t *)0x40000000)
enum { CONTROL, VALUE, RELOAD };

static void start(void)
{
    TIMER[CONTROL] = 0;
    TIMER[RELOAD] = UINT32_MAX;
    TIMER[VALUE] = UINT32_MAX;
    TIMER[CONTROL] = 1;
}

static void report(const char *name)
{
    const uint32_t ticks = UINT32_MAX - TIMER[VALUE];
    printf("%s %lu\n", name, (unsigned long)((uint64_t)ticks * 40u / 64u));
}

int main(void)
{
    start();
    report("nothing");
#ifdef COUNT_MEMORY
    {
        static int16_t codes[8192];
        insitu_memory *memory = &insitu_exported_memory;
        insitu_answer answer;
        insitu_init(memory);
        for (unsigned j = 0; j < memory->model->features; j++) {
            codes[j] = (int16_t)(17 * (int)j % 500 - 250);
        }
        start();
        (void)insitu_predict(memory, codes, &answer);
        report("predict");
        start();
        (void)insitu_teach(memory, codes, insitu_label(memory, answer.slot));
        report("teach");
    }
#endif
#ifdef COUNT_NETWORK
    {
        static uint8_t pixels[1 << 14];
        static uint32_t latent[1 << 12];
        static int16_t features[1 << 11];
        for (unsigned k = 0; k < sizeof pixels; k++) {
            pixels[k] = (uint8_t)(k * k >> 3);
        }
        start();
        insitu_latent(&insitu_exported_network, pixels, latent);
        report("latent");
        start();
        insitu_features(&insitu_exported_network, latent, features);
        report("features");
    }
#endif
#ifdef COUNT_HEAD
    {
        static int8_t codes[128 * 2048];
        static uint16_t classes[128];
        insitu_head *head = &insitu_exported_head;
        const uint16_t pair[2] = {0, 1}, batch = head->model->batch;
        const uint32_t examples[2] = {25, 25};
        uint16_t found;
        insitu_head_init(head);
        for (uint32_t k = 0; k < (uint32_t)batch * head->model->features; k++) {
            codes[k] = (int8_t)((int)(k * 7u % 200u) - 100);
        }
        for (unsigned k = 0; k < batch; k++) {
            classes[k] = k % 2u;
        }
        (void)insitu_begin(head, pair, 2);
        start();
        (void)insitu_step(head, codes, classes, batch);
        report("step");
        start();
        (void)insitu_end(head, pair, examples, 2);
        report("end");
        start();
        (void)insitu_head_predict(head, codes, &found);
        report("head_predict");
    }
#endif
    return 0;
}
