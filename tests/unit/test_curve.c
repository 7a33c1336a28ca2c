/* CURVE, the parts without sockets: key files, roles, what is local, endpoints with a key, the folder of keys. */
#include <sys/stat.h>

#include <zmq.h>

#include "base/curve_binds.h"
#include "base/curve_folder.h"
#include "base/curve_role.h"
#include "tests/unit/conf_load.h"

/* The pair of the example in zmq_curve(7). */
#define PUBLIC "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SECRET "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
#define OTHER  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static const struct {
    const char *text, *name;
    unsigned roles;
    int has_secret;
} good[] = {
    {"curve\n    public-key = \"" PUBLIC "\"\n", "", ROLE_CLIENT, 0},
    /* as CZMQ and pyzmq write it */
    {"#   ****  Generated  ****\n#   ZeroMQ CURVE Public Certificate\n\nmetadata\n    name = \"ann\"\n    role = \"operator\"\n"
     "curve\n    public-key = \"" PUBLIC "\"\n    secret-key = \"" SECRET "\"\n",
     "ann", ROLE_OPERATOR, 1},
    {"metadata\n\tname = ann@host-1   # a person\r\n\trole = client, token\ncurve\r\n\tpublic-key='" PUBLIC "'\r\n", "ann@host-1",
     ROLE_CLIENT | ROLE_TOKEN, 0},
    {"curve\n    public-key = " PUBLIC "\t# his\n", "", ROLE_CLIENT, 0},
    {"other\n    public-key = \"x\"\ncurve\n    public-key = " PUBLIC "\n    more = 1\n    none\n", "", ROLE_CLIENT, 0},
};

static const struct {
    const char *text, *error;
} bad[] = {
    {"", "no public-key"},
    {"curve\n", "no public-key"},
    {"public-key = \"" PUBLIC "\"\n", "no public-key"}, /* not below curve */
    {"curve\n    public-key = \"short\"\n", "40 characters"},
    {"curve\n    public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf~\"\n", "40 characters"}, /* ~ is not of Z85 */
    {"curve\n    public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\xff\"\n", "40 characters"},
    {"curve\n    public-key = \"########################################\"\n", "40 characters"}, /* beyond 2^32 */
    {"curve\n    public-key = \"" OTHER "\"\n    secret-key = \"" SECRET "\"\n", "does not belong"},
    {"metadata\n    role = king\ncurve\n    public-key = \"" PUBLIC "\"\n", "role: is not known"},
    {"metadata\n    role = \"\"\ncurve\n    public-key = \"" PUBLIC "\"\n", "role: is not known"},
    {"metadata\n    name = \"a b\"\ncurve\n    public-key = \"" PUBLIC "\"\n", "name: is none"},
    {"metadata\n    name = \"uid:0\"\ncurve\n    public-key = \"" PUBLIC "\"\n", "name: is none"},
};

/* A # is one of the characters of keys. */
static void test_hash(void)
{
    struct curve_file file;
    struct buf error = {0};
    CHECK_INT(curve_file_parse(span_of("curve\n  public-key = #q:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y#7#\n"), &file, &error), -1); /* 41 */
    CHECK_INT(curve_file_parse(span_of("curve\n  public-key = DKZ97XB&yGpSHY.rV#W)3kBX)Mj1>7{jwCJ1^Vle\n"), &file, &error), 0);
    CHECK_STR(file.public_key, "DKZ97XB&yGpSHY.rV#W)3kBX)Mj1>7{jwCJ1^Vle");
    buf_free(&error);
}

