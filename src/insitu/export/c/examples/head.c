/* Learn an experience of one class and predict. Run it on a computer; a device takes the features from its network. */
#include <stdio.h>

#include "head.h"
#include "insitu_head.h"

#define STEPS 20u
#define EXAMPLES (INSITU_BATCH < 8u ? INSITU_BATCH : 8u)

/* Fill the input codes of an example, which differs a little from others. */
static void see(insitu_head *head, unsigned example, int8_t *codes)
{
    static int16_t features[INSITU_HEAD_FEATURES];
    for (unsigned j = 0; j < INSITU_HEAD_FEATURES; j++) {
        features[j] = (int16_t)((j % 3u ? 900 : -700) + (int)((example * 37u + j * 11u) % 100u));
    }
    insitu_head_codes(head, features, codes);
}

int main(void)
{
    static int8_t codes[EXAMPLES * INSITU_HEAD_FEATURES];
    const uint16_t learned = INSITU_HEAD_CAPACITY - 1u; /* the number of the class */
    const uint32_t examples = EXAMPLES;
    insitu_head *head = &insitu_exported_head;
    uint16_t classes[EXAMPLES], found;

    insitu_head_init(head);
    for (unsigned k = 0; k < EXAMPLES; k++) {
        see(head, k, codes + k * INSITU_HEAD_FEATURES);
        classes[k] = learned;
    }
    if (insitu_begin(head, &learned, 1) < 0) {
        return 1;
    }
    for (unsigned step = 0; step < STEPS; step++) {
        if (insitu_step(head, codes, classes, EXAMPLES) < 0) {
            return 1;
        }
    }
    see(head, EXAMPLES, codes);
    if (insitu_end(head, &learned, &examples, 1) < 0 || insitu_head_predict(head, codes, &found) < 0) {
        return 1;
    }
    printf("learned class %u, predicted class %u\n", (unsigned)learned, (unsigned)found);
    return 0;
}
