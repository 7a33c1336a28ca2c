'use strict';
const { InvalidRequest, NoAnswer } = require('./errors.js');
const { checkMessage } = require('./request.js');

const OUTSTANDING = 1000;
const OUTSTANDING_MAX = 16384;

/* One run of pushMany: reads messages, never more than are allowed to be unanswered or not yet taken by the caller. */
class Run {
  constructor(client, messages, outstanding, options) {
    const open = messages?.[Symbol.asyncIterator] ?? messages?.[Symbol.iterator];
    if (typeof open !== 'function' || typeof messages === 'string') throw new InvalidRequest('messages', `a ${typeof messages}`, 'give an iterable or async iterable of messages');
    Object.assign(this, { client, outstanding, options });
    this.isAsync = messages[Symbol.asyncIterator] !== undefined;
    this.source = open.call(messages);
    this.results = []; /* answered, not taken yet */
    this.unanswered = 0;
    this.failure = undefined; /* the first one; nothing is read any more */
    this.unknown = []; /* ids of messages that had no answer */
    this.isEnded = false; /* the source */
    this.reading = undefined; /* an async source's next message */
    this.wake = () => {};
  }

  get mayRead() {
    return !this.isEnded && this.failure === undefined && this.unanswered < this.outstanding;
  }

  /* Until something has changed. */
  changed() {
    return new Promise((resolve) => (this.wake = resolve));
  }

  async read() {
    if (!this.isAsync) {
      try {
        this.accept(this.source.next());
      } catch (error) {
        this.sourceFailed(error);
      }
      return;
    }
    this.reading ??= (async () => this.source.next())().then((next) => this.accept(next), (error) => this.sourceFailed(error)).finally(() => (this.reading = undefined));
    await Promise.race([this.reading, this.changed()]);
  }

  accept({ done, value }) {
    this.isEnded = done === true;
    if (!this.isEnded) this.push(value);
  }

  sourceFailed(error) {
    this.isEnded = true;
    this.failure ??= { error };
  }

  push(message) {
    let checked;
    try {
      checked = checkMessage(message);
    } catch (error) {
      this.failure ??= { error };
      return;
    }
    this.unanswered++;
    this.client.pushChecked(checked, this.options).then(
      (result) => this.over(() => this.results.push(result)),
      (error) => this.over(() => this.failed(error)),
    );
  }

  failed(error) {
    this.failure ??= { error };
    if (error instanceof NoAnswer) this.unknown.push(error.id);
  }

  over(how) {
    this.unanswered--;
    how();
    this.wake();
  }

  throwFailure() {
    if (this.failure === undefined) return;
    const { error } = this.failure;
    if (this.unknown.length > 0) error.ids = this.unknown;
    throw error;
  }
}

/* Yields the results as they come. On the first failure (a wrong message, no answer, the source) nothing more is read; what is on
 * its way is waited for and yielded, then the failure is thrown. */
async function* pushMany(client, messages, { outstanding = OUTSTANDING, ...options } = {}) {
  if (!Number.isInteger(outstanding) || outstanding < 1 || outstanding > OUTSTANDING_MAX) throw new InvalidRequest('outstanding', String(outstanding), `give 1 to ${OUTSTANDING_MAX}`);
  const run = new Run(client, messages, outstanding, options);
  try {
    for (;;) {
      if (run.results.length > 0) yield run.results.shift();
      else if (run.mayRead) await run.read();
      else if (run.unanswered > 0) await run.changed();
      else break;
    }
  } finally {
    if (!run.isEnded) await run.source.return?.();
  }
  run.throwFailure();
}

module.exports = { pushMany };
