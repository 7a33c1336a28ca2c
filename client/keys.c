/* Who may come in: the files of the folder [curve] clients. The processes look at it themselves, so nothing has to be told to them. */
#include "client/keys.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/curve_folder.h"
#include "base/curve_role.h"
#include "base/file.h"
#include "base/table.h"
#include "client/endpoint.h"
#include "client/options.h"

#define CLIENTS_DEFAULT "/etc/mega-wechat/clients"

static const char help_text[] =
    "mega keys - who may come in over tcp under CURVE\n\n"
    "  mega keys list             names, roles and public keys\n"
    "  mega keys add FILE…        lets in whoever has the secret of this public key (of mega keygen)\n"
    "  mega keys revoke NAME…     does not let them in any more; connections are cut within a second\n\n"
    "  -c, --config FILE      where the folder is read from (default " CONFIG_DEFAULT ", if it is there)\n"
    "      --clients DIR      the folder (default " CLIENTS_DEFAULT ")\n\n"
    "Exit status: 0 done; 2 wrong usage; 3 unknown name; 4 the folder or a file cannot be read or written.\n";

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: keys: %s: %s (mega keys --help)\n", what, why);
    return STATUS_USAGE;
}

static int fail(const char *path)
{
    fprintf(stderr, "mega: keys: %s: %s\n", path, strerror(errno));
    return STATUS_FAILED;
}

/* --- the commands ------------------------------------------------------------------------------------------------- */

static int list(const char *folder)
{
    static const struct column columns[] = {{"NAME", 64, 0}, {"ROLE", 0, 0}, {"PUBLIC KEY", 0, 0}};
    struct curve_folder keys;
    struct buf out = {0}, roles = {0};
    if (curve_folder_read(folder, NULL, NULL, &keys) != 0)
        return fail(folder);
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < keys.count; i++) {
        buf_clear(&roles);
        curve_roles_append(keys.files[i].roles, &roles);
        table_cell(table, span_of(keys.files[i].name));
        table_cell(table, buf_span(&roles));
        table_cell(table, span_of(keys.files[i].public_key));
    }
    table_write(table, 0, &out);
    fputs(buf_str(&out), stdout);
    table_destroy(&table);
    curve_folder_free(&keys);
    buf_free(&out);
    buf_free(&roles);
    return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}

/* Only the public part is written, whatever the file holds. */
static int add(const char *folder, const char *path)
{
    struct curve_file file;
    struct buf error = {0}, text = {0};
    char to[PATH_MAX];
    if (curve_file_read(path, &file, &error) != 0) {
        fprintf(stderr, "mega: keys: %s\n", buf_str(&error));
        buf_free(&error);
        return STATUS_FAILED;
    }
    explicit_bzero(file.secret_key, sizeof file.secret_key);
    if (snprintf(to, sizeof to, "%s/%s" CURVE_FOLDER_END, folder, file.name) >= (int)sizeof to)
        return usage("--clients", "the path is too long");
    int status = STATUS_DONE;
    curve_file_append(&file, &text);
    if (access(to, F_OK) == 0) {
        fprintf(stderr, "mega: keys: %s: is there already; mega keys revoke %s first, or give the new key another name\n", to, file.name);
        status = STATUS_FAILED;
    } else if (file_replace(&(struct file_place){.path = to, .mode = 0644, .folder_mode = 0755}, buf_span(&text)) != 0) {
        status = fail(to);
    } else {
        buf_clear(&text);
        curve_roles_append(file.roles, &text);
        printf("%s may come in as %s\n", file.name, buf_str(&text));
    }
    buf_free(&text);
    return status;
}

/* Removes every file of this name: that it calls itself so, or is called so. */
static int remove_key(const char *folder, const char *name)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int removed = 0, failed = 0;
    if (dir == NULL)
        return fail(folder);
    while ((entry = readdir(dir)) != NULL) {
        struct curve_file file;
        struct buf error = {0};
        char path[PATH_MAX];
        size_t bytes = strlen(entry->d_name), end_bytes = sizeof CURVE_FOLDER_END - 1;
        if (bytes <= end_bytes || strcmp(entry->d_name + bytes - end_bytes, CURVE_FOLDER_END) != 0 ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path)
            continue;
        if (curve_file_read(path, &file, &error) == 0 && strcmp(file.name, name) == 0) {
            failed |= unlink(path) != 0 && fail(path);
            removed++;
        }
        buf_free(&error);
    }
    closedir(dir);
    if (failed)
        return STATUS_FAILED;
    if (removed)
        printf("%s may not come in any more\n", name);
    else
        fprintf(stderr, "mega: keys: %s: there is no key of this name in %s\n", name, folder);
    return removed ? STATUS_DONE : STATUS_UNKNOWN;
}

/* --- the command line --------------------------------------------------------------------------------------------- */

/* The folder, from the configuration. Returns 0, or -1 with the reason printed. */
static int find_folder(const char *config, char **folder)
{
    struct buf errors = {0}, warnings = {0};
    const char *path = config ? config : CONFIG_DEFAULT;
    if (config == NULL && access(path, R_OK) != 0) {
        *folder = mem_dup(CLIENTS_DEFAULT);
        return 0;
    }
    struct conf *conf = conf_load(path, &errors, &warnings);
    if (conf)
        *folder = mem_dup(conf->curve.clients);
    else
        fputs(buf_str(&errors), stderr);
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return *folder ? 0 : -1;
}

static int run(const char *folder, int count, char **arguments)
{
    int (*each)(const char *folder, const char *argument) = strcmp(arguments[0], "add") == 0 ? add : remove_key;
    int status = STATUS_DONE;
    if (strcmp(arguments[0], "list") == 0)
        return count == 1 ? list(folder) : usage("list", "takes no argument");
    if (strcmp(arguments[0], "add") != 0 && strcmp(arguments[0], "revoke") != 0)
        return usage(arguments[0], "unknown command; give list, add or revoke");
    if (count < 2)
        return usage(arguments[0], each == add ? "give FILE" : "give NAME");
    for (int i = 1; i < count; i++) {
        int done = each(folder, arguments[i]);
        status = done == STATUS_DONE ? status : done;
    }
    return status;
}

int keys_main(int argc, char **argv)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"clients", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *config = NULL, *clients = NULL;
    char *folder = NULL;
    umask(022); /* public keys are for the user of the processes, too, whoever adds them */
    int letter;
    while ((letter = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        if (letter == 'h')
            fputs(help_text, stdout);
        if (letter == 'h' || letter == '?')
            return letter == 'h' ? STATUS_DONE : STATUS_USAGE;
        *(letter == 'c' ? &config : &clients) = optarg;
    }
    if (argc == optind)
        return usage("command", "missing; give list, add or revoke");
    if (clients)
        folder = mem_dup(clients);
    else if (find_folder(config, &folder) != 0)
        return STATUS_USAGE;
    int status = run(folder, argc - optind, argv + optind);
    free(folder);
    return status;
}
