/* Recipients files: every encoding, delimiter and line end, every kind of wrong row and of wrong header, and where reading goes on. */
#include "tests/unit/rows_case.h"

/* The same must come out of a file and of a pipe that gives a byte at a time. */
static void check(const struct rows_options *o, struct span text, const char *expected)
{
    struct buf out = {0};
    int fd = rows_case_file(text);
    rows_case_fd(o, fd, &out);
    CHECK_STR(buf_str(&out), expected);
    close(fd);
    if (text.bytes < 4096) {
        buf_clear(&out);
        rows_case_pipe(o, text, 1, &out);
        CHECK_STR(buf_str(&out), expected);
    }
    buf_free(&out);
}

static void check_plain(const char *text, const char *expected)
{
    check(&(struct rows_options){0}, span_of(text), expected);
}

static void test_lines(void)
{
    check_plain("openid,item\noA,tea\noB,\n", "2 oA {item=tea}\n3 oB {item=}\n.\n");
    check_plain("openid,item\r\noA,tea\r\noB,mate", "2 oA {item=tea}\n3 oB {item=mate}\n.\n");
    check_plain("openid,item\roA,tea\roB,mate\r", "2 oA {item=tea}\n3 oB {item=mate}\n.\n");
    check_plain("\n\r\nopenid,item\n\n   \noA,tea\n\r\n\noB,", "6 oA {item=tea}\n9 oB {item=}\n.\n");
    check_plain("openid\noA\n", "2 oA {}\n.\n");
    check_plain("item,openid,x\ntea,oA,1\n", "2 oA {item=tea,x=1}\n.\n");
    check_plain("openid,item\n", ".\n");
    check_plain("openid,item", ".\n");
}

static void test_quotes(void)
{
    check_plain("openid,a,b\n\"oA\",\"x,y\",\"\"\n", "2 oA {a=x,y,b=}\n.\n");
    check_plain("openid,a,b\noA,\"say \"\"hi\"\"\",\"\"\"\"\noB,1,2", "2 oA {a=say \"hi\",b=\"}\n3 oB {a=1,b=2}\n.\n");
    check_plain("openid,a\noA,\"one\ntwo\r\nthree\"\r\noB,x\n", "2 oA {a=one\ntwo\r\nthree}\n5 oB {a=x}\n.\n");
    check_plain("openid,a\noA,5\" disk\noB, \"x\"\n", "2 oA {a=5\" disk}\n3 oB {a= \"x\"}\n.\n");
    check_plain("\"openid\",\"a,\"\"b\"\r\noA,\"end\"", "2 oA {a,\"b=end}\n.\n");
}

static void test_delimiters(void)
{
    check_plain("openid;item\noA;1,5\n", "2 oA {item=1,5}\n.\n");
    check_plain("openid\titem\noA\ta;b,c\n", "2 oA {item=a;b,c}\n.\n");
    check_plain("openid;\"a,b,c\";d\noA;1;2\n", "2 oA {a,b,c=1,d=2}\n.\n");
    check(&(struct rows_options){.delimiter = ';'}, span_of("openid,item;x\n"), "refused: no column is named \"openid\"; the columns are "
          "\"openid,item\", \"x\" (the first line names the columns; for another name than openid give --openid-column NAME, for a file without "
          "such a line --columns openid,…)\n");
    check_plain("a,5\"x;openid;b\n1;oA;2\n", "2 oA {a,5\"x=1,b=2}\n.\n"); /* a quote within a field opens nothing */
    check(&(struct rows_options){.columns = "openid,text"}, span_of("oA\tone, two, three\n"), "1 oA {text=one, two, three}\n.\n");
    char delimiter;
    CHECK_INT(rows_read_delimiter("TAB", &delimiter), 0);
    CHECK_INT(delimiter, '\t');
    CHECK_INT(rows_read_delimiter("auto", &delimiter), 0);
    CHECK_INT(delimiter, 0);
    CHECK_INT(rows_read_delimiter("|", &delimiter), -1);
}

#define TEA_GBK "\xB2\xE8" /* U+8336 */

