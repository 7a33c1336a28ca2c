/* mega-template: reads the configured source as the templater does, checks and renders, and shows what comes
 * of it. It sends nothing, writes nothing, and needs no other process.
 *
 *   main_template.c     main
 *   preview_options.c   the command line
 *   preview.c           mega-template preview
 *   preview_check.c     mega-template check
 *   preview_facts.c     what is known of one template
 *   preview_print.c     how it is shown
 */
#ifndef TEMPLATER_PREVIEW_H
#define TEMPLATER_PREVIEW_H

#include "base/buf.h"
#include "base/conf.h"
#include "templater/source.h"
#include "templater/template.h"

/* Exit statuses; scripts rely on them. */
enum preview_status {
    PREVIEW_GOOD = 0,
    PREVIEW_BAD = 1,  /* cannot be read, rendered or sent; what and why is printed */
    PREVIEW_USAGE = 2, /* wrong command line or configuration */
    PREVIEW_UNWRITTEN = 4 /* standard output cannot be written */
};

enum preview_command { PREVIEW_SHOW, PREVIEW_CHECK };

struct preview_options {
    enum preview_command command;
    char **keys; /* in argv */
    int key_count;
    struct buf vars; /* packed map, or empty */
    const char *openid;
    int json;
    int brief; /* of a preview: only what is wrong and the message, on a line */
};

/* Reads the command line and the configuration. Returns PREVIEW_GOOD to go on, -1 when help was printed, or
 * PREVIEW_USAGE with the reason printed. The configuration is the caller's. */
int preview_options_read(struct preview_options *o, int argc, char **argv, struct conf **conf);
void preview_options_free(struct preview_options *o);

/* Each does what it says and returns the exit status, with everything printed. */
enum preview_status preview_show(const struct preview_options *o, const struct conf *conf,
                                 struct source *source);
enum preview_status preview_check(const struct preview_options *o, const struct conf *conf,
                                  struct source *source);

/* --- preview_facts.c ----------------------------------------------------------------------------------- */

/* What is known of one template. */
struct preview_facts {
    struct buf key;            /* the source's spelling; what was asked for when it has none */
    struct buf text;           /* as the source has it */
    struct template *template; /* NULL when it does not compile */
    struct buf error;          /* why it is not taken or does not render; empty = it is good */
    struct buf warnings;       /* a line each */
    struct buf body;           /* rendered, without an error of rendering */
    struct buf not_given;      /* names of variables that it has and that were not given, \n behind each */
    struct buf not_used;       /* the other way round */
};

void preview_facts_free(struct preview_facts *f);

/* Reads a template of the source and compiles it. */
void preview_facts_load(struct preview_facts *f, struct span key, const struct conf *conf,
                        struct source *source);

/* The same with a text that was read already: f->key and f->text are filled. */
void preview_facts_compile(struct preview_facts *f, const struct conf *conf);

/* Renders what compiled. */
void preview_facts_render(struct preview_facts *f, const struct preview_options *o, const struct conf *conf);

/* --- preview_print.c ----------------------------------------------------------------------------------- */

/* Prints what is wrong, and the message on a line. */
void preview_print_brief(struct preview_facts *f);

/* Prints the facts and the body. `as_fallback`: it is what the one before falls back to. */
void preview_print_text(struct preview_facts *f, const struct conf *conf, int as_fallback);

/* Prints one JSON object, with `fallback` (or NULL) inside. */
void preview_print_json(struct preview_facts *f, struct preview_facts *fallback);

/* One line of a check. */
void preview_print_line(struct preview_facts *f, int json);

#endif