static void test_files(void)
{
    struct curve_file file, again;
    struct buf error = {0}, text = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_INT(curve_file_parse(span_of(good[i].text), &file, &error), 0);
        CHECK_STR(file.public_key, PUBLIC);
        CHECK_STR(file.secret_key, good[i].has_secret ? SECRET : "");
        CHECK_STR(file.name, good[i].name);
        CHECK_INT(file.roles, good[i].roles);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&error);
        CHECK_INT(curve_file_parse(span_of(bad[i].text), &file, &error), -1);
        CHECK_HAS(buf_str(&error), bad[i].error);
        CHECK(strstr(buf_str(&error), SECRET) == NULL);
    }
    CHECK_INT(curve_file_parse(span_of(good[1].text), &file, &error), 0);
    curve_file_append(&file, &text);
    CHECK_INT(curve_file_parse(buf_span(&text), &again, &error), 0);
    CHECK_STR(again.name, file.name);
    CHECK_STR(again.public_key, file.public_key);
    CHECK_STR(again.secret_key, file.secret_key);
    CHECK_INT(again.roles, file.roles);
    buf_free(&error);
    buf_free(&text);
}

/* The file's name is the key's where it says none; a secret is not for everybody. */
static void test_reading(void)
{
    struct curve_file file;
    struct buf error = {0};
    char key[CURVE_KEY_CHARS + 1];
    char *path = test_file("bob.pub", span_of(good[0].text)), *secret = test_file("ann.key", span_of(good[1].text));
    CHECK_INT(curve_file_read(path, &file, &error), 0);
    CHECK_STR(file.name, "bob");
    CHECK_INT(curve_key_find(path, key, &error), 0);
    CHECK_STR(key, PUBLIC);
    CHECK_INT(curve_key_find(OTHER, key, &error), 0);
    CHECK_STR(key, OTHER);
    CHECK_INT(chmod(secret, 0644), 0);
    CHECK_INT(curve_file_read(secret, &file, &error), -1);
    CHECK_HAS(buf_str(&error), "open to everybody");
    CHECK_STR(file.secret_key, "");
    CHECK_INT(chmod(secret, 0640), 0);
    buf_clear(&error);
    CHECK_INT(curve_file_read(secret, &file, &error), 0);
    CHECK_INT(curve_file_read("/nowhere/x.pub", &file, &error), -1);
    CHECK_HAS(buf_str(&error), "cannot be read");
    CHECK_INT(curve_file_read(test_folder(), &file, &error), -1);
    buf_clear(&error);
    CHECK_INT(curve_key_find("nonsense", key, &error), -1);
    CHECK_HAS(buf_str(&error), "40 characters");
    struct curve_keys keys;
    buf_clear(&error);
    CHECK_INT(curve_keys_read(path, "", &keys, &error), -1);
    CHECK_HAS(buf_str(&error), "key: ");
    CHECK_HAS(buf_str(&error), "holds no secret key");
    CHECK_INT(curve_keys_read(secret, NULL, &keys, &error), 0);
    CHECK_STR(keys.server_key, PUBLIC);
    CHECK_INT(curve_keys_read(secret, OTHER, &keys, &error), 0);
    CHECK_STR(keys.server_key, OTHER);
    CHECK_STR(keys.name, "ann");
    free(path);
    free(secret);
    buf_free(&error);
}

/* By enum curve_domain: frontend control ring jobs inbox token tokens task listener. */
static const struct {
    enum curve_role role;
    const char *may;
} table[] = {{ROLE_CLIENT, "100000000"}, {ROLE_OPERATOR, "110001011"},  {ROLE_TOKEN, "000001100"},
             {ROLE_SENDER, "011001100"}, {ROLE_TEMPLATER, "011110000"}, {ROLE_STAGE, "111111111"}};

static void test_roles(void)
{
    struct buf text = {0};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int domain = 0; domain < CURVE_DOMAINS; domain++) {
            CHECK_INT(curve_roles_may(table[i].role, (enum curve_domain)domain), table[i].may[domain] == '1');
            CHECK_INT(curve_roles_may(table[i].role | ROLE_CLIENT, (enum curve_domain)domain), table[i].may[domain] == '1' || domain == 0);
        }
    for (int domain = 0; domain < CURVE_DOMAINS; domain++) {
        CHECK(!curve_roles_may(0, (enum curve_domain)domain));
        CHECK_INT(curve_domain_find(span_of(curve_domain_name((enum curve_domain)domain))), domain);
    }
    CHECK_INT(curve_domain_find(span_of("other")), CURVE_DOMAINS);
    CHECK_INT(curve_roles_read(span_of("client")), ROLE_CLIENT);
    CHECK_INT(curve_roles_read(span_of(" stage ,\ttoken,,")), ROLE_STAGE | ROLE_TOKEN);
    CHECK_INT(curve_roles_read(span_of("client,king")), 0);
    CHECK_INT(curve_roles_read(span_of("")), 0);
    curve_roles_append(ROLE_STAGE | ROLE_CLIENT, &text);
    CHECK_STR(buf_str(&text), "client,stage");
    buf_free(&text);
}