static void test_encodings(void)
{
    check_plain("\xEF\xBB\xBFopenid,item\noA,\xE8\x8C\xB6\n", "2 oA {item=茶}\n.\n");
    check_plain("openid,\xE8\x8C\xB6\noA,\xF0\x9F\x8D\xB5\n", "2 oA {茶=🍵}\n.\n");
    check_plain("openid," TEA_GBK "\noA,x" TEA_GBK ",\n", "2! 3 fields; 2 are expected: \"openid\", \"茶\"; a value that holds the "
                "delimiter stands in quotes\n.\n");
    check_plain("openid,item,x\noA,x\noB," TEA_GBK ",\x81\x30\x81\x30\n", "2! 2 fields; 3 are expected: \"openid\", \"item\", \"x\"; a "
                "value that holds the delimiter stands in quotes\n3 oB {item=茶,x=\xC2\x80}\n.\n");
    check_plain("openid,item\noA,\"" TEA_GBK "\"\"" TEA_GBK "\"\n", "2 oA {item=茶\"茶}\n.\n");
    check(&(struct rows_options){.encoding = ENCODING_GBK}, span_of("openid,item\noA," TEA_GBK "\noB,\xB2,\noC,\xB2\noD,x\noE," TEA_GBK "\n"),
          "2 oA {item=茶}\n3! 3 fields; 2 are expected: \"openid\", \"item\"; a value that holds the delimiter stands in quotes\n"
          "4! column \"item\": the value is not valid GBK; if the file is UTF-8, give --encoding utf-8\n5 oD {item=x}\n6 oE {item=茶}\n.\n");
    check(&(struct rows_options){.encoding = ENCODING_UTF8}, span_of("openid,item\noA," TEA_GBK "\noB,x\n"),
          "2! column \"item\": the value is not valid UTF-8; if the file is GBK, give --encoding gbk\n3 oB {item=x}\n.\n");
    check(&(struct rows_options){.encoding = ENCODING_GBK}, span_of("\xEF\xBB\xBFopenid\n"),
          "refused: the file begins with the byte order mark of utf-8, so it is no gbk: leave --encoding away\n");
    check(&(struct rows_options){.encoding = ENCODING_UTF8}, span_of("openid," TEA_GBK "\n"),
          "refused: the name of column 2 is not UTF-8 (the first line names the columns; for another name than openid give --openid-column "
          "NAME, for a file without such a line --columns openid,…)\n");
}

/* One broken character does not make GBK of a file in UTF-8, though most of its lines would pass for GBK. */
static void test_guess(void)
{
    check_plain("openid,item\noA,\xE8\x8C\noB,\xE8\x8C\xB6\xE8\x8C\xB6\noC,\xE8\x8C\xB6x\n",
                "2! column \"item\": the value is not valid UTF-8; if the file is GBK, give --encoding gbk\n3 oB {item=茶茶}\n4 oC "
                "{item=茶x}\n.\n");
    struct buf text = {0}; /* what decides comes after megabytes of ASCII */
    buf_append_str(&text, "openid,item\n");
    for (int i = 0; i < 100000; i++)
        buf_append_str(&text, "oA,0123456789\n");
    buf_append_str(&text, "oB," TEA_GBK "\n");
    int fd = rows_case_file(buf_span(&text));
    struct buf error = {0};
    struct rows *r = rows_new(&(struct rows_options){0}, fd, &error);
    struct row row;
    for (int i = 0; i < 100000; i++)
        CHECK_INT(rows_next(r, &row), ROWS_ROW);
    CHECK_INT(rows_encoding(r), ENCODING_AUTO);
    CHECK_INT(rows_next(r, &row), ROWS_ROW);
    CHECK_BYTES(row.vars, BYTES("\x81\xA4item\xA3\xE8\x8C\xB6"));
    CHECK_U64(row.line, 100002);
    CHECK_INT(rows_encoding(r), ENCODING_GBK);
    CHECK_INT(rows_delimiter(r), ',');
    CHECK_INT(rows_next(r, &row), ROWS_END);
    rows_destroy(&r);
    close(fd);
    buf_free(&text);
}

