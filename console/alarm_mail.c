#include "console/alarm_mail.h"

#include <time.h>

#include "base/conf_alarm.h"
#include "base/crypto.h"
#include "base/utf8.h"

#define WORD_BYTES_MAX    45  /* of text in one encoded word: 60 of base64, and RFC 2047 allows 75 in all */
#define LINE_BYTES        57  /* of text in a line of base64: 76 characters, as RFC 2045 allows */
#define SUBJECT_BYTES_MAX 240

/* "Sat, 28 Nov 2026 20:15:00 +0000", whatever the locale. */
static void append_date(int64_t wall_ms, struct buf *out)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &tm);
    buf_printf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
               tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int is_ascii(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return 0;
    return 1;
}

/* A subject of ASCII as it is; else encoded words, a line each, cut between characters. */
static void append_subject(struct span subject, struct buf *out)
{
    subject.bytes = utf8_fit(subject, SUBJECT_BYTES_MAX);
    buf_append_str(out, "Subject: ");
    if (is_ascii(subject)) {
        buf_append(out, subject.data, subject.bytes);
        buf_append_str(out, "\r\n");
        return;
    }
    for (size_t at = 0, bytes; at < subject.bytes; at += bytes) {
        struct span rest = {subject.data + at, subject.bytes - at};
        bytes = utf8_fit(rest, WORD_BYTES_MAX);
        buf_append_str(out, at ? " =?UTF-8?B?" : "=?UTF-8?B?");
        base64_append((struct span){rest.data, bytes}, out);
        buf_append_str(out, "?=\r\n");
    }
}

static void append_recipients(const char *list, struct buf *out)
{
    struct span word;
    const char *before = "To: <";
    while (conf_next_word(&list, ",", &word)) {
        buf_append_str(out, before);
        buf_append(out, word.data, word.bytes);
        before = ">,\r\n <";
    }
    buf_append_str(out, ">\r\n");
}

static void append_body(const struct alarm_notice *n, const char *name, struct buf *out)
{
    struct buf text = {0}, lines = {0};
    alarm_notice_text(n, name, &text);
    for (size_t i = 0; i < text.bytes; i++) { /* canonical line ends before the encoding (RFC 2045, 6.8) */
        if (text.data[i] == '\n')
            buf_append_str(&lines, "\r");
        buf_append(&lines, text.data + i, 1);
    }
    for (size_t at = 0; at < lines.bytes; at += LINE_BYTES) {
        size_t left = lines.bytes - at;
        base64_append((struct span){lines.data + at, left < LINE_BYTES ? left : LINE_BYTES}, out);
        buf_append_str(out, "\r\n");
    }
    buf_free(&text);
    buf_free(&lines);
}

void alarm_mail(const struct conf_alarm *conf, const struct alarm_notice *n, const char *name, struct buf *out)
{
    struct buf subject = {0};
    alarm_notice_subject(n, name, &subject);
    append_date(n->at_ms, out);
    buf_printf(out, "From: <%s>\r\n", conf->mail_from);
    append_recipients(conf->mail_to, out);
    buf_printf(out, "Message-ID: <%s%s>\r\n", n->id, strchr(conf->mail_from, '@'));
    append_subject(buf_span(&subject), out);
    buf_append_str(out, "Auto-Submitted: auto-generated\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: base64\r\n"
                        "\r\n");
    append_body(n, name, out);
    buf_free(&subject);
}
