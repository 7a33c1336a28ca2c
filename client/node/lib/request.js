'use strict';
/* Checks and packs requests. Pure: nothing here sends, or looks at a clock.
 *
 * A request is packed once, and the bytes are kept until it is answered: the broker compares the variables of a repeated id as
 * bytes. */
const { Encoder, ExtData } = require('@msgpack/msgpack');
const { InvalidRequest } = require('./errors.js');
const limits = require('./limits.js');

const EXT_NUMBER = 1; /* digits of an integer beyond 64 bits */
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;
const LONE_SURROGATE = /\p{Surrogate}/u;
const SPACE_OR_CONTROL = /[\u0000-\u0020\u007f]/;

/* With useBigInt64 a bigint becomes an integer of 64 bits, and a number beyond 32 bits a float: see integer(). */
const encoder = new Encoder({ useBigInt64: true });

const isGiven = (value) => value !== undefined && value !== null;

/* An integer as the encoder must have it. Of a safe integer `value` the same bytes come out whether it is a number or a bigint. */
function integer(value) {
  const fits = value >= -0x80000000 && value <= 0xffffffff;
  return fits ? Number(value) : BigInt(value);
}

/* A name of a variable for an error. */
const variable = (name) => `vars.${name.slice(0, 64)}`;

function checkText(field, value, bytesMax, limit) {
  if (typeof value !== 'string') throw new InvalidRequest(field, `a ${typeof value}`, limit);
  if (LONE_SURROGATE.test(value)) throw new InvalidRequest(field, 'half a surrogate pair, no Unicode text', limit);
  const bytes = Buffer.byteLength(value);
  if (bytes > bytesMax) throw new InvalidRequest(field, `${bytes} bytes`, limit);
  return value;
}

/* Ids, accounts and tasks. */
function checkName(field, value, bytesMax) {
  const limit = `give 1 to ${bytesMax} bytes without spaces and control characters`;
  checkText(field, value, bytesMax, limit);
  if (value === '' || SPACE_OR_CONTROL.test(value)) throw new InvalidRequest(field, 'empty, or has a space or control character', limit);
  return value;
}

function checkOpenid(value) {
  const limit = `give 1 to ${limits.OPENID_BYTES_MAX} bytes`;
  if (checkText('openid', value, limits.OPENID_BYTES_MAX, limit) === '') throw new InvalidRequest('openid', 'empty', limit);
  return value;
}

function checkKey(value) {
  const limit = `give 1 to ${limits.KEY_CHARACTERS_MAX} characters`;
  checkText('key', value, limits.KEY_CHARACTERS_MAX * 4, limit);
  const characters = [...value].length;
  if (characters === 0 || characters > limits.KEY_CHARACTERS_MAX) throw new InvalidRequest('key', `${characters} characters`, limit);
  return value;
}

function checkAt(value) {
  const limit = 'give a Date, or an integer of milliseconds since 1970';
  const ms = value instanceof Date ? value.getTime() : value;
  if (!Number.isSafeInteger(ms) || ms < 0) throw new InvalidRequest('at', `${String(value)}`, limit);
  return integer(ms);
}

function checkDuration(field, value) {
  const limit = `give an integer of 0 to ${limits.AHEAD_MS_MAX} ms`;
  if (!Number.isSafeInteger(value) || value < 0 || value > limits.AHEAD_MS_MAX) throw new InvalidRequest(field, `${String(value)}`, limit);
  return integer(value);
}

function checkLane(value) {
  if (value !== 'express' && value !== 'bulk') throw new InvalidRequest('lane', `${String(value)}`, "give 'express' or 'bulk'");
  return value;
}

/* --- variables ---------------------------------------------------------------------------------------------------- */

function checkBigint(field, value) {
  if (value >= INT64_MIN && value <= UINT64_MAX) return integer(value);
  const digits = value.toString();
  if (digits.length > limits.NUMBER_DIGITS_MAX) throw new InvalidRequest(field, `${digits.length} digits`, `give at most ${limits.NUMBER_DIGITS_MAX}`);
  return new ExtData(EXT_NUMBER, Buffer.from(digits, 'latin1'));
}

