// A stepper in the document: one cursor, moved by buttons, by a slider, by the mouse and by keys. No step asks a kernel.

import { FAULT, RETRY, SIGNAL, Walk, placeOf } from "./run.js";
import { Picture, coloursOf } from "./draw.js";
import { Listing, Panels, make } from "./panels.js";

const FAR = 100;
const SCROLLS = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];
const KEYS = "Keys: ← → one event, Page Up and Page Down 100 events, Home, End, R next retry, S next signal, F next fault of this task.";

class Stepper {
  constructor(walk, start, look) {
    this.walk = walk;
    this.look = look;
    this.rows = walk.story.length ? walk.story : walk.every;
    this.place = Math.min(start, this.rows.length - 1);
    this.moves = {
      ArrowLeft: () => this.place - 1,
      ArrowDown: () => this.place - 1,
      ArrowRight: () => this.place + 1,
      ArrowUp: () => this.place + 1,
      PageUp: () => this.place - FAR,
      PageDown: () => this.place + FAR,
      Home: () => 0,
      End: () => this.rows.length - 1,
      r: () => this.seek(RETRY, "retry"),
      s: () => this.seek(SIGNAL, "signal"),
      f: () => this.seek(FAULT, `fault of ${walk.task(this.rows[this.place])[1]}`, walk.task(this.rows[this.place])[0]),
    };
    this.build();
    this.listen();
    this.rethink();
  }

  build() {
    const { walk } = this;
    this.where = make("div", { className: "fl-where" });
    this.said = make("output", { className: "fl-said", "aria-live": "polite" });
    const button = (label, key, title) =>
      make("button", { type: "button", className: "fl-button", title, "aria-keyshortcuts": key, onclick: () => this.move(key) }, label);
    this.every = make("input", { type: "checkbox", onchange: () => this.choose() });
    this.table = make("button", { type: "button", className: "fl-button", onclick: () => this.toggle() }, "Show as table");
    this.table.setAttribute("aria-expanded", "false");
    const bar = make(
      "div",
      { className: "fl-bar", role: "group", "aria-label": "Steps" },
      button("First", "Home", "Go to the first event (Home)"),
      button("Back", "ArrowLeft", "Go one event back (left arrow)"),
      button("Forward", "ArrowRight", "Go one event forward (right arrow)"),
      button("Last", "End", "Go to the last event (End)"),
      button("Next retry", "r", "Go to the next second or later attempt (R)"),
      button("Next signal", "s", "Go to the next event of a signal (S)"),
      button("Next fault", "f", "Go to the next fault of this task (F)"),
      this.table,
      make("label", { className: "fl-check" }, this.every, " every event, also those inside the kernel and the hardware")
    );
    this.slider = make("input", { type: "range", min: 0, step: 1, className: "fl-slider", oninput: () => this.go(this.slider.valueAsNumber) });
    const scrub = make("label", { className: "fl-scrub" }, make("span", {}, "Event"), this.slider);
    this.all = make("canvas", { className: "fl-canvas", "aria-hidden": "true" });
    this.near = make("canvas", { className: "fl-canvas", "aria-hidden": "true" });
    this.frame = make("div", { className: "fl-frame" }, this.all, this.near);
    this.picture = new Picture(this.all, this.near, walk, this.look);
    this.panels = new Panels(walk);
    this.listing = new Listing(walk);
    const notes = walk.names.notes.length ? [make("ul", { className: "fl-notes" }, ...walk.names.notes.map((text) => make("li", {}, text)))] : [];
    const legend = make("p", { className: "fl-keys" }, "■ fault  ▲ retry  ◆ signal. Bars: R runs, number of the attempt in a fault, S sleeps, W waits for mmap_sem, r held for reading, w for writing.");
    this.root = make(
      "div",
      { className: walk.runs.length > 1 ? "fl-stepper fl-two" : "fl-stepper", role: "group", "aria-label": `Stepper: ${walk.names.title}`, "data-lm-suppress-shortcuts": "true" },
      this.where,
      this.said,
      bar,
      scrub,
      this.frame,
      legend,
      make("p", { className: "fl-keys" }, KEYS),
      this.listing.element,
      ...this.panels.elements,
      ...notes
    );
  }

