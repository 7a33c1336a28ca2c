'use strict';
/* Asks the broker's frontend, and asks again until it is answered.
 *
 * One DEALER without a routing id. What is unanswered stands in lib/pending.js and is asked again under its ref, byte for byte: when
 * it is overdue, when the connection was lost, and when `epoch` tells that the broker has started anew and forgotten who waits.
 * The socket takes messages only while it is connected, so nothing piles up in it while the broker is away. */
const { randomBytes } = require('node:crypto');
const { performance } = require('node:perf_hooks');
const { Dealer } = require('zeromq');
const { curveOptions } = require('./curve.js');
const { InvalidRequest, NoAnswer } = require('./errors.js');
const limits = require('./limits.js');
const { Pending } = require('./pending.js');
const { pushMany } = require('./push_many.js');
const { checkCancel, checkMessage, checkStatus, checkTset, pack } = require('./request.js');
const { readFrame, resultOf } = require('./result.js');

const ENDPOINT = 'tcp://127.0.0.1:9502';
const TIMEOUT_MS = 30_000;
const SOCKET = {
  linger: 0,
  immediate: true /* takes no messages without a connection */,
  sendTimeout: 100 /* without a connection: after that it is looked anew at what is still wanted */,
  reconnectInterval: 100,
  reconnectMaxInterval: 2000,
  heartbeatInterval: 5000 /* a peer that has gone without a word */,
  heartbeatTimeout: 15_000,
};

function checkTimeout(value, byDefault) {
  if (value === undefined) return byDefault;
  if (value === Infinity || (Number.isInteger(value) && value >= 1 && value <= limits.TIMER_MS_MAX)) return value;
  throw new InvalidRequest('timeout', String(value), `give 1 to ${limits.TIMER_MS_MAX} ms, or Infinity`);
}

/* A socket that is being connected. Its events are listened to before, so that none is missed. */
function connect(endpoint, curve, onLost) {
  const limit = 'give tcp://HOST:PORT or ipc://PATH';
  if (typeof endpoint !== 'string') throw new InvalidRequest('endpoint', `a ${typeof endpoint}`, limit);
  const socket = new Dealer({ ...SOCKET, ...curveOptions(curve) });
  socket.events.on('disconnect', onLost);
  try {
    socket.connect(endpoint);
  } catch (error) {
    socket.close();
    throw new InvalidRequest('endpoint', error.message, limit);
  }
  return socket;
}

/* 32 hexadecimal digits. Of one client they ascend, so that the broker's index of ids grows at its end, page by full page. */
class IdMaker {
  #prefix = Date.now().toString(16).padStart(12, '0') + randomBytes(6).toString('hex');
  #count = 0;

  next() {
    return this.#prefix + (this.#count++).toString(16).padStart(8, '0');
  }
}

class Client {
  #socket;
  #timeoutMs;
  #pending = new Pending();
  #ids = new IdMaker();
  #nextRef = 1;
  #epoch; /* of the broker, as text; undefined until it is known who is at the other end */
  #heardMs = -Infinity;
  #isPinging = false;
  #isWriting = false;
  #isFlushPlanned = false;
  #isClosed = false;
  #ticker;

  constructor(endpoint = ENDPOINT, { timeout, curve } = {}) {
    this.#timeoutMs = checkTimeout(timeout, TIMEOUT_MS);
    this.#socket = connect(endpoint, curve, () => this.#onLost());
    this.#read();
  }

  /* --- what can be asked ------------------------------------------------------------------------------------------- */

  async push(message, options) {
    return this.pushChecked(checkMessage(message), options);
  }

