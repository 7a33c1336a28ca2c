/* mega series: who gets which messages after a follow, a scan, a menu key or a keyword. Shows and steers them, as a client of the daemon
 * mega-listener (proto/series.h).
 *
 *   series.c          which command, and its exchange
 *   series_options.c  the command line; series_help.c its help
 *   series_print.c    answers for people
 *   series_plan.c     plan: what would happen, and whether the broker takes it
 */
#ifndef CLIENT_SERIES_H
#define CLIENT_SERIES_H

/* argv[0] is "series". Returns the exit status (enum status). */
int series_main(int argc, char **argv);

#endif