  listen() {
    this.root.addEventListener("keydown", (event) => this.key(event));
    for (const [canvas, strip] of [[this.all, () => this.picture.all], [this.near, () => this.picture.near]]) {
      const point = (event) => this.go(strip().place(event.clientX - canvas.getBoundingClientRect().left));
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        point(event);
        this.slider.focus({ preventScroll: true });
        event.preventDefault();
      });
      canvas.addEventListener("pointermove", (event) => event.buttons & 1 && point(event));
    }
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.size = new ResizeObserver(() => this.resize());
    this.size.observe(this.frame);
    this.themes = new MutationObserver(() => this.rethink());
    for (const element of [document.documentElement, document.body]) {
      this.themes.observe(element, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-jp-theme-name"] });
    }
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(resolution: 1dppx)"]) {
      matchMedia(query).addEventListener("change", () => { this.resize(); this.rethink(); }, { signal });
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab" || event.key === "Escape") return;
    event.stopPropagation(); // or JupyterLab takes it for one of its own
    const inside = event.target.closest(".fl-source pre, .fl-scroll");
    if (inside && SCROLLS.includes(event.key)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!this.moves[key]) return;
    event.preventDefault();
    this.move(key);
  }

  move(key) {
    this.go(this.moves[key]());
  }

  /** Give the place of the next event of a kind; where there is none, say so and stay. */
  seek(sought, name, task = 0) {
    const found = this.walk.next(this.rows, this.place, sought, task);
    this.lacking = found < 0 ? `There is no later ${name}. ` : "";
    return found < 0 ? this.place : found;
  }

  go(place) {
    this.place = Math.max(0, Math.min(this.rows.length - 1, place));
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.show();
    });
  }

  /** Show the story alone, or every event. */
  choose() {
    const row = this.rows[this.place];
    this.rows = this.every.checked ? this.walk.every : this.walk.story;
    this.go(placeOf(this.rows, row));
  }

  toggle() {
    const hidden = !this.listing.element.hidden;
    this.listing.element.hidden = hidden;
    this.table.textContent = hidden ? "Show as table" : "Hide table";
    this.table.setAttribute("aria-expanded", String(!hidden));
    this.show();
  }

  /** Read the colours again: the theme may have changed. */
  rethink() {
    const colours = coloursOf(this.root);
    if (JSON.stringify(colours) === JSON.stringify(this.colours)) return;
    this.colours = colours;
    this.show();
  }

  resize() {
    const width = this.frame.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    if (!width || (width === this.width && ratio === this.ratio)) return;
    Object.assign(this, { width, ratio });
    this.picture.resize(width, ratio);
    this.rethink();
    this.show();
  }

  show() {
    const { walk, rows, place } = this;
    const row = rows[place];
    const where = `Event ${place + 1} of ${rows.length}`;
    this.where.textContent = `${where}, ${walk.time(row)} us${walk.markWords(row)}`;
    this.said.textContent = (this.lacking ?? "") + walk.sentence(row);
    this.lacking = "";
    this.slider.max = rows.length - 1;
    this.slider.value = place;
    this.slider.setAttribute("aria-valuetext", `${where}, ${walk.time(row)} us`);
    if (this.width && this.colours) this.picture.show(rows, place, this.colours);
    this.listing.show(rows, place);
    this.panels.show(row);
  }

  destroy() {
    this.stop.abort();
    this.size.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.waiting);
    this.root.remove();
  }
}

/** Put a stepper into an element of a page; its look: how large (scale), the names of
 * the lanes that are drawn, and whether it hides what comes after the cursor. */
export function mount(element, names, data, start, look = {}) {
  const walk = new Walk(names, new DataView(data.buffer, data.byteOffset, data.byteLength));
  const stepper = new Stepper(walk, start, look);
  element.append(stepper.root);
  stepper.resize();
  stepper.rethink();
  return stepper;
}
