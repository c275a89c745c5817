// Parts of a picture that answer to keys of their own: a clock that runs, and boxes that the room calls.

import { make } from "../../views/stepping/static/panels.js";

const SECONDS = 20; // that a clock takes from its beginning to its end
const STEPS = 20; // of a clock that may not move by itself

/** A clock of virtual time with a number that grows; Space starts and stops it. */
export class Clock {
  constructor({ label, first, last }) {
    Object.assign(this, { label, first, last, part: 0 });
    this.time = make("p", { className: "fd-time" });
    this.number = make("p", { className: "fd-number" });
    this.element = make("div", { className: "fd-part", role: "group", "aria-label": label }, this.number, this.time);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  key(key) {
    if (key !== " ") return false;
    if (this.still.matches) this.part = Math.min(1, this.part + 1 / STEPS);
    else if (this.running) this.leave();
    else this.start();
    this.said = this.running ? "" : `${this.number.textContent}, ${this.time.textContent}`;
    return true;
  }

  start() {
    let before = performance.now();
    const frame = (now) => {
      this.part = Math.min(1, this.part + Math.max(0, now - before) / 1000 / SECONDS);
      before = now;
      this.show();
      this.running = this.part < 1 ? requestAnimationFrame(frame) : 0;
    };
    this.running = requestAnimationFrame(frame);
  }

  leave() {
    cancelAnimationFrame(this.running);
    this.running = 0;
  }

  show() {
    const [t, n] = this.first.map((from, k) => Math.floor(from + this.part * (this.last[k] - from)));
    this.number.textContent = `${this.label}: ${n}`;
    this.time.textContent = `at ${t} us of ${this.last[0]} us`;
  }
}

/** Numbered boxes; a number and Enter open one. */
export class Calls {
  constructor({ label, boxes }) {
    Object.assign(this, { label, boxes, typed: "" });
    this.cells = boxes.map((_, number) => make("li", { className: "fd-box" }, make("b", {}, String(number)), make("span", {}, "?")));
    this.entry = make("p", { className: "fd-entry" });
    this.element = make("div", { className: "fd-part" }, make("p", {}, label), make("ol", { className: "fd-boxes" }, ...this.cells), this.entry);
  }

  key(key) {
    const entered = key === "Enter" && this.typed;
    if (/^[0-9]$/.test(key)) this.typed = (this.typed + key).slice(-2);
    else if (key === "Backspace") this.typed = this.typed.slice(0, -1);
    else if (!entered) return false;
    this.said = this.typed;
    if (entered) this.open(Number(this.typed));
    return true;
  }

  open(number) {
    this.typed = "";
    if (number >= this.boxes.length) {
      this.said = `The numbers are 0 to ${this.boxes.length - 1}.`;
      return;
    }
    this.said = `${number}: ${this.boxes[number]}`;
    this.cells[number].lastChild.textContent = this.boxes[number];
    this.cells[number].classList.add("fd-open");
  }

  show() {
    this.entry.textContent = this.typed ? `Number: ${this.typed}` : "Number and Enter";
  }
}
