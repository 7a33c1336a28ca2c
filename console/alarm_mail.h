/* A notice as a mail (RFC 5322, RFC 2045, RFC 2047). Pure. The lines end with CR LF; the dots of SMTP are libcurl's business. */
#ifndef CONSOLE_ALARM_MAIL_H
#define CONSOLE_ALARM_MAIL_H

#include "base/conf.h"
#include "console/alarm_notice.h"

void alarm_mail(const struct conf_alarm *conf, const struct alarm_notice *n, const char *name, struct buf *out);

#endif
