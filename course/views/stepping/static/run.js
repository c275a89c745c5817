// What a stepper walks through, decoded once: rows, events, changes of state. Knows no document, so Node runs it too.
// The layout of the bytes is that of wire.py.

const EVENT_BYTES = 32;
const ROW_BYTES = 12;
const BETWEEN_FRAMES = 256; // events between two key frames
export const RETRY = 1;
export const SIGNAL = 2;
export const FAULT = 4;

/** One run: its events as columns, and its state after each. */
export class Run {
  constructor(names, side, view, events, changes, lanes) {
    this.label = side.label;
    this.tasks = side.tasks;
    this.lanes = side.lanes;
    this.history = side.history;
    const n = (this.length = events[1] / EVENT_BYTES);
    this.time = new Float64Array(n);
    for (const name of ["sentence", "step", "end"]) this[name] = new Uint32Array(n);
    for (const name of ["fn", "line"]) this[name] = new Uint16Array(n);
    const bytes = ["kind", "task", "cpu", "goal", "sought", "attempt"];
    for (const name of bytes) this[name] = new Uint8Array(n);
    for (let i = 0, at = events[0]; i < n; i += 1, at += EVENT_BYTES) {
      this.time[i] = view.getFloat64(at, true);
      this.sentence[i] = view.getUint32(at + 8, true);
      this.step[i] = view.getUint32(at + 12, true);
      this.end[i] = view.getUint32(at + 16, true);
      this.fn[i] = view.getUint16(at + 20, true);
      this.line[i] = view.getUint16(at + 22, true);
      bytes.forEach((name, k) => (this[name][i] = view.getUint8(at + 24 + k)));
    }
    const m = changes[1] / 8;
    this.slot = new Uint32Array(m);
    this.text = new Uint32Array(m);
    for (let i = 0, at = changes[0]; i < m; i += 1, at += 8) {
      this.slot[i] = view.getUint32(at, true);
      this.text[i] = view.getUint32(at + 4, true);
    }
    this.bars = new Uint16Array(lanes[1] / 2);
    for (let i = 0; i < this.bars.length; i += 1) this.bars[i] = view.getUint16(lanes[0] + 2 * i, true);
    this.panelOf = names.slots.map(([panel]) => panel);
    this.#makeFrames(names);
  }

  /** The bar of a lane at an event: [style, letter, text]. */
  bar(lane, event) {
    return this.lanes[lane].bars[this.bars[event * this.lanes.length + lane]];
  }

  /** The texts of all slots after an event, and in each panel the slot that changed last. Before the first: empty. */
  state(event) {
    const now = this.now;
    if (event < now.event || event >= now.event + BETWEEN_FRAMES) {
      const frame = this.frames[event < 0 ? 0 : Math.floor(event / BETWEEN_FRAMES)];
      now.texts.set(frame.texts);
      now.latest.set(frame.latest);
      now.event = frame.event;
    }
    for (let e = now.event + 1; e <= event; e += 1) this.#apply(e);
    now.event = event;
    return now;
  }

  /** The last event of a task up to an event; -1 if there is none. */
  lastOf(task, event) {
    while (event >= 0 && this.task[event] !== task) event -= 1;
    return event;
  }

  /** Slots that an event changed. */
  changed(event) {
    return event < 0 ? [] : this.slot.subarray(event ? this.end[event - 1] : 0, this.end[event]);
  }

  #apply(event) {
    for (let i = event ? this.end[event - 1] : 0; i < this.end[event]; i += 1) {
      this.now.texts[this.slot[i]] = this.text[i];
      this.now.latest[this.panelOf[this.slot[i]]] = this.slot[i];
    }
  }

  /** Key frame k is the state before event 256 k. */
  #makeFrames(names) {
    const texts = new Uint32Array(names.slots.length);
    this.now = { event: -1, texts, latest: new Uint32Array(names.panels.length) };
    this.frames = [];
    for (let e = 0; e <= this.length; e += 1) {
      if (e % BETWEEN_FRAMES === 0) {
        const { texts: all, latest } = this.now;
        this.frames.push({ event: e - 1, texts: all.slice(), latest: latest.slice() });
      }
      if (e < this.length) this.#apply(e);
    }
    this.now.event = this.length - 1;
  }
}

/** The line of rows on which the cursor walks, for one run or for two. */
export class Walk {
  constructor(names, view) {
    this.names = names;
    const places = names.sections;
    this.runs = names.sides.map(
      (side, k) => new Run(names, side, view, places[`events ${k}`], places[`changes ${k}`], places[`lanes ${k}`])
    );
    const [start, size] = places.rows;
    const n = (this.length = size / ROW_BYTES);
    this.own = this.runs.map(() => new Int32Array(n)); // the event of each run in a row, or -1
    this.latest = this.runs.map(() => new Int32Array(n)); // its last event up to a row
    this.mark = new Uint8Array(n);
    const story = [];
    for (let row = 0, at = start; row < n; row += 1, at += ROW_BYTES) {
      this.runs.forEach((_, k) => {
        const event = view.getInt32(at + 4 * k, true);
        this.own[k][row] = event;
        this.latest[k][row] = event >= 0 ? event : row ? this.latest[k][row - 1] : -1;
      });
      this.mark[row] = view.getUint8(at + 8);
      if (view.getUint8(at + 9)) story.push(row);
    }
    this.story = Int32Array.from(story);
    this.every = Int32Array.from({ length: n }, (_, row) => row);
    this.parted = this.mark.indexOf(names.marks.indexOf(">>"));
  }

  /** Runs that have an event in a row. */
  moved(row) {
    return this.runs.map((_, k) => k).filter((k) => this.own[k][row] >= 0);
  }

  /** What happens in a row, in a sentence. */
  sentence(row) {
    const said = this.moved(row).map((k) => [this.runs[k].label, this.text(this.runs[k].sentence[this.own[k][row]])]);
    if (this.runs.length === 1) return said[0][1];
    if (said.length === 2 && said[0][1] === said[1][1]) return `Both: ${said[0][1]}`;
    return said.map(([label, text]) => `${label}: ${text}`).join(" ");
  }

  /** What the mark of a row means. */
  markWords(row) {
    const mark = this.names.marks[this.mark[row]];
    return { "≠": " ≠ other values", ">>": " >> here the runs part", "|": " | each run on its own" }[mark] ?? "";
  }

  text(place) {
    return this.names.texts[place];
  }

  /** The time of a row: that of its event. */
  time(row) {
    const [k] = this.moved(row);
    return this.runs[k].time[this.own[k][row]];
  }

  /** The task of a row's event, and its name; 0 is the machine itself. */
  task(row) {
    const [k] = this.moved(row);
    const task = this.runs[k].task[this.own[k][row]];
    return [task, task ? this.runs[k].tasks[task - 1] : "the machine"];
  }

  /** The place in `rows` of the next row after a place that holds what is sought; -1 if there is none. */
  next(rows, place, sought, task = 0) {
    for (let i = place + 1; i < rows.length; i += 1) {
      const found = this.runs.some((run, k) => {
        const event = this.own[k][rows[i]];
        return event >= 0 && run.sought[event] & sought && (!task || run.task[event] === task);
      });
      if (found) return i;
    }
    return -1;
  }
}

/** The place of a row in a list of rows, or of the last one before it. */
export function placeOf(rows, row) {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (rows[middle] <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
