#include "sender/tls.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

int tls_check_ca_file(const struct conf *conf)
{
    const char *ca_file = conf->sender.ca_file;
    if (ca_file[0] == '\0' || access(ca_file, R_OK) == 0)
        return 0;
    log_error("[sender] ca_file cannot be read", log_str("path", ca_file), log_str("error", strerror(errno)));
    return -1;
}

const char *tls_advice(const char *words)
{
    static const struct {
        const char *words, *advice;
    } known[] = {
        {"has expired", "the certificate has expired: check api_base and this host's clock"},
        {"expiration date has passed", "the certificate has expired: check api_base and this host's clock"},
        {"not yet valid", "the certificate is not valid yet: check this host's clock"},
        {"not activated yet", "the certificate is not valid yet: check this host's clock"},
        {"subject name", "the certificate is another host's: the host name does not match, check api_base"},
        {"issuer", "unknown issuer: set [sender] ca_file to the CA's certificate, or install ca-certificates"},
        {"self-signed", "unknown issuer: set [sender] ca_file to the CA's certificate"},
        {"self signed", "unknown issuer: set [sender] ca_file to the CA's certificate"},
        {"certificate verification failed", "unknown issuer: set [sender] ca_file to the CA's certificate"},
        {"protocol version", "TLS 1.2 or later is needed: check what stands between this host and WeChat"},
        {"unsupported protocol", "TLS 1.2 or later is needed: check what stands between this host and WeChat"},
        {"wrong version number", "that port does not speak TLS: check api_base"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(words, known[i].words))
            return known[i].advice;
    return NULL;
}
