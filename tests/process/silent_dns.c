/* Preloaded: a name of "silent.test" is asked for in vain for 12 s, as when no name server answers. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <time.h>

typedef int resolve(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    resolve *real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct timespec time = {12, 0};
    if (name == NULL || strstr(name, "silent.test") == NULL)
        return real(name, service, hints, out);
    nanosleep(&time, NULL);
    return EAI_AGAIN;
}
