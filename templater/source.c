/* Chooses the source. Used by templater.c at start. */
#include "templater/source.h"

#include <string.h>

#include "base/conf.h"
#include "templater/source_dir.h"
#include "templater/source_mysql.h"

struct source *source_new(const struct conf *conf, struct buf *error)
{
    const char *name = conf->templater.source;
    if (strcmp(name, "mysql") == 0)
        return source_mysql_new(conf, error);
    if (strncmp(name, "dir:", 4) == 0 && name[4] != '\0')
        return source_dir_new(name + 4, conf->server.template_bytes_max);
    buf_printf(error, "[templater] source: \"%s\" is none; write mysql or dir:PATH", name);
    return NULL;
}

void source_destroy(struct source **self)
{
    if (*self == NULL)
        return;
    (*self)->type->destroy(*self);
    *self = NULL;
}
