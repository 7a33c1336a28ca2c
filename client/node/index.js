'use strict';
/* What the package exports. The code is CommonJS, since require() of an ES module is younger than Node.js 18; index.mjs hands out
 * the same objects, so that both kinds of import may be mixed in one program. */
module.exports = { Client: require('./lib/client.js').Client, ...require('./lib/errors.js') };
