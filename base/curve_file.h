/* Files of keys: a pair (NAME.key, secret) or a public key (NAME.pub), as `mega keygen` makes them.
 *
 * The form is that of CZMQ's zcert and pyzmq's zmq.auth: lines of ZPL, "metadata" with name and role below it, "curve" with public-key
 * and secret-key; so their files can be used, too. Keys are the 40 characters of Z85 (rfc.zeromq.org/spec/32).
 *
 *   metadata
 *       name = "ann"
 *       role = "operator"
 *   curve
 *       public-key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
 */
#ifndef BASE_CURVE_FILE_H
#define BASE_CURVE_FILE_H

#include "base/buf.h"
#include "base/peer.h"

#define CURVE_KEY_CHARS      40    /* of a key in Z85 */
#define CURVE_FILE_BYTES_MAX 16384 /* a file has some 500 */

struct curve_file {
    char name[PEER_NAME_BYTES_MAX + 1];     /* letters, digits, . _ - and @; of the file, without its end, when it says none */
    unsigned roles;                         /* of enum curve_role; ROLE_CLIENT when it says none */
    char public_key[CURVE_KEY_CHARS + 1];
    char secret_key[CURVE_KEY_CHARS + 1];   /* "" in a file that has none */
    uint64_t stamp;                         /* of curve_folder.c: the file as it was read; 0 = none, or there are several */
};

/* Reads the text of a file. Returns 0, or -1 with what is wrong appended, which holds no key. `name` is "" when it says none. */
int curve_file_parse(struct span text, struct curve_file *out, struct buf *error);

/* Reads a file. A secret that others than owner and group can read is wrong. Returns 0, or -1 with a sentence that names the file. */
int curve_file_read(const char *path, struct curve_file *out, struct buf *error);

/* Appends the text of a file, with the secret key when there is one. */
void curve_file_append(const struct curve_file *file, struct buf *out);

/* 1 for a name that a key may have: 1 to 64 letters, digits, . _ - and @. */
int curve_name_is_plain(struct span name);

/* 1 for the 40 characters of a key. */
int curve_key_is_valid(struct span key);

/* A public key as it is given in a configuration or an option: the 40 characters, or the path of a file that holds it. Returns 0, or -1
 * with a sentence. */
int curve_key_find(const char *text, char out[CURVE_KEY_CHARS + 1], struct buf *error);

#endif
