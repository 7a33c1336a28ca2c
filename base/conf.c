/* Loading the configuration: every key of the file goes by the table of conf_keys.c into struct conf.
 *
 * Order: defaults of the table, then the file, then what is made from other keys. Nothing stops at the first
 * error: all are gathered, up to CONF_ERRORS_MAX, and then the load fails as a whole. A key that is given
 * twice counts as it stands last, as in PHP, with a warning.
 */
#include "base/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_alarm.h"
#include "base/conf_ini.h"
#include "base/conf_keys.h"
#include "base/conf_path.h"
#include "base/conf_callback.h"
#include "base/conf_token.h"
#include "base/conf_value.h"

#define CONF_ERRORS_MAX 50

/* Where a key was given. */
struct seen {
    unsigned line; /* 0: not at all */
    int as_file;   /* KEY_file of a secret */
};

struct loading {
    struct conf *conf;
    const char *path;
    char *folder; /* owned */
    struct buf *errors;
    struct buf *warnings;
    unsigned error_count;
    struct buf ignored;                                     /* names of keys that mean nothing */
    struct seen seen[1 + CONF_ACCOUNTS_MAX][CONF_KEYS_MAX]; /* row 0: outside of accounts */
    unsigned account_section[CONF_ACCOUNTS_MAX];            /* the section_number that it stands in */
    unsigned wrong_section;                                 /* whose name was complained of */
};

/* What a line is about. */
struct place {
    const char *section; /* in the table of keys */
    void *base;
    struct seen *seen; /* of the table's first key */
};

static void take_key(void *owner, const struct conf_ini_line *line);
static void take_wrong(void *owner, unsigned line, const char *what);
static void complain_key(struct loading *l, const struct conf_ini_line *line, const char *what);
static void set_defaults(struct loading *l, int of_accounts, void *base);
static void finish(struct loading *l);

static void complain(struct loading *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct conf *conf_load(const char *path, struct buf *errors, struct buf *warnings)
{
    FILE *file = fopen(path, "re");
    if (file == NULL || strlen(path) >= CONF_TEXT_BYTES_MAX) {
        buf_printf(errors, "%s: cannot open it: %s\n", path,
                   file == NULL ? strerror(errno) : "the path is too long");
        if (file != NULL)
            fclose(file);
        return NULL;
    }
    struct loading *l = mem_new(sizeof *l);
    struct conf *conf = mem_new(sizeof *conf);
    l->conf = conf;
    l->path = path;
    l->folder = conf_path_folder(path);
    l->errors = errors;
    l->warnings = warnings;
    memcpy(conf->path, path, strlen(path) + 1);

    set_defaults(l, 0, conf);
    struct conf_ini_events events = {l, take_key, take_wrong};
    if (conf_ini_read(file, &events) != 0)
        complain(l, "%s: cannot read it: %s\n", path, strerror(errno));
    fclose(file);
    finish(l);
    if (l->error_count > 0)
        conf_destroy(&conf);
    buf_free(&l->ignored);
    free(l->folder);
    free(l);
    return conf;
}

void conf_destroy(struct conf **self)
{
    if (*self == NULL)
        return;
    explicit_bzero(*self, sizeof **self); /* secrets do not stay in freed memory */
    free(*self);
    *self = NULL;
}

const struct conf_account *conf_account_find(const struct conf *conf, struct span name)
{
    for (size_t i = 0; i < conf->account_count; i++)
        if (span_is(name, conf->accounts[i].name))
            return &conf->accounts[i];
    return NULL;
}

static void complain(struct loading *l, const char *format, ...)
{
    if (++l->error_count > CONF_ERRORS_MAX + 1)
        return;
    if (l->error_count > CONF_ERRORS_MAX) {
        buf_printf(l->errors, "%s: further errors are not shown\n", l->path);
        return;
    }
    va_list args;
    va_start(args, format);
    buf_vprintf(l->errors, format, args);
    va_end(args);
}

static void complain_key(struct loading *l, const struct conf_ini_line *line, const char *what)
{
    complain(l, "%s:%u: [%s] %s: %s\n", l->path, line->line, line->section, line->key, what);
}

static void take_wrong(void *owner, unsigned line, const char *what)
{
    struct loading *l = owner;
    complain(l, "%s:%u: %s\n", l->path, line, what);
}

static void set_defaults(struct loading *l, int of_accounts, void *base)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        int of_account = strcmp(key->section, CONF_SECTION_ACCOUNT) == 0;
        if (of_account != of_accounts || key->default_text == NULL || key->type == CONF_LISTEN)
            continue;
        struct buf wrong = {0};
        if (conf_key_set(key, base, key->default_text, l->folder, &wrong) != 0)
            complain(l, "%s: [%s] %s: default %s\n", l->path, key->section, key->name, buf_str(&wrong));
        buf_free(&wrong);
    }
}

