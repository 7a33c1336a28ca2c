/* Hands one message over, waits until WeChat has it, and says what became of it. */
#include <mega.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: example ENDPOINT OPENID KEY\n");
        return 2;
    }
    struct mega *mega = mega_open(argv[1], NULL);
    if (mega == NULL) {
        fprintf(stderr, "%s\n", mega_last_error());
        return 1;
    }
    struct mega_var vars[] = {mega_text("item", "tea"), mega_integer("n", 2)};
    struct mega_message message = {.openid = argv[2], .key = argv[3], .task = "example", .vars = vars, .var_count = 2};
    struct mega_result result;
    int error = mega_push(mega, &message, &result); /* durable now: it survives a crash of everything */
    if (error == 0 && result.code == 200) {
        printf("%s %s\n", result.id, result.state);
        error = mega_wait(mega, NULL, result.id, &result);
    }
    if (error)
        fprintf(stderr, "%s\n", mega_last_error());
    else
        printf("%d %s %s\n", result.code, result.state, result.message);
    mega_close(&mega);
    return error || result.code != 200;
}
