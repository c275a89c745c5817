// A demo on a page: pictures that the arrows go through, votes, and the speaker's notes. No step asks a kernel.

import { make } from "../../views/stepping/static/panels.js";
import { mount } from "../../views/stepping/static/stepper.js";
import { Calls, Clock } from "./live.js";
import { Votes } from "./votes.js";

const SIGNS = { ArrowRight: "→", ArrowLeft: "←", " ": "Space" };
const MOVES = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }; // a presenter's remote sends Page Up and Down
const DESK = 960; // pixels of a page for which a stepper is drawn as on a desk: its letters have 12
const LEAST = 1.3;

const named = (key) => SIGNS[key] ?? (key.length === 1 ? key.toUpperCase() : key);

class Demo {
  constructor(demo, element) {
    this.demo = demo;
    this.places = demo.steps.flatMap((step, k) => step.pictures.map((_, nth) => [k, nth]));
    this.place = 0;
    this.votes = new Votes(demo.votes);
    this.steppers = [];
    this.live = {}; // parts that keep something: by step, picture and place in it
    this.scale = scaleNow();
    this.build(element);
    this.stop = new AbortController();
    const { signal } = this.stop;
    globalThis.addEventListener("resize", () => this.fit(), { signal });
    document.addEventListener("keydown", (event) => this.key(event, document), { signal, capture: true });
    this.show();
    this.said.textContent = ""; // what is there at the beginning is read as a page is read
  }

  build(element) {
    this.where = make("span", { className: "fd-where" });
    this.title = make("h2", { className: "fd-title" });
    this.stage = make("div", { className: "fd-stage" });
    this.said = make("output", { className: "fd-said", "aria-live": "polite" });
    this.notes = make("aside", { className: "fd-notes", hidden: true, "aria-label": "The speaker's script" });
    const key = (keys, words) => make("li", {}, ...keys.map((one) => make("kbd", {}, named(one))), ` ${words}`);
    const own = Object.entries(this.demo.keys).map(([one, words]) => key([one], words));
    this.voting = make("li");
    this.keys = make(
      "ul",
      { className: "fd-keys", "aria-label": "Keys" },
      key(["ArrowLeft", "ArrowRight"], "step"),
      this.voting,
      ...own,
      key(["s"], "script"),
      key(["w"], "script in a window"),
      key(["t"], "theme")
    );
    const head = make("header", { className: "fd-head" }, make("h1", {}, this.demo.title), this.where);
    const main = make("main", { className: "fd-main" }, this.title, this.stage, this.votes.element);
    this.root = make("div", { className: "fd" }, head, main, this.notes, make("footer", {}, this.keys), this.said);
    element.append(this.root);
  }

  get step() {
    return this.demo.steps[this.places[this.place][0]];
  }