static int account_name_is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t bytes = strlen(name);
    return bytes > 0 && bytes < CONF_ACCOUNT_BYTES_MAX && strspn(name, plain) == bytes;
}

/* The name of the account whose section the line stands in, or NULL with what is wrong in `wrong`. */
static const char *account_name(const char *section, const char **wrong)
{
    const char *name = strchr(section, ':');
    if (name == NULL)
        return CONF_ACCOUNT_DEFAULT;
    name++;
    *wrong = NULL;
    if (!account_name_is_plain(name))
        *wrong = "the name of an account has 1 to 32 letters, digits, - _ or .; correct it";
    else if (strcmp(name, CONF_ACCOUNT_DEFAULT) == 0)
        *wrong = "the account \"default\" is the section [wechat]; use that or take another name";
    return *wrong == NULL ? name : NULL;
}

/* Finds or makes the account of a section. Returns its index, or -1 with what is wrong in `wrong`. */
static int place_account(struct loading *l, const struct conf_ini_line *line, const char **wrong)
{
    struct conf *conf = l->conf;
    const char *name = account_name(line->section, wrong);
    if (name == NULL)
        return -1;
    const struct conf_account *found = conf_account_find(conf, span_of(name));
    if (found != NULL) {
        int index = (int)(found - conf->accounts);
        if (l->account_section[index] == line->section_number)
            return index;
        *wrong = "this account's section stands here a second time; put its keys into one";
        return -1;
    }
    if (conf->account_count == CONF_ACCOUNTS_MAX) {
        *wrong = "one account too many; give at most 256";
        return -1;
    }
    int index = (int)conf->account_count++;
    struct conf_account *account = &conf->accounts[index];
    snprintf(account->name, sizeof account->name, "%s", name);
    l->account_section[index] = line->section_number;
    set_defaults(l, 1, account);
    return index;
}

/* Finds what the line's section stands for. Returns -1 when it is wrong, which is complained of once a
 * section. */
static int find_place(struct loading *l, const struct conf_ini_line *line, struct place *place)
{
    static const char accounts[] = CONF_SECTION_ACCOUNT ":";
    const char *wrong = *line->section == '\0' ? "stands before the first [section]; move it into one"
                                               : "unknown section; remove it or correct its name";
    if (strcmp(line->section, CONF_SECTION_ACCOUNT) == 0 ||
        strncmp(line->section, accounts, sizeof accounts - 1) == 0) {
        int index = place_account(l, line, &wrong);
        if (index >= 0) {
            *place = (struct place){CONF_SECTION_ACCOUNT, &l->conf->accounts[index], l->seen[1 + index]};
            return 0;
        }
    } else if (conf_key_section_known(line->section)) {
        *place = (struct place){line->section, l->conf, l->seen[0]};
        return 0;
    }
    if (l->wrong_section != line->section_number || *line->section == '\0')
        complain_key(l, line, wrong);
    l->wrong_section = line->section_number;
    return -1;
}

static void ignore_key(struct loading *l, const struct conf_ini_line *line)
{
    buf_printf(&l->ignored, "%s[%s] %s", l->ignored.bytes > 0 ? ", " : "", line->section, line->key);
}

/* Notes that the key is given. Returns -1 when it is already given in the other way. */
static int note_seen(struct loading *l, const struct conf_ini_line *line, struct seen *seen, int as_file)
{
    if (seen->line != 0 && seen->as_file != as_file) {
        complain_key(l, line, "a secret and its file are both given; remove one");
        return -1;
    }
    if (seen->line != 0)
        buf_printf(l->warnings, "%s:%u: [%s] %s: given again; this one counts and line %u does not\n",
                   l->path, line->line, line->section, line->key, seen->line);
    *seen = (struct seen){line->line, as_file};
    return 0;
}

/* The text that the key is set to: the value, or the content of the file that it names. Returns -1 when it is
 * wrong. */
