'use strict';
/* Keys for a frontend under CURVE, read from the files that `mega keygen` makes. */
const { readFileSync } = require('node:fs');
const { InvalidRequest } = require('./errors.js');

const KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/; /* Z85 */

function readKey(path, name, field) {
  const limit = 'give a file that mega keygen has made';
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidRequest(field, error.message, limit);
  }
  const key = new RegExp(`^\\s+${name}\\s*=\\s*["']?([^\\s"']+)`, 'm').exec(text)?.[1];
  if (key === undefined || !KEY.test(key)) throw new InvalidRequest(field, `${path} holds no ${name}`, limit);
  return key;
}

/* The options of a zeromq socket; {} without CURVE. */
function curveOptions(curve) {
  if (curve === undefined || curve === null) return {};
  const { key, serverKey } = curve;
  if (typeof key !== 'string') throw new InvalidRequest('curve.key', `a ${typeof key}`, 'give the path of NAME.key of mega keygen');
  if (typeof serverKey !== 'string')
    throw new InvalidRequest('curve.serverKey', `a ${typeof serverKey}`, "give the broker's public key, 40 characters, or the path of a file");
  return {
    curvePublicKey: readKey(key, 'public-key', 'curve.key'),
    curveSecretKey: readKey(key, 'secret-key', 'curve.key'),
    curveServerKey: KEY.test(serverKey) ? serverKey : readKey(serverKey, 'public-key', 'curve.serverKey'),
  };
}

module.exports = { curveOptions };