  key(event, from) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!this.take(key, event, from)) return;
    event.preventDefault();
    event.stopPropagation(); // or the stepper moves on its own
  }

  /** Do what a key asks for; says whether it was one of ours. */
  take(key, event) {
    for (const part of this.parts) if (part.key?.(key)) return this.tell(part.said);
    const { vote } = this.step;
    const counted = vote ? this.votes.key(vote, event) : "";
    if (counted) return this.tell(counted);
    if (key in MOVES) return this.go(this.place + MOVES[key]);
    if (key === "Home") return this.go(0);
    if (key === "End") return this.go(this.places.length - 1);
    if (key === "s") return this.script();
    if (key === "w") return this.window();
    if (key === "t") return this.theme();
    const there = this.demo.steps.findIndex((step) => step.key === key);
    return there >= 0 && this.go(this.places.findIndex(([k]) => k === there));
  }

  tell(words) {
    this.show();
    this.said.textContent = words ?? "";
    return true;
  }

  go(place) {
    this.place = Math.max(0, Math.min(this.places.length - 1, place));
    this.show();
    return true;
  }

  show() {
    const { demo, step } = this;
    const [k, nth] = this.places[this.place];
    this.where.textContent = `${k + 1} of ${demo.steps.length}`;
    this.title.textContent = step.title;
    const before = this.parts ?? [];
    this.parts = step.pictures[nth].map((part, at) => this.part(part, `${k} ${nth} ${at}`));
    for (const part of before) if (!this.parts.includes(part)) part.leave?.();
    const elements = this.parts.map((part) => part.element);
    if (elements.some((one, at) => this.stage.children[at] !== one) || this.stage.children.length !== elements.length) {
      this.stage.replaceChildren(...elements);
    }
    for (const part of this.parts) part.show?.();
    this.votes.show(step.vote || step.reveals, Boolean(step.reveals));
    this.voting.hidden = !step.vote;
    const vote = demo.votes[step.vote];
    const last = make("kbd", {}, String(vote?.choices.length));
    this.voting.replaceChildren(make("kbd", {}, "1"), " to ", last, " count a hand, with Shift: ten");
    this.said.textContent = `${step.title}${vote ? ` ${vote.question}` : ""}`;
    this.tellSpeaker(k);
  }

  /** The part of a picture on the page: a stepper and what keeps something are made once. */
  part(data, place) {
    if (data.kind === "walk") {
      const stepper = this.stepper(data.stepper);
      return { element: stepper.holder, show: () => stepper.go(data.place) };
    }
    if (!(place in this.live)) {
      this.live[place] = this.made(data);
    }
    return this.live[place];
  }

  made(data) {
    if (data.kind === "clock") return new Clock(data);
    if (data.kind === "calls") return new Calls(data);
    const element = make("div", { className: "fd-part" });
    element.innerHTML = data.html;
    return { element };
  }

  stepper(number) {
    if (!this.steppers[number]) {
      const { names, data, lanes } = this.demo.steppers[number];
      const holder = make("div", { className: "fd-part" });
      this.steppers[number] = mount(holder, names, data, 0, { scale: this.scale, lanes, hides: true });
      this.steppers[number].holder = holder;
    }
    return this.steppers[number];
  }

  /** Draw the steppers anew where the page has another size: letters are a part of its width. */
  fit() {
    if (scaleNow() === this.scale) return;
    this.scale = scaleNow();
    for (const stepper of this.steppers) stepper?.destroy();
    this.steppers = [];
    this.show();
  }

  theme() {
    const light = document.body.dataset.jpThemeLight !== "false";
    document.body.dataset.jpThemeLight = String(!light);
    return true;
  }

  /** Show or hide the script beside the page. */
  script() {
    this.notes.hidden = !this.notes.hidden;
    this.root.classList.toggle("fd-with-notes", !this.notes.hidden);
    return true;
  }

  /** Show the script in a window of its own, which takes the same keys. */
  window() {
    if (this.other && !this.other.closed) {
      this.other.focus();
      return true;
    }
    const other = (this.other = globalThis.open("", "", "popup,width=760,height=900"));
    if (!other) return this.tell("The browser keeps windows shut; press S for the script on this page.");
    other.document.title = `${this.demo.title}: script`;
    other.document.documentElement.lang = "en";
    other.document.head.append(make("style", {}, this.demo.style));
    other.document.body.className = "fd fd-alone";
    other.document.addEventListener("keydown", (event) => this.key(event), { signal: this.stop.signal });
    this.tellSpeaker(this.places[this.place][0]);
    return true;
  }

  tellSpeaker(k) {
    this.notes.replaceChildren(...this.script_(k));
    if (this.other && !this.other.closed) this.other.document.body.replaceChildren(...this.script_(k));
  }

  script_(k) {
    const { steps } = this.demo;
    const step = steps[k];
    const line = (name, words) => (words ? [make("p", {}, make("b", {}, `${name}: `), words)] : []);
    const after = steps[k + 1];
    return [
      make("h3", {}, `${k + 1} of ${steps.length}, minute ${step.from} to ${step.to}`),
      ...line("Say", step.say),
      ...line("Ask", step.ask),
      ...line("Expect", step.expect),
      ...line("Then", step.then.map(named).join(" ")),
      ...line("The room sees", step.sees.join(" · ")),
      ...(after ? line("Next", `${pressed(after)}: ${after.title}`) : [make("p", {}, "This is the last one.")]),
    ];
  }

  destroy() {
    this.stop.abort();
    this.other?.close();
    for (const stepper of this.steppers) stepper?.destroy();
    this.root.remove();
  }
}

/** How many pixels one of a stepper's drawing has. */
function scaleNow() {
  return Math.max(LEAST, innerWidth / DESK);
}

/** How the keys to a step are written: → 8 times. */
function pressed({ key, pictures }) {
  const more = pictures.length - 1;
  if (key === "ArrowRight") return more ? `→ ${more + 1} times` : "→";
  return more ? `${named(key)}, → ${more} times` : named(key);
}

/** Put a demo into an element of a page. */
export function open(demo, element) {
  return new Demo(demo, element);
}
