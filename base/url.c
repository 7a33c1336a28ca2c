#include "base/url.h"

#include <string.h>

void url_escape(struct span text, struct buf *out)
{
    static const char plain[] = "-._~";
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.data[i];
        int is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                       || (c && strchr(plain, c));
        if (is_plain)
            buf_append(out, &c, 1);
        else
            buf_printf(out, "%%%02X", c);
    }
}

struct span url_host(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    return (struct span){host, strcspn(host, "/?#")};
}
