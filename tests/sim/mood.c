/*
 * mood.c - moods of callbacks; see mood.h.
 */
#include "tests/sim/mood.h"

#include <string.h>

#include "tests/sim/number.h"

#define SPEC_BYTES_MAX 200

/* One word of the list, which it may cut. 0 or -1. */
static int mood_read_word(struct mood *mood, char *word)
{
    char *share = strchr(word, '@');
    if (share == NULL)
        return -1;
    *share++ = '\0';
    if (strcmp(word, "repeat") == 0)
        return number_read_share(share, &mood->repeat);
    if (strcmp(word, "reorder") == 0)
        return number_read_share(share, &mood->reorder);
    char *ms = strchr(share, ':');
    if (strcmp(word, "late") != 0 || ms == NULL)
        return -1;
    *ms++ = '\0';
    if (number_read_share(share, &mood->late) != 0)
        return -1;
    return number_read(ms, 0, MOOD_LATE_MAX_MS, &mood->late_ms);
}

int mood_read(struct mood *mood, const char *spec)
{
    char words[SPEC_BYTES_MAX + 1];
    struct mood read = {0};
    size_t bytes = strlen(spec);
    char *rest = words;
    if (bytes > SPEC_BYTES_MAX)
        return -1;
    memcpy(words, spec, bytes + 1);
    while (bytes > 0 && rest != NULL)
        if (mood_read_word(&read, strsep(&rest, ",")) != 0)
            return -1;
    *mood = read;
    return 0;
}

struct mood_choice mood_draw(const struct mood *mood, struct dice *dice)
{
    struct mood_choice choice;
    choice.repeat = dice_share(dice) < mood->repeat;
    choice.late_ms = dice_share(dice) < mood->late ? mood->late_ms : 0;
    choice.reorder = dice_share(dice) < mood->reorder;
    return choice;
}
