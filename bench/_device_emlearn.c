/* emlearn's nearest neighbours on items and queries of FEATURES numbers of 16 bits from the file "script": the number
 * of items, then label and features of each, then queries. Writes a label of 2 bytes per query to "answers". */
#include <stdio.h>
#include <stdlib.h>

#define EML_NEIGHBORS_MAX_CLASSES 64
#include <eml_neighbors.h>

static int16_t data[ITEMS * FEATURES], labels[ITEMS];
static EmlNeighborsDistanceItem distances[ITEMS];
static EmlNeighborsModel model = {FEATURES, 0, ITEMS, data, labels, NEIGHBORS};

int main(void)
{
    static int16_t row[FEATURES];
    FILE *script = fopen("script", "rb"), *answers = fopen("answers", "wb");
    int16_t label, found;
    if (!script || !answers) {
        return 1;
    }
    for (int k = 0; k < ITEMS; k++) {
        if (fread(&label, 2, 1, script) != 1 || fread(row, 2, FEATURES, script) != FEATURES
            || eml_neighbors_add_item(&model, row, FEATURES, label) != EmlOk) {
            return 1;
        }
    }
    while (fread(row, 2, FEATURES, script) == FEATURES) {
        if (eml_neighbors_predict(&model, row, FEATURES, distances, ITEMS, &found) != EmlOk) {
            return 1;
        }
        fwrite(&found, 2, 1, answers);
    }
    return fclose(answers) != 0;
}
