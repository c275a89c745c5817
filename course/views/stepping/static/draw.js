// The bars on the canvas: a strip with all events and a strip near the cursor. Each is drawn once into a bitmap of its
// own; a step copies the bitmap and draws the cursor over it.

import { FAULT, RETRY, SIGNAL } from "./run.js";

const NAMES = 92; // pixels for the names of the lanes
const COLUMN = 16; // pixels for an event in the strip near the cursor
const NARROW = 11; // the least, where that lets all events stand in one strip
const EDGE = 3; // events that the cursor keeps from the ends of that strip
const SHAPES = 11; // pixels above the lane of a task for the shapes of its events
const TOP = 16;
const BOTTOM = 18;

/** Colours as the style sheet has them now. */
export function coloursOf(element) {
  const style = getComputedStyle(element);
  const names = ["ink", "paper", "run", "kernel", "sleep", "wait"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--fl-${name}`).trim()]));
}

/** How a bar is filled: a colour, or a pattern of it. */
function fills(context, styles, colours, ratio) {
  const made = {};
  for (const [name, [colour, pattern]] of Object.entries(styles)) {
    if (pattern === "none") continue;
    made[name] = colours[colour];
    if (pattern === "solid") continue;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8 * ratio;
    const ink = tile.getContext("2d");
    ink.scale(ratio, ratio);
    ink.fillStyle = colours.paper;
    ink.fillRect(0, 0, 8, 8);
    ink.fillStyle = ink.strokeStyle = colours[colour];
    if (pattern === "stripes") {
      ink.lineWidth = 2.5;
      ink.beginPath();
      for (const x of [-8, 0, 8]) {
        ink.moveTo(x - 1, 9);
        ink.lineTo(x + 9, -1);
      }
      ink.stroke();
    } else {
      for (const [x, y] of [[2, 2], [6, 6]]) {
        ink.beginPath();
        ink.arc(x, y, 1.6, 0, 7);
        ink.fill();
      }
    }
    made[name] = context.createPattern(tile, "repeat");
  }
  return made;
}

/** One strip: lanes of all runs over some of the rows. */
class Strip {
  constructor(canvas, walk, lane, gap, words, look) {
    Object.assign(this, { canvas, walk, lane, gap, words, scale: look.scale ?? 1, hides: look.hides, first: -1, count: 0 });
    const shown = ([, one]) => !look.lanes || look.lanes.includes(one.name);
    this.lanes = walk.runs.map((run) => [...run.lanes.entries()].filter(shown)); // of each run: [number, lane]
    this.bitmap = document.createElement("canvas");
    this.head = words ? 18 : 0;
    this.shapes = words ? SHAPES : 0;
    const lanes = this.lanes.flat().map(([, lane]) => lane);
    const tall = lanes.length * (lane + gap) + lanes.filter((one) => one.task).length * this.shapes;
    this.height = tall + walk.runs.length * (this.head + gap) + (words ? TOP + BOTTOM : 2 * gap);
  }

  /** Fit into a width of the page. All that is drawn is measured in units of `scale` pixels. */
  resize(wide, dots) {
    const [width, ratio] = [wide / this.scale, dots * this.scale];
    Object.assign(this, { width, ratio, first: -1 });
    for (const one of [this.canvas, this.bitmap]) {
      one.width = Math.round(width * ratio);
      one.height = Math.round(this.height * ratio);
    }
    this.canvas.style.height = `${this.height * this.scale}px`;
  }

  x(place) {
    return NAMES + ((place - this.first) * (this.width - NAMES - 2)) / this.count;
  }

  /** The place under a pixel. */
  place(x) {
    const place = this.first + Math.floor(((x / this.scale - NAMES) * this.count) / (this.width - NAMES - 2));
    return Math.max(this.first, Math.min(this.first + this.count - 1, place));
  }

  /** Draw the lanes from a place on; nothing is done when they stand there already. */
  prepare(rows, first, count, colours) {
    if (first === this.first && count === this.count && rows === this.rows && colours === this.colours) return;
    Object.assign(this, { rows, first, count, colours });
    const ink = (this.ink = this.bitmap.getContext("2d"));
    ink.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ink.fillStyle = colours.paper;
    ink.fillRect(0, 0, this.width, this.height);
    ink.font = "12px system-ui, sans-serif";
    ink.textBaseline = "middle";
    this.fills = fills(ink, this.walk.names.styles, colours, this.ratio);
    let y = this.words ? TOP : this.gap;
    this.walk.runs.forEach((run, k) => {
      if (this.words) {
        this.write(run.label, 2, y + this.head / 2, "left", "bold 12px system-ui, sans-serif");
        y += this.head;
      }
      this.lanes[k].forEach(([number, lane]) => {
        if (lane.task) y += this.shapes;
        if (this.words) this.write(lane.name, 2, y + this.lane / 2, "left");
        this.bars(run, k, number, y);
        if (lane.task) this.events(run, k, lane.task, y);
        y += this.lane + this.gap;
      });
      y += this.gap;
    });
    if (this.words) this.edges();
    else this.write("all events", 2, this.height / 2, "left");
    this.parting();
  }

  write(text, x, y, align, font = "12px system-ui, sans-serif") {
    this.ink.font = font;
    this.ink.textAlign = align;
    this.ink.fillStyle = this.colours.ink;
    this.ink.fillText(text, x, y);
  }

  /** The bars of a lane; what is the same in neighbouring rows is one bar. */
  bars(run, k, number, y) {
    const { latest } = this.walk;
    const end = this.first + this.count;
    for (let from = this.first; from < end; ) {
      const event = latest[k][this.rows[from]];
      const bar = event < 0 ? null : run.bar(number, event);
      let to = from + 1;
      while (to < end) {
        const next = latest[k][this.rows[to]];
        if ((next < 0 ? null : run.bar(number, next)) !== bar) break;
        to += 1;
      }
      if (bar && this.fills[bar[0]]) this.one(bar, this.x(from), this.x(to), y);
      from = to;
    }
  }

  one([style, letter, text], left, right, y) {
    const { ink, lane } = this;
    const width = Math.max(right - left - (this.words ? 1 : 0), 0.5); // a gap keeps bars of one colour apart
    ink.fillStyle = this.fills[style];
    ink.fillRect(left, y, width, lane);
    if (!this.words) return;
    ink.strokeStyle = this.colours.ink;
    ink.lineWidth = 1;
    ink.strokeRect(left + 0.5, y + 0.5, width - 1, lane - 1);
    for (const words of [text, letter]) {
      const wide = words ? ink.measureText(words).width + 6 : Infinity;
      if (wide + 4 > width) continue;
      ink.fillStyle = this.colours.paper;
      ink.fillRect(left + 3, y + 3, wide, lane - 6);
      this.write(words, left + 6, y + lane / 2 + 0.5, "left");
      return;
    }
  }

  /** Shapes for what the keys look for: a triangle for a retry, a diamond for a signal, a square for a fault. */
  events(run, k, task, y) {
    const { ink } = this;
    const half = this.words ? 4.5 : 1.5;
    const middle = y + (this.words ? -half - 1 : half);
    for (let place = this.first; place < this.first + this.count; place += 1) {
      const event = this.walk.own[k][this.rows[place]];
      if (event < 0 || run.task[event] !== task || !run.sought[event]) continue;
      const x = (this.x(place) + this.x(place + 1)) / 2;
      ink.beginPath();
      if (run.sought[event] & RETRY) {
        ink.moveTo(x - half, middle + half);
        ink.lineTo(x, middle - half);
        ink.lineTo(x + half, middle + half);
      } else if (run.sought[event] & SIGNAL) {
        ink.moveTo(x - half, middle);
        ink.lineTo(x, middle - half);
        ink.lineTo(x + half, middle);
        ink.lineTo(x, middle + half);
      } else if (run.sought[event] & FAULT) {
        ink.rect(x - half + 0.5, middle - half + 0.5, 2 * half - 1, 2 * half - 1);
      }
      ink.closePath();
      ink.fillStyle = this.colours.ink;
      ink.fill();
    }
  }

  /** Where the times stand, and the marks of rows that differ. */
  edges() {
    const { marks } = this.walk.names;
    let free = NAMES;
    for (let place = this.first; place < this.first + this.count; place += 1) {
      const row = this.rows[place];
      const time = this.walk.time(row);
      const before = place ? this.walk.time(this.rows[place - 1]) : NaN;
      if (time !== before || place === this.first) {
        const words = `${time} us`;
        const x = this.x(place);
        const wide = this.ink.measureText(words).width;
        if (x >= free && x + wide < this.width) {
          this.write(words, x, this.height - BOTTOM / 2, "left");
          free = x + wide + 8;
        }
      }
      if (marks[this.walk.mark[row]] === "≠") {
        this.write("≠", (this.x(place) + this.x(place + 1)) / 2, TOP / 2, "center");
      }
    }
  }

  /** A dashed line where two runs part. */
  parting() {
    const place = this.rows.indexOf(this.walk.parted);
    if (this.walk.parted < 0 || place < this.first || place >= this.first + this.count) return;
    const { ink } = this;
    const x = Math.round(this.x(place)) + 0.5;
    ink.strokeStyle = this.colours.ink;
    ink.lineWidth = 1.5;
    ink.setLineDash([4, 3]);
    ink.beginPath();
    ink.moveTo(x, this.words ? TOP : 0);
    ink.lineTo(x, this.height - (this.words ? BOTTOM : 0));
    ink.stroke();
    ink.setLineDash([]);
    if (this.words) this.write("» the runs part", x + 2, TOP / 2, x > this.width - 110 ? "right" : "left");
  }

  /** Copy the bitmap and draw the cursor. */
  show(place) {
    const ink = this.canvas.getContext("2d");
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.drawImage(this.bitmap, 0, 0);
    ink.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    const left = this.x(place);
    const width = Math.max(this.x(place + 1) - left, 3);
    if (this.hides) {
      ink.fillStyle = this.colours.paper;
      ink.fillRect(left + width, 0, this.width, this.height);
    }
    const [top, bottom] = this.words ? [TOP, BOTTOM] : [1, 1];
    ink.strokeStyle = this.colours.paper;
    ink.lineWidth = 4.5;
    ink.strokeRect(left, top, width, this.height - top - bottom);
    ink.strokeStyle = this.colours.ink;
    ink.lineWidth = 2.5;
    ink.strokeRect(left, top, width, this.height - top - bottom);
  }
}

/** Both strips. */
export class Picture {
  constructor(all, near, walk, look) {
    this.all = new Strip(all, walk, 6, 1, false, look);
    this.near = new Strip(near, walk, 22, 3, true, look);
  }

  resize(width, ratio) {
    this.all.resize(width, ratio);
    this.near.resize(width, ratio);
    const room = this.near.width - NAMES - 2;
    this.columns = Math.max(2 * EDGE + 2, Math.floor(room / COLUMN));
    this.most = Math.max(this.columns, Math.floor(room / NARROW));
  }

  /** Show the rows with the cursor at a place of them. */
  show(rows, place, colours) {
    const whole = rows.length <= this.most;
    const count = whole ? rows.length : this.columns;
    this.all.canvas.hidden = whole;
    let { first } = this.near;
    const inside = first >= 0 && place >= first + EDGE && place < first + count - EDGE;
    if (!inside || rows !== this.near.rows) first = place - (count >> 1);
    this.near.prepare(rows, Math.max(0, Math.min(rows.length - count, first)), count, colours);
    this.near.show(place);
    if (whole) return;
    this.all.prepare(rows, 0, rows.length, colours);
    this.all.show(place);
  }
}
