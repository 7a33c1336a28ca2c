#include "listener/series_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "listener/series_file.h"

struct loading {
    struct series_set *set;
    struct series *found[SERIES_MAX]; /* owned until they are in the set */
    size_t count;
    const char *folder;
    const struct conf *conf;
    struct buf *errors;
    int is_wrong;
};

struct series_set *series_set_new(void)
{
    return mem_new(sizeof(struct series_set));
}

void series_set_destroy(struct series_set **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < (*self)->count; i++)
        series_destroy(&(*self)->all[i]);
    free(*self);
    *self = NULL;
}

const struct series *series_set_find(const struct series_set *set, struct span name)
{
    for (size_t i = 0; i < set->count; i++)
        if (span_is(name, set->all[i]->name))
            return set->all[i];
    return NULL;
}

/* Takes the definition of this name out of the set; NULL when there is none. */
static struct series *take_old(struct series_set *set, struct span name)
{
    for (size_t i = 0; i < set->count; i++)
        if (span_is(name, set->all[i]->name)) {
            struct series *s = set->all[i];
            memmove(&set->all[i], &set->all[i + 1], (--set->count - i) * sizeof *set->all);
            return s;
        }
    return NULL;
}

static void wrong(struct loading *l, const char *file, const char *what)
{
    l->is_wrong = 1;
    buf_printf(l->errors, "%s/%s: %s\n", l->folder, file, what);
}

static void load_file(struct loading *l, const char *file_name)
{
    struct span name = {file_name, strlen(file_name) - 4};
    char text[SERIES_NAME_BYTES_MAX + 1];
    if (!series_name_is_good(name)) {
        wrong(l, file_name, "a series' name has 1 to 32 letters, digits, '.', '_' and '-', a letter or digit first; rename the file");
        return;
    }
    if (l->count == SERIES_MAX) {
        wrong(l, file_name, "one series too many; keep at most 256 files here");
        return;
    }
    span_to_text(text, sizeof text, name);
    struct buf path = {0};
    struct stat info;
    buf_printf(&path, "%s/%s", l->folder, file_name);
    FILE *file = stat(buf_str(&path), &info) == 0 && S_ISREG(info.st_mode) ? fopen(buf_str(&path), "re") : NULL;
    struct series *s = NULL;
    if (file)
        s = series_file_read(file, buf_str(&path), text, l->conf, l->errors);
    else
        wrong(l, file_name, "cannot be read, or is no file; see its owner and mode");
    if (file)
        fclose(file);
    if (s == NULL) {
        l->is_wrong = 1;
        s = take_old(l->set, name);
    }
    if (s)
        l->found[l->count++] = s;
    buf_free(&path);
}

static int is_definition(const struct dirent *entry)
{
    size_t bytes = strlen(entry->d_name);
    return entry->d_name[0] != '.' && bytes > 4 && strcmp(entry->d_name + bytes - 4, ".ini") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Ends by series that there are not, and by ones of another account. */
static void check_ends(const struct series_set *set, const char *folder, struct buf *warnings)
{
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < set->all[i]->end_count; j++) {
            const struct series_trigger *end = &set->all[i]->ends[j].trigger;
            const struct series *other = end->kind == SERIES_BY_SERIES ? series_set_find(set, end->text) : NULL;
            if (end->kind == SERIES_BY_SERIES && (other == NULL || strcmp(other->app, set->all[i]->app) != 0))
                buf_printf(warnings, "%s/%s.ini: end[]: there is no series \"%s\" of the same account; this never ends it\n", folder,
                           set->all[i]->name, set->all[i]->ends[j].text);
        }
}

static int load_folder(struct loading *l)
{
    struct dirent **entries = NULL;
    int count = *l->folder ? scandir(l->folder, &entries, is_definition, by_bytes) : 0;
    if (count < 0) {
        buf_printf(l->errors, "[listener] series: cannot read the folder %s: %s; make it, correct its owner and mode, or give another\n", l->folder,
                   strerror(errno));
        return -1;
    }
    for (int i = 0; i < count; i++) {
        load_file(l, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int series_set_load(struct series_set *set, const char *folder, const struct conf *conf, struct buf *errors, struct buf *warnings)
{
    struct loading *l = mem_new(sizeof *l);
    *l = (struct loading){.set = set, .folder = folder, .conf = conf, .errors = errors};
    int is_wrong = load_folder(l) != 0;
    if (!is_wrong) {
        for (size_t i = 0; i < set->count; i++)
            series_destroy(&set->all[i]);
        memcpy(set->all, l->found, l->count * sizeof *l->found);
        set->count = l->count;
        check_ends(set, folder, warnings);
        is_wrong = l->is_wrong;
    }
    free(l);
    return is_wrong ? -1 : 0;
}

int series_set_check(const struct conf *conf, struct buf *errors, struct buf *warnings)
{
    struct series_set *set = series_set_new();
    int rc = series_set_load(set, conf->listener.series, conf, errors, warnings);
    series_set_destroy(&set);
    return rc;
}