static const struct {
    const char *endpoint;
    int is_local;
} places[] = {
    {"ipc:///run/x.ipc", 1},       {"tcp://127.0.0.1:9502", 1},  {"tcp://127.9.8.7:*", 1},    {"tcp://[::1]:1", 1},
    {"tcp://::1:1", 1},            {"tcp://lo:1", 1},            {"tcp://0.0.0.0:1", 0},      {"tcp://*:1", 0},
    {"tcp://[::]:1", 0},           {"tcp://10.0.0.1:1", 0},      {"tcp://eth0:1", 0},         {"tcp://localhost:1", 0},
    {"tcp://127.0.0.1.a.org:1", 0}, {"tcp://128.0.0.1:1", 0},    {"tcp://[::ffff:10.0.0.1]:1", 0}, {"tcp://", 0},
    {"tcp://127.1:1", 0},          {"tcp://[127.0.0.1:1", 0},    {"tcp://1.127.0.0:1", 0},
};

static void test_places(void)
{
    static const struct curve_keys none;
    struct curve_keys keys = {.secret_key = SECRET};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        CHECK_INT(curve_is_local(places[i].endpoint), places[i].is_local);
        CHECK_INT(curve_bind_error(&none, 0, places[i].endpoint) == NULL, places[i].is_local);
        CHECK(curve_bind_error(&none, 1, places[i].endpoint) == NULL);
        CHECK(curve_bind_error(&keys, 0, places[i].endpoint) == NULL);
    }
    CHECK_HAS(curve_bind_error(&none, 0, "tcp://*:1"), "mega keygen");
    CHECK(curve_covers(&keys, "tcp://*:1") && !curve_covers(&keys, "ipc:///x") && !curve_covers(&none, "tcp://*:1"));
}

static void test_endpoints(void)
{
    struct span key;
    CHECK_SPAN(curve_endpoint_split(span_of("tcp://10.0.0.1:4000?key=" PUBLIC), &key), "tcp://10.0.0.1:4000");
    CHECK_SPAN(key, PUBLIC);
    CHECK_SPAN(curve_endpoint_split(span_of("tcp://10.0.0.1:4000"), &key), "tcp://10.0.0.1:4000");
    CHECK_U64(key.bytes, 0);
    CHECK_SPAN(curve_endpoint_split(span_of("tcp://10.0.0.1:4000?key=short"), &key), "tcp://10.0.0.1:4000?key=short");
    CHECK_SPAN(curve_endpoint_split(span_of("?key=" PUBLIC), &key), "?key=" PUBLIC);
    CHECK_SPAN(curve_endpoint_split((struct span){NULL, 0}, &key), "");
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_DEALER);
    static const struct curve_keys none;
    struct curve_keys keys = {.public_key = PUBLIC, .secret_key = SECRET, .server_key = PUBLIC};
    CHECK_INT(curve_connect(socket, &none, "tcp://127.0.0.1:1?key=" PUBLIC), -1); /* not in the clear */
    CHECK_INT(curve_connect(socket, &keys, "ipc:///x?key=" PUBLIC), -1);
    CHECK_INT(curve_connect(socket, &keys, "tcp://127.0.0.1:1?key=~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~"), -1);
    CHECK_INT(curve_connect(socket, &keys, "nothing"), -1);
    CHECK_INT(curve_connect(socket, &keys, "tcp://127.0.0.1:1?key=" OTHER), 0);
    char got[CURVE_KEY_CHARS + 1];
    size_t bytes = sizeof got;
    CHECK_INT(zmq_getsockopt(socket, ZMQ_CURVE_SERVERKEY, got, &bytes), 0);
    CHECK_STR(got, OTHER);
    zmq_close(socket);
    zmq_ctx_term(context);
}