  /* The same with a message that checkMessage has passed; for pushMany. */
  pushChecked(checked, options) {
    const message = checked.id === undefined ? { id: this.#ids.next(), ...checked } : checked;
    return this.#ask('push', message, options);
  }

  pushMany(messages, options) {
    return pushMany(this, messages, options);
  }

  async send(message, options) {
    const checked = checkMessage(message);
    return this.#ask('send', checked.id === undefined ? { id: this.#ids.next(), ...checked } : checked, options, true);
  }

  async check(message, options) {
    return this.#ask('check', checkMessage(message), options);
  }

  async status(id, { wait = false, app, ...options } = {}) {
    if (typeof wait !== 'boolean') throw new InvalidRequest('wait', `a ${typeof wait}`, 'give true or false');
    const members = checkStatus(id, app);
    return this.#ask('status', wait ? { ...members, wait } : members, options, wait);
  }

  async wait(id, options) {
    return this.status(id, { ...options, wait: true });
  }

  async cancel(what, options) {
    return this.#ask('cancel', checkCancel(what), options);
  }

  async tset(key, options) {
    return this.#ask('tset', checkTset(key), options);
  }

  async ping(options) {
    return this.#ask('ping', {}, options);
  }

  /* Whoever still waits gets NoAnswer. May be called twice. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#ticker);
    for (const entry of this.#pending.removeAll()) this.#fail(entry, new NoAnswer('the client was closed before an answer came', entry.id));
    this.#socket.close();
  }

  /* --- one request ------------------------------------------------------------------------------------------------- */

  /* isPatient: the answer may take as long as the message; there is no time limit but one that is given. */
  async #ask(op, members, { timeout, signal, ...unknown } = {}, isPatient = false) {
    const [misspelt] = Object.keys(unknown);
    if (misspelt !== undefined) throw new InvalidRequest(misspelt, 'unknown', `options of a ${op} are timeout and signal${op === 'status' ? ', app and wait' : ''}`);
    const timeoutMs = checkTimeout(timeout, isPatient ? Infinity : this.#timeoutMs);
    signal?.throwIfAborted();
    if (this.#isClosed) throw new NoAnswer('the client is closed, nothing was sent', members.id);
    const ref = this.#nextRef++;
    const packed = pack(op, ref, members);
    return new Promise((resolve, reject) => {
      const entry = { ref, packed, isPatient, id: members.id, resolve, reject, signal };
      if (timeoutMs !== Infinity) entry.timer = setTimeout(() => this.#giveUp(entry, new NoAnswer(`no answer within ${timeoutMs} ms`, entry.id)), timeoutMs);
      if (signal) {
        entry.onAbort = () => this.#giveUp(entry, signal.reason);
        signal.addEventListener('abort', entry.onAbort);
      }
      this.#add(entry);
    });
  }

  #add(entry) {
    this.#pending.add(entry);
    this.#ticker ??= setInterval(() => this.#tick(), limits.TICK_MS);
    this.#flush();
  }

  #giveUp(entry, error) {
    this.#pending.remove(entry.ref);
    this.#fail(entry, error);
    this.#flush(); /* others may stand in line behind it */
  }

  #fail(entry, error) {
    this.#release(entry);
    entry.reject(error);
  }

  #release(entry) {
    clearTimeout(entry.timer);
    entry.signal?.removeEventListener('abort', entry.onAbort);
  }

  /* --- what happens by itself -------------------------------------------------------------------------------------- */

  #tick() {
    const nowMs = performance.now();
    if (this.#pending.size === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
      return;
    }
    this.#pending.overdueAgain(nowMs);
    if (this.#pending.patient.size > 0 && !this.#isPinging && nowMs - this.#heardMs >= limits.PING_MS) this.#pingBroker();
    this.#flush();
  }

  /* Its answer tells the epoch: whether the broker still knows who waits. */
  #pingBroker() {
    const ref = this.#nextRef++;
    const over = () => (this.#isPinging = false);
    this.#isPinging = true;
    this.#add({ ref, packed: pack('ping', ref, {}), isPatient: false, resolve: over, reject: over });
  }

  #onLost() {
    this.#epoch = undefined; /* all is asked again anyhow, whoever it is then */
    this.#pending.allAgain();
    this.#flush();
  }

  async #read() {
    try {
      for await (const frames of this.#socket) {
        for (const frame of frames) for (const raw of readFrame(frame)) this.#onResult(raw);
        this.#flush();
      }
    } catch (error) {
      if (!this.#isClosed) throw error; /* a bug of ours: receiving fails only on a closed socket */
    }
  }

  #onResult(raw) {
    const entry = this.#pending.remove(raw.ref);
    this.#heardMs = performance.now();
    if (entry) {
      this.#release(entry);
      entry.resolve(resultOf(raw, entry.id));
    }
    if (raw.epoch === undefined) return;
    const epoch = String(raw.epoch);
    if (this.#epoch !== undefined && this.#epoch !== epoch) this.#pending.allAgain();
    this.#epoch = epoch;
  }

  /* Sends what stands in line, soon: what is asked until then goes into the same message. */
  #flush() {
    if (this.#isFlushPlanned || this.#isWriting || this.#pending.line.size === 0) return;
    this.#isFlushPlanned = true;
    setImmediate(() => {
      this.#isFlushPlanned = false;
      this.#write();
    });
  }

  async #write() {
    this.#isWriting = true;
    for (let batch; !this.#isClosed && (batch = this.#pending.take(performance.now())).length > 0; ) {
      try {
        await this.#socket.send(batch.map((entry) => entry.packed));
      } catch (error) {
        this.#pending.again(batch);
        if (error.code !== 'EAGAIN') break; /* the next tick tries again */
      }
    }
    this.#isWriting = false;
  }
}

if (Symbol.asyncDispose) Client.prototype[Symbol.asyncDispose] = Client.prototype.close;

module.exports = { Client };
