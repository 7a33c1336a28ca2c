/* mega alarm: what is raised, a test of the ways by which notices come, silences. Asks mega-console over its API. */
#ifndef CLIENT_ALARM_H
#define CLIENT_ALARM_H

/* Returns the exit status. */
int alarm_main(int argc, char **argv);

#endif
