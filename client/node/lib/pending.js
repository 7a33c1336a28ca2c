'use strict';
/* What is unanswered, and when it is asked again. Pure: the caller gives the time, any steady clock of ms.
 *
 * An entry is in one of three maps from ref to entry: `line` (to be sent, in the order of refs), `asked` (answered within moments,
 * asked again when that is overdue) and `patient` (answered when a message has ended). Both of the latter are in the order in which
 * they were asked, so what is overdue stands first. */
const limits = require('./limits.js');

class Pending {
  constructor() {
    this.line = new Map();
    this.asked = new Map();
    this.patient = new Map();
  }

  get size() {
    return this.line.size + this.asked.size + this.patient.size;
  }

  /* entry: {ref, packed, isPatient, …}; refs must go up. */
  add(entry) {
    this.line.set(entry.ref, entry);
  }

  /* The entries of the next ZeroMQ message, which count as asked now; empty when there is nothing to send. */
  take(nowMs) {
    const batch = [];
    let bytes = 0;
    for (const entry of this.line.values()) {
      const isFull = batch.length === limits.FRAMES_MAX || (batch.length > 0 && bytes + entry.packed.length > limits.BATCH_BYTES_MAX);
      if (isFull || this.asked.size >= limits.ASKED_MAX) break;
      bytes += entry.packed.length;
      entry.askedMs = nowMs;
      this.line.delete(entry.ref);
      (entry.isPatient ? this.patient : this.asked).set(entry.ref, entry);
      batch.push(entry);
    }
    return batch;
  }

  /* These were not sent, or are to be asked again: back to the line, in the order of refs. What was answered meanwhile is not. */
  again(entries) {
    const back = entries.filter((entry) => this.asked.delete(entry.ref) || this.patient.delete(entry.ref));
    if (back.length === 0) return;
    const all = [...back, ...this.line.values()].sort((a, b) => a.ref - b.ref);
    this.line = new Map(all.map((entry) => [entry.ref, entry]));
  }

  /* The broker has forgotten who waits, or the connection was lost. */
  allAgain() {
    this.again([...this.asked.values(), ...this.patient.values()]);
  }

  overdueAgain(nowMs) {
    this.again([...overdue(this.asked, nowMs - limits.AGAIN_MS), ...overdue(this.patient, nowMs - limits.PATIENT_AGAIN_MS)]);
  }

  /* Takes out what a ref stands for; undefined when nobody waits for it. */
  remove(ref) {
    const entry = this.asked.get(ref) ?? this.patient.get(ref) ?? this.line.get(ref);
    this.asked.delete(ref);
    this.patient.delete(ref);
    this.line.delete(ref);
    return entry;
  }

  removeAll() {
    const all = [...this.line.values(), ...this.asked.values(), ...this.patient.values()];
    for (const map of [this.line, this.asked, this.patient]) map.clear();
    return all;
  }
}

function overdue(map, untilMs) {
  const found = [];
  for (const entry of map.values()) {
    if (entry.askedMs > untilMs) break;
    found.push(entry);
  }
  return found;
}

module.exports = { Pending };
