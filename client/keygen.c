/* Makes a pair of keys: NAME.key, which stays where it is used, and NAME.pub, which the other side needs. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

#include "base/curve_file.h"
#include "base/curve_role.h"
#include "client/keys.h"
#include "client/options.h"

static const char help_text[] =
    "mega keygen - makes a pair of keys for tcp under CURVE\n\n"
    "  mega keygen NAME [--role ROLE] [--dir DIR]\n\n"
    "It writes NAME.key (mode 0600), the secret: name it in [curve] key of the process that has it, or give it to\n"
    "mega --curve-key; and NAME.pub: whom that process connects to needs it, see mega keys add. Nothing is overwritten.\n\n"
    "  NAME                1 to 64 letters, digits, . _ - or @: stands for the key in limits, logs and the audit\n"
    "      --role ROLE     what the key may do (default client); several with commas:\n"
    "                      client     hand messages over (the frontend)\n"
    "                      operator   that, mega queue and mega task\n"
    "                      token      access tokens, for other programs\n"
    "                      sender     a mega-sender on another host\n"
    "                      templater  a mega-templater on another host\n"
    "                      stage      everything: the pair of the installation itself\n"
    "      --dir DIR       where the files are made (default: here)\n\n"
    "Exit status: 0 done; 2 wrong usage; 4 the files cannot be made.\n";

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: keygen: %s: %s (mega keygen --help)\n", what, why);
    return STATUS_USAGE;
}

/* Makes a file that is not there yet. Returns 0, or -1 with the reason printed. */
static int write_new(const char *path, mode_t mode, struct span text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        const char *why = errno == EEXIST ? "is there already; move it away or take another name" : strerror(errno);
        fprintf(stderr, "mega: keygen: %s: %s\n", path, why);
        return -1;
    }
    int failed = fchmod(fd, mode) != 0 || write(fd, text.data, text.bytes) != (ssize_t)text.bytes || fsync(fd) != 0;
    if (close(fd) != 0 || failed) {
        fprintf(stderr, "mega: keygen: %s: %s\n", path, strerror(errno));
        unlink(path);
        return -1;
    }
    return 0;
}

/* The secret first: a public key without it would be of no use. */
static int write_pair(struct curve_file *file, const char *secret, const char *public)
{
    struct buf text = {0};
    curve_file_append(file, &text);
    int failed = write_new(secret, 0600, buf_span(&text));
    explicit_bzero(text.data, text.bytes);
    buf_clear(&text);
    explicit_bzero(file->secret_key, sizeof file->secret_key);
    curve_file_append(file, &text);
    if (!failed && (failed = write_new(public, 0644, buf_span(&text))) != 0)
        unlink(secret);
    buf_free(&text);
    return failed;
}

static void say_next(const struct curve_file *file, const char *secret, const char *public)
{
    printf("%s   the secret: keep it here, readable by its process alone\n"
           "%s   the public key: %s\n\n",
           secret, public, file->public_key);
    if (file->roles & ROLE_STAGE)
        printf("Next: [curve] key = %s in the configuration of the installation; others give\n"
               "      [curve] server_key = %s, or the file\n",
               secret, file->public_key);
    else
        printf("Next: on the installation's host, mega keys add %s.pub; here [curve] key = %s,\n"
               "      or mega --curve-key, with the installation's public key as server_key\n",
               file->name, secret);
}

static int make(struct curve_file *file, const char *dir)
{
    char secret[PATH_MAX], public[PATH_MAX];
    int bytes = snprintf(secret, sizeof secret, "%s/%s.key", dir, file->name);
    snprintf(public, sizeof public, "%s/%s.pub", dir, file->name);
    if (bytes >= (int)sizeof secret)
        return usage("--dir", "the path is too long");
    if (access(public, F_OK) == 0) {
        fprintf(stderr, "mega: keygen: %s: is there already; move it away or take another name\n", public);
        return STATUS_FAILED;
    }
    if (zmq_curve_keypair(file->public_key, file->secret_key) != 0) {
        fputs("mega: keygen: this libzmq was built without CURVE\n", stderr);
        return STATUS_FAILED;
    }
    int failed = write_pair(file, secret, public);
    explicit_bzero(file->secret_key, sizeof file->secret_key);
    if (failed)
        return STATUS_FAILED;
    say_next(file, secret, public);
    return STATUS_DONE;
}

int keygen_main(int argc, char **argv)
{
    static const struct option known[] = {{"role", required_argument, NULL, 'r'},
                                          {"dir", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct curve_file file = {.roles = ROLE_CLIENT};
    const char *dir = ".";
    int letter;
    while ((letter = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (letter == 'r' && (file.roles = curve_roles_read(span_of(optarg))) == 0)
            return usage("--role", "give " CURVE_ROLE_NAMES ", several with commas");
        if (letter == 'd')
            dir = optarg;
        if (letter == 'h')
            fputs(help_text, stdout);
        if (letter == 'h' || letter == '?')
            return letter == 'h' ? STATUS_DONE : STATUS_USAGE;
    }
    if (argc - optind != 1)
        return usage("NAME", "give one");
    if (!curve_name_is_plain(span_of(argv[optind])) || argv[optind][0] == '.')
        return usage(argv[optind], "is no name; give 1 to 64 letters, digits, . _ - or @, no . in front");
    span_to_text(file.name, sizeof file.name, span_of(argv[optind]));
    return make(&file, dir);
}
