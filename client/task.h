/* mega task: one template to many recipients. Makes tasks and steers them, as a client of the daemon
 * mega-task (proto/task.h).
 *
 *   task.c            which command
 *   task_options.c    the command line; task_values.c its values, task_help.c its help
 *   task_link.c       one ask and its answer
 *   task_view.c       what answers say of a task
 *   task_print.c      list, show, and the line of a task
 *   task_watch.c      watch
 *   task_failed.c     failed
 *   task_create.c     create: source -> intake -> upload; task_report.c what it says
 *   task_source*.c    where recipients come from: files, SQL, followers
 *   task_intake.c     what every source goes through: bad lines, repeats, constant variables
 *   task_bad.c        the bad lines
 *   task_upload.c     to mega-task, several pieces under way at a time
 *   task_check.c      the first row asked of the broker; the first messages shown
 */
#ifndef CLIENT_TASK_H
#define CLIENT_TASK_H

/* argv[0] is "task". Returns the exit status (enum status). */
int task_main(int argc, char **argv);

#endif