static void test_utf16(void)
{
    check(&(struct rows_options){0},
          BYTES("\xFF\xFEo\0p\0e\0n\0i\0d\0\t\0i\0\r\0\n\0o\0A\0\t\0\x36\x83\x3C\xD8\x75\xDF\r\0\n\0o\0B\0\t\0x\0"),
          "2 oA {i=茶🍵}\n3 oB {i=x}\n.\n");
    check(&(struct rows_options){0}, BYTES("\xFE\xFF\0o\0p\0e\0n\0i\0d\0,\0i\0\n\0o\0A\0,\x83\x36\0\n"), "2 oA {i=茶}\n.\n");
    /* half a pair, and half a unit */
    check(&(struct rows_options){0}, BYTES("\xFE\xFF\0o\0p\0e\0n\0i\0d\0,\0i\0\n\0o\0A\0,\xD8\x3C\0\n\0o\0B\0,\0x\0\n\0o\0C\0,\x83"),
          "2! column \"i\": the value is not valid UTF-8 (out of UTF-16)\n3 oB {i=x}\n4! column \"i\": the value is not valid UTF-8 (out of "
          "UTF-16)\n.\n");
    check(&(struct rows_options){0}, BYTES("o\0p\0e\0n\0i\0d\0\n\0"), "refused: the file begins with NUL bytes and no byte order mark, as "
          "UTF-16 without one: give it as CSV in UTF-8\n");
}

static void test_columns(void)
{
    check_plain("name,TouSer\ntea,oA\n", "2 oA {name=tea}\n.\n");
    check_plain("touser,OpenID\nx,oA\n", "2 oA {touser=x}\n.\n");
    check_plain("OpenID,openid\nx,oA\n", "2 oA {OpenID=x}\n.\n");
    check_plain(" openid , a b \noA, x \n", "2 oA {a b= x }\n.\n");
    check(&(struct rows_options){.openid_column = "wx"}, span_of("openid,WX\n1,oA\n"), "2 oA {openid=1}\n.\n");
    check(&(struct rows_options){.columns = "n, openid"}, span_of("1,oA\n2,oB\n"), "1 oA {n=1}\n2 oB {n=2}\n.\n");
    check(&(struct rows_options){.columns = "openid,n"}, span_of("OPENID,n\noB,2\n"),
          "1! this looks like a header line; a file that has one needs no --columns\n2 oB {n=2}\n.\n");
    check(&(struct rows_options){.columns = "openid,n"}, span_of(""), ".\n");
}

static void check_refused(struct span text, const char *part)
{
    struct buf out = {0};
    int fd = rows_case_file(text);
    rows_case_fd(&(struct rows_options){0}, fd, &out);
    CHECK_HAS(buf_str(&out), "refused: ");
    CHECK_HAS(buf_str(&out), part);
    close(fd);
    buf_free(&out);
}

static void check_many_columns(int columns, const char *refused)
{
    struct buf text = {0}, out = {0};
    buf_append_str(&text, "openid");
    for (int i = 1; i < columns; i++)
        buf_printf(&text, ",c%d", i);
    if (refused)
        check_refused(buf_span(&text), refused);
    buf_append_str(&text, "\noA");
    for (int i = 1; i < columns; i++)
        buf_append_str(&text, ",v");
    int fd = rows_case_file(buf_span(&text));
    rows_case_fd(&(struct rows_options){0}, fd, &out);
    CHECK_HAS(buf_str(&out), refused ? refused : "c1023=v}\n.\n");
    close(fd);
    buf_free(&text);
    buf_free(&out);
}

static void check_name_bytes(int bytes, const char *refused)
{
    struct buf text = {0};
    buf_printf(&text, "openid,%0*d\n", bytes, 1);
    if (refused)
        check_refused(buf_span(&text), refused);
    else
        check_plain(buf_str(&text), ".\n");
    buf_free(&text);
}

