/* The one file that includes expat. */
#include "listener/xml.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include <expat.h>

struct reading {
    XML_Parser parser;
    const struct xml_events *events;
    void *self;
    unsigned depth;
    unsigned elements;
    const char *refusal; /* NULL, or why it was stopped */
};

static void on_open(void *self, const char *name, const char **attributes);
static void on_close(void *self, const char *name);
static void on_text(void *self, const char *part, int bytes);
static void on_doctype(void *self, const char *name, const char *system, const char *public, int has_subset);
static void on_instruction(void *self, const char *target, const char *data);
static void stop(struct reading *r, const char *reason);

int xml_read(struct span text, const struct xml_events *events, void *self, struct buf *error)
{
    assert(text.bytes <= INT_MAX);
    /* Memory of the house, which never says that there is none; the encoding is ours, whatever the text declares. */
    XML_Memory_Handling_Suite memory = {mem_new, mem_resize, free};
    struct reading r = {.events = events, .self = self, .parser = XML_ParserCreate_MM("UTF-8", &memory, NULL)};
    assert(r.parser != NULL);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_open, on_close);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    XML_SetProcessingInstructionHandler(r.parser, on_instruction);
    int read = XML_Parse(r.parser, text.data ? text.data : "", (int)text.bytes, 1) == XML_STATUS_OK;
    if (r.refusal)
        buf_printf(error, "XML: line %lu: %s", XML_GetCurrentLineNumber(r.parser), r.refusal);
    else if (!read)
        buf_printf(error, "XML: line %lu: %s", XML_GetCurrentLineNumber(r.parser), XML_ErrorString(XML_GetErrorCode(r.parser)));
    XML_ParserFree(r.parser);
    return read && r.refusal == NULL ? 0 : -1;
}

static void on_open(void *self, const char *name, const char **attributes)
{
    (void)attributes;
    struct reading *r = self;
    if (r->refusal) /* expat goes on to the end of a tag */
        return;
    if (++r->depth > XML_DEPTH_MAX)
        stop(r, "nested deeper than 8 elements");
    else if (++r->elements > XML_ELEMENTS_MAX)
        stop(r, "more than 200 elements");
    else
        r->events->open(r->self, span_of(name));
}

static void on_close(void *self, const char *name)
{
    (void)name;
    struct reading *r = self;
    if (r->refusal)
        return;
    r->depth--;
    r->events->close(r->self);
}

static void on_text(void *self, const char *part, int bytes)
{
    struct reading *r = self;
    if (!r->refusal)
        r->events->text(r->self, (struct span){part, (size_t)bytes});
}

/* Comes before anything that is inside of it is read. */
static void on_doctype(void *self, const char *name, const char *system, const char *public, int has_subset)
{
    (void)name, (void)system, (void)public, (void)has_subset;
    stop(self, "DOCTYPE is not allowed");
}

static void on_instruction(void *self, const char *target, const char *data)
{
    (void)target, (void)data;
    stop(self, "processing instructions are not allowed");
}

static void stop(struct reading *r, const char *reason)
{
    if (r->refusal == NULL)
        r->refusal = reason;
    XML_StopParser(r->parser, XML_FALSE);
}