static int read_text(struct loading *l, const struct conf_ini_line *line, int as_file,
                     char out[CONF_TEXT_BYTES_MAX])
{
    const char *wrong = conf_ini_value(line->value, out);
    if (wrong != NULL) {
        complain_key(l, line, wrong);
        return -1;
    }
    if (!as_file)
        return 0;
    char path[CONF_TEXT_BYTES_MAX];
    if (*out == '\0' || conf_path_resolve("", l->folder, out, path) != 0) {
        complain_key(l, line, "the path is empty or longer than 511 bytes; give the path of a file");
        return -1;
    }
    struct buf what = {0};
    int rc = conf_path_read_secret(path, out, &what);
    if (rc != 0)
        complain_key(l, line, buf_str(&what));
    buf_free(&what);
    return rc;
}

static void set_key(struct loading *l, const struct conf_ini_line *line, const struct place *place,
                    const struct conf_key *key, const char *text)
{
    uint32_t slots = l->conf->sender.slots;
    const struct conf_key *slots_key = conf_key_find("sender", "slots");
    struct buf wrong = {0};
    if (conf_key_set(key, place->base, text, l->folder, &wrong) != 0)
        complain_key(l, line, buf_str(&wrong));
    else if (key->type == CONF_WORKERS && l->seen[0][slots_key - conf_keys].line != 0)
        l->conf->sender.slots = slots; /* checked, and outdone by [sender] slots */
    buf_free(&wrong);
}

static void take_key(void *owner, const struct conf_ini_line *line)
{
    struct loading *l = owner;
    struct place place;
    if (find_place(l, line, &place) != 0)
        return;
    if (conf_key_means_nothing(place.section, line->key)) {
        ignore_key(l, line);
        return;
    }
    const struct conf_key *key = conf_key_find(place.section, line->key);
    int as_file = key == NULL;
    if (as_file)
        key = conf_key_find_secret_file(place.section, line->key);
    if (key == NULL) {
        complain_key(l, line, "unknown key; remove it or correct its name");
        return;
    }
    struct seen *seen = &place.seen[key - conf_keys];
    char text[CONF_TEXT_BYTES_MAX];
    if (key->type != CONF_LISTEN && note_seen(l, line, seen, as_file) != 0)
        return;
    if (read_text(l, line, as_file, text) == 0)
        set_key(l, line, &place, key, text);
    explicit_bzero(text, sizeof text);
}

/* An endpoint that was not given: an ipc socket in the run folder. */
static void derive_endpoint(struct loading *l, char *field, const char *name)
{
    static const char ipc[] = "ipc://";
    char whole[2 * CONF_TEXT_BYTES_MAX];
    if (*field != '\0')
        return;
    snprintf(whole, sizeof whole, "%s%s/%s", ipc, l->conf->run.dir, name);
    if (strlen(whole) - strlen(ipc) > CONF_SOCKET_PATH_BYTES_MAX)
        complain(l,
                 "%s: [run] dir: \"%s\" is too long: the path of a socket ends at 107 bytes; give a shorter "
                 "folder\n",
                 l->path, whole + strlen(ipc));
    else
        memcpy(field, whole, strlen(whole) + 1);
}

/* A path that was not given: one in the store's folder. */
static void derive_path(struct loading *l, char *field, const char *name)
{
    char whole[2 * CONF_TEXT_BYTES_MAX];
    struct conf *conf = l->conf;
    if (*field != '\0')
        return;
    snprintf(whole, sizeof whole, "%s/%s", conf->server.store_dir, name);
    if (strlen(whole) >= CONF_TEXT_BYTES_MAX)
        complain(l, "%s: [server] queue_file_path: \"%s\" is longer than 511 bytes; shorten it\n", l->path,
                 whole);
    else
        memcpy(field, whole, strlen(whole) + 1);
}

static void put_default_account_first(struct conf *conf)
{
    const struct conf_account *found = conf_account_find(conf, span_of(CONF_ACCOUNT_DEFAULT));
    if (found == NULL || found == conf->accounts)
        return;
    size_t before = (size_t)(found - conf->accounts);
    struct conf_account *copy = mem_new(sizeof *copy);
    *copy = *found;
    memmove(conf->accounts + 1, conf->accounts, before * sizeof *copy);
    conf->accounts[0] = *copy;
    explicit_bzero(copy, sizeof *copy);
    free(copy);
}