static void test_headers(void)
{
    check_refused(span_of(""), "the file is empty");
    check_refused(span_of("\n \n"), "the file is empty");
    check_refused(span_of("name,item\n"), "no column is named \"openid\"; the columns are \"name\", \"item\" (");
    check_refused(span_of("OpenId,OPENID\n"), "no column is named \"openid\"");
    check_refused(span_of("openid,,item\n"), "column 2 has no name");
    check_refused(span_of("openid,item,\n"), "column 3 has no name");
    check_refused(span_of("openid,item,x, item \n"), "columns 2 and 4 have the same name, \"item\"");
    check_refused(span_of("openid,\"a\nb\"\n"), "the name of column 2 has a control character or a line end");
    check_refused(span_of("oABCDabcd0123456789_-ABCDefgh\n"), "looks like a recipient");
    check_refused(span_of("oABCDabcd0123456789_-ABCDefgh,tea\n"), "--columns openid,…");
    check_refused(span_of("x\nopenid,\"a\n"), "no column");
    check_refused(span_of("\nopenid,\"a\nx,y\n"), "line 2, which names the columns: column 2: the quote is not closed");
    check_refused(span_of("PK\x03\x04xxxx"), "workbook (.xlsx)");
    check_refused(span_of("\x1F\x8B\x08"), "gzip");
    check_many_columns(1024, NULL);
    check_many_columns(1025, "1025 columns; at most 1024");
    check_name_bytes(VAR_NAME_BYTES_MAX, NULL);
    check_name_bytes(VAR_NAME_BYTES_MAX + 1, "the name of column 2 has 257 bytes; at most 256");
}

static void test_openids(void)
{
    check_plain("openid,n\n oA\t,1\n\xC2\xA0oB\xE3\x80\x80,2\n\"\noC \",3\n", "2 oA {n=1}\n3 oB {n=2}\n4 oC {n=3}\n.\n");
    check_plain("openid,n\n,1\n\" \",2\n", "2! column \"openid\": the openid is empty\n3! column \"openid\": the openid is empty\n.\n");
    check_plain("openid,n\no A,1\no\x01,2\no\xC2\x85z,3\no\xE3\x80\x80z,4\n\xE8\x8C\xB6,5\n",
                "2! column \"openid\": white space or a control character in the openid\n"
                "3! column \"openid\": white space or a control character in the openid\n"
                "4! column \"openid\": white space or a control character in the openid\n"
                "5! column \"openid\": white space or a control character in the openid\n6 茶 {n=5}\n.\n");
    for (int bytes = OPENID_BYTES_MAX; bytes <= OPENID_BYTES_MAX + 1; bytes++) {
        struct buf text = {0}, expected = {0};
        buf_printf(&text, "openid\n%0*d\n", bytes, 7);
        buf_printf(&expected, "2 %0*d {}\n.\n", bytes, 7);
        check_plain(buf_str(&text), bytes == OPENID_BYTES_MAX ? buf_str(&expected)
                                                              : "2! column \"openid\": an openid of more than 128 bytes\n.\n");
        buf_free(&text);
        buf_free(&expected);
    }
}

static void test_bad_rows(void)
{
    check_plain("openid,a\noA\noB,1\noC,1,2\n",
                "2! 1 field; 2 are expected: \"openid\", \"a\"; a value that holds the delimiter stands in quotes\n3 oB {a=1}\n"
                "4! 3 fields; 2 are expected: \"openid\", \"a\"; a value that holds the delimiter stands in quotes\n.\n");
    check(&(struct rows_options){0}, BYTES("openid,a\noA,x\0y\noB,1\n"), "2! column \"a\": a NUL byte in the value\n3 oB {a=1}\n.\n");
}

#define NOT_CLOSED ": the quote is not closed within 65,536 bytes; a value that begins with a quote is written in quotes, with \"\" for each of its own\n"
#define BEHIND     ": something stands behind the closing quote; a quote within quotes is written \"\"\n"

