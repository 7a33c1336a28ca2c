'use strict';

/* A request that cannot be right, whatever the broker says. Nothing was sent. */
class InvalidRequest extends Error {
  /* field: which member or option, such as "openid" or "vars.price"; what is wrong with it; limit: what is allowed. */
  constructor(field, what, limit) {
    super(`${field}: ${what}; ${limit}`);
    this.name = 'InvalidRequest';
    this.field = field;
    this.limit = limit;
  }
}

/* Nobody knows whether the request took effect: it was not answered in time, or the client was closed. Asking again with the same
 * id is safe. */
class NoAnswer extends Error {
  /* why: the reason. id: of the message, or undefined for a request without one. */
  constructor(why, id) {
    super(id === undefined ? why : `${why} (id ${id})`);
    this.name = 'NoAnswer';
    this.id = id;
    this.ids = id === undefined ? [] : [id]; /* of pushMany: all that had no answer */
  }
}

module.exports = { InvalidRequest, NoAnswer };
