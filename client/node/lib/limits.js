'use strict';

/* Limits of a request, as in proto/MESSAGES.md and proto/limits.h; and how the client asks. */
module.exports = {
  OPENID_BYTES_MAX: 128,
  ACCOUNT_BYTES_MAX: 32,
  ID_BYTES_MAX: 64,
  TASK_BYTES_MAX: 64,
  KEY_CHARACTERS_MAX: 32,
  VARS_MAX: 1024,
  VAR_NAME_BYTES_MAX: 256,
  NUMBER_DIGITS_MAX: 256 /* of an integer beyond 64 bits, its minus included */,
  AHEAD_MS_MAX: 34_560_000_000 /* in, ttl: 400 days */,
  REQUEST_BYTES_MAX: 65 * 1024 * 1024 /* a larger frame ends the connection, so it would be asked again for ever */,

  FRAMES_MAX: 4096 /* requests of one ZeroMQ message; what is behind is not read */,
  BATCH_BYTES_MAX: 16 * 1024 * 1024 /* likewise */,
  ASKED_MAX: 16384 /* requests on their way that are answered at once; others stand in line, so that a slow broker isn't flooded */,

  AGAIN_MS: 3000 /* an unanswered request is asked again */,
  PATIENT_AGAIN_MS: 60_000 /* one whose answer may take hours; pings notice a broker that has forgotten who waits */,
  PING_MS: 3000 /* silence after which a ping is sent while somebody waits */,
  TICK_MS: 250 /* how often it is looked whether something is overdue */,
  TIMER_MS_MAX: 0x7fffffff /* what setTimeout takes */,
};