static char *in_folder(const char *folder, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", folder, name);
    return path.data ? (buf_str(&path), path.data) : NULL;
}

static void write_key(const char *folder, const char *name, const char *text)
{
    char *path = in_folder(folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
    free(path);
}

static void test_folder_of_keys(void)
{
    char *folder = in_folder(test_folder(), "clients"), *gone = in_folder(folder, "bob.pub");
    struct curve_folder keys;
    uint64_t stamp;
    CHECK_INT(curve_folder_read(folder, NULL, NULL, &keys), 0); /* there is none */
    CHECK_U64(keys.count, 0);
    CHECK_INT(mkdir(folder, 0755), 0);
    write_key(folder, "ann.pub", "metadata\n  role = operator\ncurve\n  public-key = " PUBLIC "\n");
    write_key(folder, "bob.pub", "curve\n  public-key = " OTHER "\n");
    write_key(folder, "ann-too.pub", "metadata\n  role = token\ncurve\n  public-key = " PUBLIC "\n");
    write_key(folder, "bad.pub", "nothing");
    write_key(folder, "bob.pub.new", "curve\n  public-key = " OTHER "\n");
    write_key(folder, ".hidden.pub", "curve\n  public-key = " OTHER "\n");
    CHECK_INT(curve_folder_read(folder, NULL, NULL, &keys), 0);
    CHECK_U64(keys.count, 2);
    CHECK_INT(curve_folder_find(&keys, PUBLIC)->roles, ROLE_OPERATOR | ROLE_TOKEN);
    CHECK_STR(curve_folder_find(&keys, OTHER)->name, "bob");
    CHECK(curve_folder_find(&keys, SECRET) == NULL);
    CHECK_INT(curve_folder_stamp(folder, NULL, &stamp), 0);
    CHECK_U64(stamp, keys.stamp);
    CHECK_INT(remove(gone), 0);
    CHECK_INT(curve_folder_stamp(folder, NULL, &stamp), 0);
    CHECK(stamp != keys.stamp);
    curve_folder_free(&keys);
    free(folder);
    free(gone);
}

static void test_configuration(void)
{
    char *secret = test_file("ann.key", span_of(good[1].text));
    free(secret);
    struct loaded l = load("[wechat]\napp_id = a\napp_secret = b\n[curve]\nkey = ann.key\nserver_key = " OTHER "\nclients = here\n");
    CHECK_STR(l.errors.data, "");
    CHECK_STR(l.conf->curve.keys.secret_key, SECRET);
    CHECK_STR(l.conf->curve.keys.server_key, OTHER);
    unload(&l);
    l = load("[curve]\nserver_key = " OTHER "\n");
    CHECK_HAS(l.errors.data, "[curve] server_key: is given without key");
    unload(&l);
    l = load("[curve]\nkey = nowhere.key\n");
    CHECK_HAS(l.errors.data, "[curve] key: \"");
    unload(&l);
    l = load("[broker]\nfrontend = tcp://0.0.0.0:9502\ncontrol = tcp://*:1\n[sender]\nendpoint = tcp://*:*\n");
    struct buf errors = {0};
    CHECK_INT(curve_check_binds(l.conf, "mega-broker", &errors), -1);
    CHECK_HAS(buf_str(&errors), "[broker] frontend: \"tcp://0.0.0.0:9502\" is reachable");
    CHECK_HAS(buf_str(&errors), "[broker] control: \"tcp://*:1\" is reachable");
    CHECK(strstr(buf_str(&errors), "[sender]") == NULL);
    CHECK_INT(curve_check_binds(l.conf, "mega-gateway", &errors), 0); /* it connects there */
    unload(&l);
    buf_free(&errors);
}

int main(void)
{
    test_files();
    test_hash();
    test_reading();
    test_roles();
    test_places();
    test_endpoints();
    test_folder_of_keys();
    test_configuration();
    return 0;
}
