/** Client of Mega-WeChat's frontend. What each member means, and all limits: proto/MESSAGES.md. */

/** Of the template's variables: `${NAME}` becomes the value. Integers beyond 2^53 are given as bigint. */
export type Variables = Record<string, string | number | bigint | boolean | null>;

/** A message. Members that are undefined or null count as not given. */
export interface Message {
  /** Recipient, 1 to 128 bytes. */
  openid: string;
  /** Template, 1 to 32 characters. */
  key: string;
  vars?: Variables | null;
  /** Your own id, 1 to 64 bytes without spaces: the same id is the same message, however often it is asked. Made when missing. */
  id?: string | null;
  /** Account: `[wechat:NAME]`. */
  app?: string | null;
  /** Send then: a Date, or milliseconds since 1970; at most 400 days ahead. Not together with `in`. */
  at?: Date | number | null;
  /** Send so many milliseconds later; at most 400 days. */
  in?: number | null;
  /** Milliseconds after which it is not sent any more (state `expired`). */
  ttl?: number | null;
  lane?: 'express' | 'bulk' | null;
  /** Label, 1 to 64 bytes without spaces. */
  task?: string | null;
}

/** What is taken back: one message by its id, or all that wait of a recipient, a task, or both. */
export type CancelWhat =
  | { id: string; app?: string; openid?: undefined; task?: undefined; key?: string }
  | { openid: string; task?: string; key?: string; app?: string; id?: undefined }
  | { task: string; openid?: string; key?: string; app?: string; id?: undefined };

/** Keys for a frontend under CURVE. */
export interface Curve {
  /** Path of NAME.key, as mega keygen has made it. */
  key: string;
  /** Public key of the broker: 40 characters, or the path of a file. */
  serverKey: string;
}

export interface AskOptions {
  /** Milliseconds until NoAnswer; Infinity for none. 30,000 or what the client was made with; none for what waits for an outcome. */
  timeout?: number;
  /** Ends the waiting; the promise is rejected with the signal's reason. The request may have taken effect all the same. */
  signal?: AbortSignal;
}

export type State =
  | 'waiting' | 'out' | 'sent' | 'pending' | 'refused' | 'expired' | 'cancelled' | 'dead'
  | 'delivered' | 'blocked' | 'failed'
  | 'ready' | 'unready';

/** An answer, whatever its code. What the broker has left out is missing. */
export interface Result {
  /** As in HTTP: 200 done, 100 not settled yet, 400, 404, 408, 409, 500, 503. */
  code: number;
  /** code is 200. */
  ok: boolean;
  id?: string;
  state?: State;
  /** What went wrong. */
  message?: string;
  /** WeChat's. */
  errcode?: number;
  /** WeChat's: an integer of 64 bits in decimal, as text because a number holds only 53. */
  msgid?: string;
  /** Of a cancel by recipient or task: messages cancelled; missing when there were none. */
  count?: number;
}

export class Client {
  /** endpoint: `[broker] frontend`, by default tcp://127.0.0.1:9502. Returns at once, connected or not. */
  constructor(endpoint?: string, options?: { timeout?: number; curve?: Curve });
  /** Resolves when the message is on disk. */
  push(message: Message, options?: AskOptions): Promise<Result>;
  /** Yields the results of many pushes as they come, in any order; at most `outstanding` (1,000; up to 16,384) are unanswered. */
  pushMany(
    messages: Iterable<Message> | AsyncIterable<Message>,
    options?: AskOptions & { outstanding?: number },
  ): AsyncGenerator<Result, void, undefined>;
  /** Resolves when the message has ended, with its outcome. */
  send(message: Message, options?: AskOptions): Promise<Result>;
  /** Would a push be accepted now? Nothing is kept. */
  check(message: Message, options?: AskOptions): Promise<Result>;
  /** What became of a message; with `wait` when it has ended. */
  status(id: string, options?: AskOptions & { app?: string; wait?: boolean }): Promise<Result>;
  /** status with `wait`. */
  wait(id: string, options?: AskOptions & { app?: string }): Promise<Result>;
  cancel(what: CancelWhat, options?: AskOptions): Promise<Result>;
  /** Reads a template again. */
  tset(key: string, options?: AskOptions): Promise<Result>;
  ping(options?: AskOptions): Promise<Result>;
  /** Whoever still waits gets NoAnswer. An open client keeps the process alive. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The request cannot be right; nothing was sent. */
export class InvalidRequest extends Error {
  constructor(field: string, what: string, limit: string);
  name: 'InvalidRequest';
  /** The member or option, such as `openid` or `vars.price`. */
  field: string;
  /** What is allowed. */
  limit: string;
}

/** Not answered in time, or the client was closed: the request may have taken effect. Asking again with the same id is safe. */
export class NoAnswer extends Error {
  constructor(why: string, id?: string);
  name: 'NoAnswer';
  id?: string;
  /** Of pushMany: the ids of all messages that had no answer. */
  ids: string[];
}