static void test_stray_quotes(void)
{
    check_plain("openid,a\noA,\"x\noB,1\noC,2\n", "2! column \"a\"" NOT_CLOSED "3 oB {a=1}\n4 oC {a=2}\n.\n");
    check_plain("openid,a\noA,\"x", "2! column \"a\"" NOT_CLOSED ".\n");
    check_plain("openid,a\noA,1\n\"oB,2\r\noC,3\r\n", "2 oA {a=1}\n3! column \"openid\"" NOT_CLOSED "4 oC {a=3}\n.\n");
    check_plain("openid,a\noA,\"x\"y\noB,1\n", "2! column \"a\"" BEHIND "3 oB {a=1}\n.\n");
    check_plain("openid,a\noA,\"x\" \noB,1\n", "2! column \"a\"" BEHIND "3 oB {a=1}\n.\n");
    /* the quote of line 2 ends at the one of line 4: all lines between are read */
    check_plain("openid,a\noA,\"x\noB,1\noC,\"y\"\noD,2\n", "2! column \"a\"" BEHIND "3 oB {a=1}\n4 oC {a=y}\n5 oD {a=2}\n.\n");
    /* the first quotes of the row are in order, the wrong one stands in its second line */
    check_plain("openid,a,b\noA,\"x\ny\",\"z\noB,1,2\n", "3! column \"b\"" NOT_CLOSED "4 oB {a=1,b=2}\n.\n");
    /* more fields than columns */
    check_plain("openid,a\noA,1,\"x\noB,2\n", "2! column 3" NOT_CLOSED "3 oB {a=2}\n.\n");
}

/* `bytes` times the character in the second field, in quotes or not; then one more row. */
static void check_long(size_t bytes, const char *before, const char *behind, const char *expected)
{
    struct buf text = {0}, out = {0};
    buf_printf(&text, "openid,a\noA,%s", before);
    memset(buf_reserve(&text, bytes), 'x', bytes);
    text.bytes += bytes;
    buf_printf(&text, "%s\noB,1\n", behind);
    for (size_t chunk = 0; chunk <= 4000; chunk += 4000) {
        int fd = rows_case_file(buf_span(&text));
        buf_clear(&out);
        if (chunk)
            rows_case_pipe(&(struct rows_options){0}, buf_span(&text), chunk, &out);
        else
            rows_case_fd(&(struct rows_options){0}, fd, &out);
        if (expected)
            CHECK_STR(buf_str(&out), expected);
        else
            CHECK_HAS(buf_str(&out), "xxx}\n3 oB {a=1}\n.\n");
        close(fd);
    }
    buf_free(&text);
    buf_free(&out);
}

static void test_limits(void)
{
    check_long(65536, "", "", NULL);
    check_long(65537, "", "", "2! column \"a\": a value of more than 65,536 bytes\n3 oB {a=1}\n.\n");
    check_long(65536, "\"", "\"", NULL);
    check_long(65537, "\"", "\"", "2! column \"a\"" NOT_CLOSED "3 oB {a=1}\n.\n");
    check_long(65537, "\"\n", "", "2! column \"a\"" NOT_CLOSED "3! 1 field; 2 are expected: \"openid\", \"a\"; a value that holds the "
               "delimiter stands in quotes\n4 oB {a=1}\n.\n");
    check_long(262140, "", "", "2! column \"a\": a value of more than 65,536 bytes\n3 oB {a=1}\n.\n"); /* with oA, and the line end the most */
    check_long(262141, "", "", "2! a row of more than 262,144 bytes\n3 oB {a=1}\n.\n");
    check_long(3000000, "", "\"", "2! a row of more than 262,144 bytes\n3 oB {a=1}\n.\n");
    check_long(3000000, "\"", "", "2! column \"a\"" NOT_CLOSED "3 oB {a=1}\n.\n");
    check_long(3000000, "\"\",\"\r\n", "\",,,", "2! column 3" NOT_CLOSED "3! a row of more than 262,144 bytes\n4 oB {a=1}\n.\n");
}