static void check_folder(struct loading *l, const char *section, const char *key, const char *value)
{
    if (*value == '\0')
        complain(l, "%s: [%s] %s: is empty; give a folder\n", l->path, section, key);
}

static void check_bearer(struct loading *l, const char *key, const char *token)
{
    if (*token != '\0' && strlen(token) < CONF_BEARER_BYTES_MIN)
        complain(l, "%s: [console] %s: is shorter than %d characters; give a longer one, such as openssl rand -hex 32 makes\n", l->path, key,
                 CONF_BEARER_BYTES_MIN);
}

/* Keys of an account that belong together. Without a number of a line: it is more than one that is wrong. */
static void finish_account(struct loading *l, struct conf_account *account)
{
    const char *error = conf_token_error(account, l->conf->pdo.dsn[0] != '\0');
    const char *callback_error = conf_callback_error(account);
    const char *colon = strcmp(account->name, CONF_ACCOUNT_DEFAULT) == 0 ? "" : ":";
    if (error != NULL)
        complain(l, "%s: [" CONF_SECTION_ACCOUNT "%s%s] %s\n", l->path, colon, *colon ? account->name : "", error);
    if (callback_error != NULL)
        complain(l, "%s: [" CONF_SECTION_ACCOUNT "%s%s] %s\n", l->path, colon, *colon ? account->name : "", callback_error);
    if (account->token_fetches == 0)
        account->token_fetches = conf_token_fetches(account->token_mode);
}

/* Reads the keys. A server_key that is a path begins in the configuration's folder. */
static void finish_curve(struct loading *l)
{
    struct conf *conf = l->conf;
    struct buf error = {0};
    char *server_key = conf->curve.server_key, path[CONF_TEXT_BYTES_MAX];
    if (*server_key && !curve_key_is_valid(span_of(server_key)) && conf_path_resolve("", l->folder, server_key, path) == 0)
        memcpy(server_key, path, sizeof path);
    if (conf->curve.key[0] == '\0' && *server_key)
        complain(l, "%s: [curve] server_key: is given without key; make a pair with mega keygen and give its file as key\n", l->path);
    else if (conf->curve.key[0] && curve_keys_read(conf->curve.key, server_key, &conf->curve.keys, &error) != 0)
        complain(l, "%s: [curve] %s\n", l->path, buf_str(&error));
    buf_free(&error);
}

/* What is made from other keys. */
static void finish(struct loading *l)
{
    struct conf *conf = l->conf;
    const struct conf_key *listen = conf_key_find("server", "listen[]");
    if (conf->server.listen_count == 0)
        memcpy(conf->server.listen[conf->server.listen_count++], listen->default_text,
               strlen(listen->default_text) + 1);
    check_folder(l, "server", "queue_file_path", conf->server.store_dir);
    check_folder(l, "run", "dir", conf->run.dir);
    check_bearer(l, "token", conf->console.token);
    check_bearer(l, "metrics_token", conf->console.metrics_token);
    derive_endpoint(l, conf->broker.control, "control.ipc");
    derive_endpoint(l, conf->broker.jobs, "jobs.ipc");
    derive_endpoint(l, conf->token.endpoint, "token.ipc");
    derive_endpoint(l, conf->task.endpoint, "task.ipc");
    derive_endpoint(l, conf->listener.endpoint, "listener.ipc");
    derive_path(l, conf->token.cache_file, "token.cache");
    derive_path(l, conf->task.dir, "tasks");
    derive_path(l, conf->listener.dir, "listener");
    derive_path(l, conf->log.audit_path, "audit.log");
    derive_path(l, conf->alarm.state_file, "alarms.state");
    const char *alarm_error = conf_alarm_error(&conf->alarm);
    if (alarm_error)
        complain(l, "%s: [alarm] %s\n", l->path, alarm_error);
    put_default_account_first(conf);
    for (size_t i = 0; i < conf->account_count; i++)
        finish_account(l, &conf->accounts[i]);
    finish_curve(l);
    if (conf->broker.frontend[0] == '\0')
        complain(l, "%s: [broker] frontend: is empty; give tcp://HOST:PORT or ipc://PATH\n", l->path);
    if (conf->account_count == 0)
        buf_printf(l->warnings, "%s: no [wechat] section: there is no account to send for\n", l->path);
    if (l->ignored.bytes > 0)
        buf_printf(l->warnings, "%s: these keys mean nothing here and are ignored: %s\n", l->path,
                   buf_str(&l->ignored));
}