function checkVariable(name, value) {
  const field = variable(name);
  const limit = 'give a string, a finite number, a bigint, a boolean or null';
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return checkText(field, value, limits.REQUEST_BYTES_MAX, limit);
  if (typeof value === 'bigint') return checkBigint(field, value);
  if (typeof value !== 'number') throw new InvalidRequest(field, `${Array.isArray(value) ? 'an array' : `a ${typeof value}`}`, limit);
  if (!Number.isFinite(value)) throw new InvalidRequest(field, `${value}`, limit);
  return Number.isSafeInteger(value) ? integer(value) : value;
}

function checkVars(vars) {
  if (typeof vars !== 'object' || Array.isArray(vars) || vars instanceof Map) throw new InvalidRequest('vars', `no plain object`, 'give an object of names and values');
  const entries = Object.entries(vars);
  if (entries.length > limits.VARS_MAX) throw new InvalidRequest('vars', `${entries.length} variables`, `give at most ${limits.VARS_MAX}`);
  const limit = `give names of at most ${limits.VAR_NAME_BYTES_MAX} bytes`;
  for (const entry of entries) {
    checkText(variable(entry[0]), entry[0], limits.VAR_NAME_BYTES_MAX, limit);
    entry[1] = checkVariable(entry[0], entry[1]);
  }
  return Object.fromEntries(entries);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

const CHECKS = {
  id: (value) => checkName('id', value, limits.ID_BYTES_MAX),
  app: (value) => checkName('app', value, limits.ACCOUNT_BYTES_MAX),
  openid: checkOpenid,
  key: checkKey,
  vars: checkVars,
  at: checkAt,
  in: (value) => checkDuration('in', value),
  ttl: (value) => checkDuration('ttl', value),
  lane: checkLane,
  task: (value) => checkName('task', value, limits.TASK_BYTES_MAX),
};
const MESSAGE = Object.keys(CHECKS);
const CANCEL = ['id', 'app', 'openid', 'key', 'task'];

/* The given members as they are packed; throws InvalidRequest for one that is not among `allowed`, wrong, or of `required` missing. */
function checkMembers(what, members, allowed, required) {
  if (typeof members !== 'object' || members === null) throw new InvalidRequest(what, `a ${typeof members}`, `give an object with ${required.join(', ') || allowed.join(', ')}`);
  const checked = {};
  for (const name of Object.keys(members)) {
    if (!allowed.includes(name)) throw new InvalidRequest(name, 'unknown', `${what} takes ${allowed.join(', ')}`);
    if (isGiven(members[name])) checked[name] = CHECKS[name](members[name]);
  }
  for (const name of required) if (!(name in checked)) throw new InvalidRequest(name, 'missing', `${what} needs ${required.join(' and ')}`);
  return checked;
}

/* A message to push, send or check. */
function checkMessage(message) {
  const checked = checkMembers('a message', message, MESSAGE, ['openid', 'key']);
  if (checked.at && checked.in) throw new InvalidRequest('at', 'given together with in', 'give one of them');
  return checked;
}

/* What is to be cancelled. */
function checkCancel(what) {
  const checked = checkMembers('a cancel', what, CANCEL, []);
  const isMany = 'openid' in checked || 'task' in checked;
  if ('id' in checked === isMany) throw new InvalidRequest('id', isMany ? 'given together with openid or task' : 'missing', 'give an id, or an openid or a task to cancel all that wait of it');
  return checked;
}

function checkStatus(id, app) {
  return checkMembers('a status', { id, app }, ['id', 'app'], ['id']);
}

function checkTset(key) {
  return checkMembers('a tset', { key }, ['key'], ['key']);
}

/* Packs an operation with checked members under a ref. */
function pack(op, ref, members) {
  const packed = encoder.encode({ op, ref, ...members });
  if (packed.length > limits.REQUEST_BYTES_MAX) throw new InvalidRequest('request', `${packed.length} bytes`, `give at most ${limits.REQUEST_BYTES_MAX}`);
  return packed;
}

module.exports = { checkMessage, checkCancel, checkStatus, checkTset, pack };