static void test_changed(void)
{
    struct buf text = {0}, error = {0};
    buf_append_str(&text, "openid,a\n");
    for (int i = 0; i < 100000; i++)
        buf_append_str(&text, "oA,0123456789\n");
    for (int change = 0; change < 4; change++) {
        int fd = rows_case_file(buf_span(&text));
        struct rows *r = rows_new(&(struct rows_options){0}, fd, &error);
        struct row row;
        enum rows_answer answer = rows_next(r, &row);
        CHECK_INT(answer, ROWS_ROW);
        if (change == 1)
            CHECK_INT(ftruncate(fd, 700000), 0); /* at a line's end or not, it is not all */
        if (change == 2)
            CHECK_INT(pwrite(fd, "x", 1, (off_t)text.bytes), 1);
        if (change == 3) {
            struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
            CHECK_INT(futimens(fd, times), 0);
        }
        while (answer == ROWS_ROW || answer == ROWS_BAD)
            answer = rows_next(r, &row);
        CHECK_INT(answer, change ? ROWS_FAILED : ROWS_END);
        CHECK_INT(rows_next(r, &row), answer); /* and stays so */
        CHECK_STR(rows_error(r), change ? "the file was changed while it was read: begin again when nobody writes it" : "");
        rows_destroy(&r);
        close(fd);
    }
    buf_free(&text);
}

static void test_no_file(void)
{
    struct buf out = {0};
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY);
    rows_case_fd(&(struct rows_options){0}, fd, &out);
    CHECK_STR(buf_str(&out), "refused: reading: Is a directory\n");
    close(fd);
    buf_clear(&out);
    rows_case_fd(&(struct rows_options){0}, -1, &out);
    CHECK_STR(buf_str(&out), "refused: reading: Bad file descriptor\n");
    buf_free(&out);
}

/* What SQL and follower lists use directly. */
static void test_maker(void)
{
    struct buf error = {0};
    struct span names[] = {span_of("touser"), span_of("n")}, fields[] = {span_of("oA"), {NULL, 0}};
    struct row_maker *m = row_maker_new(names, 2, NULL, &error);
    struct row row;
    CHECK(m != NULL);
    CHECK_U64(row_maker_openid_at(m), 0);
    CHECK_INT(row_maker_make(m, fields, 2, &row), 0);
    CHECK_SPAN(row.openid, "oA");
    CHECK_BYTES(row.vars, BYTES("\x81\xA1n\xA0"));
    fields[1] = BYTES("\xFF");
    CHECK_INT(row_maker_make(m, fields, 2, &row), -1);
    CHECK_SPAN(row.reason, "column \"n\": the value is not valid UTF-8");
    CHECK_INT(row.fault, ROW_ENCODING);
    CHECK(row_maker_new(names, 0, NULL, &error) == NULL);
    row_maker_destroy(&m);
    buf_free(&error);
}

/* Values are bounded together, where no file bounds them. */
static void test_maker_bytes(void)
{
    struct buf error = {0}, value = {0};
    struct span names[6] = {span_of("openid"), span_of("1"), span_of("2"), span_of("3"), span_of("4"), span_of("5")};
    struct row_maker *m = row_maker_new(names, 6, NULL, &error);
    struct row row;
    memset(buf_reserve(&value, 65536), 'x', 65536);
    value.bytes = 65536;
    for (size_t last = 0; last <= 1; last++) {
        struct span v = buf_span(&value), fields[6] = {span_of("o"), v, v, v, {v.data, 65535}, {v.data, last}};
        CHECK_INT(row_maker_make(m, fields, 6, &row), last ? -1 : 0);
        CHECK_STR(row.reason.data, last ? "the values have more than 262,144 bytes together" : NULL);
    }
    row_maker_destroy(&m);
    buf_free(&value);
}

int main(void)
{
    test_lines();
    test_quotes();
    test_delimiters();
    test_encodings();
    test_guess();
    test_utf16();
    test_columns();
    test_headers();
    test_openids();
    test_bad_rows();
    test_stray_quotes();
    test_limits();
    test_changed();
    test_no_file();
    test_maker();
    test_maker_bytes();
    return 0;
}
