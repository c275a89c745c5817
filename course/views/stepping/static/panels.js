// The panels below the canvas: tables of slots, the source with its current line, and all events as a table.

const ROWS = 16; // rows of a panel that are shown at once
const LISTED = 50; // rows of the table of events
const ELSEWHERE = 0xffff; // as a line: the function is not the kernel's own
const NOT_YET = "-";

/** Make an element. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Set a text; the document is only touched where it differs. */
function put(node, text) {
  if (node.shown !== text) node.textContent = node.shown = text;
}

/** One panel: a line for each of its slots, a column for each run. */
class Panel {
  constructor(walk, number) {
    this.walk = walk;
    this.number = number;
    this.name = walk.names.panels[number];
    this.slots = walk.names.slots.map((_, slot) => slot).filter((slot) => walk.names.slots[slot][0] === number);
    this.caption = make("caption", {}, this.name);
    this.lines = this.slots.slice(0, ROWS).map(() => {
      const cells = walk.runs.map(() => make("td"));
      return { name: make("th", { scope: "row" }), cells };
    });
    const heads = walk.runs.map((run) => make("th", { scope: "col" }, run.label));
    const head = walk.runs.length > 1 ? [make("thead", {}, make("tr", {}, make("td"), ...heads))] : [];
    const body = make("tbody", {}, ...this.lines.map((line) => make("tr", {}, line.name, ...line.cells)));
    this.element = make("table", { className: "fl-panel" }, this.caption, ...head, body);
  }

  show(row) {
    const { walk } = this;
    const events = walk.latest.map((latest) => latest[row]);
    const moved = walk.own.map((own) => own[row] >= 0);
    const states = walk.runs.map((run, k) => run.state(events[k]));
    const first = this.page(states, moved);
    const fresh = walk.runs.map((run, k) => new Set(moved[k] ? run.changed(events[k]) : []));
    this.lines.forEach((line, place) => {
      const slot = this.slots[first + place];
      line.name.parentNode.hidden = slot === undefined;
      if (slot === undefined) return;
      put(line.name, walk.names.slots[slot][1]);
      states.forEach((state, k) => {
        put(line.cells[k], walk.text(state.texts[slot]) || NOT_YET);
        line.cells[k].classList.toggle("fl-new", fresh[k].has(slot));
      });
    });
    if (this.slots.length > ROWS) {
      const last = Math.min(first + ROWS, this.slots.length);
      put(this.caption, `${this.name}: ${first + 1} to ${last} of ${this.slots.length}`);
    }
  }

  /** Where the shown part of a long panel begins: what changed last is in it. */
  page(states, moved) {
    if (this.slots.length <= ROWS) return 0;
    const state = states[Math.max(0, moved.indexOf(true))];
    const place = this.slots.indexOf(state.latest[this.number]);
    return Math.floor(Math.max(0, place) / ROWS) * ROWS;
  }
}

/** The source of the function in which the task of a row is, in one of the runs. */
class Source {
  constructor(walk, k) {
    Object.assign(this, { walk, k, fn: -1, line: null });
    this.caption = make("figcaption");
    const label = walk.runs.length > 1 ? `Source, ${walk.runs[k].label}` : "Source";
    this.code = make("pre", { tabIndex: 0, role: "region", "aria-label": label });
    this.element = make("figure", { className: "fl-source" }, this.caption, this.code);
  }

  show(row) {
    const run = this.walk.runs[this.k];
    const [number, task] = this.walk.task(row);
    const event = run.lastOf(number, this.walk.latest[this.k][row]);
    const fn = event < 0 ? 0 : run.fn[event];
    const elsewhere = event >= 0 && run.line[event] === ELSEWHERE;
    if (fn !== this.fn || elsewhere !== this.elsewhere) this.load(fn, elsewhere);
    const source = fn ? this.walk.names.functions[fn - 1] : null;
    const before = this.walk.runs.length > 1 ? `${run.label}: ` : "";
    put(this.caption, before + (source ? `${task} in ${this.title(source, elsewhere)}` : `${task} is in no kernel function`));
    const line = (source && this.code.children[run.line[event] - source.first]) || null;
    if (line === this.line) return;
    this.line?.classList.remove("fl-here");
    this.line?.removeAttribute("aria-current");
    this.line = line;
    this.far = Boolean(line);
    line?.classList.add("fl-here");
    line?.setAttribute("aria-current", "step");
  }

  /** Bring the line into the middle. This asks for the layout, so it comes after all that changes the document. */
  scroll() {
    if (this.far) this.code.scrollTop = this.line.offsetTop - this.code.clientHeight / 2;
    this.far = false;
  }

  title({ name, c_name, c_file, module }, elsewhere) {
    if (elsewhere) return `${name}: a function of a learner's, whose source is not kept`;
    const ours = module.split(".").pop();
    const linux = c_file ? `, in Linux ${c_name === name ? "" : `${c_name} in `}${c_file}` : "";
    return `${name} (ours: ${ours}.py${linux})`;
  }

  load(fn, elsewhere) {
    Object.assign(this, { fn, elsewhere, line: null });
    const source = fn && !elsewhere ? this.walk.names.functions[fn - 1] : null;
    const lines = source ? source.text.split("\n") : [];
    this.code.replaceChildren(...lines.map((text) => make("span", {}, `${text}\n`)));
    this.code.classList.toggle("fl-none", !lines.length);
  }
}

/** All panels. */
export class Panels {
  constructor(walk) {
    const used = walk.names.panels.map((_, panel) => new Panel(walk, panel)).filter((one) => one.slots.length);
    const sources = walk.runs.map((_, k) => new Source(walk, k));
    this.parts = [...used, ...sources];
    const grid = (parts) => make("div", { className: "fl-panels" }, ...parts.map((one) => one.element));
    const lacking = walk.runs.filter((run) => !run.history).map((run) => run.label);
    const note = `The state after each step was not kept for ${lacking.join(" and ")}; run(..., history=True) keeps it.`;
    const notes = lacking.length ? [make("p", {}, note)] : [];
    // The source has always the same height, so that nothing moves above what changes its own.
    this.elements = [grid(sources), ...notes, grid(used)];
  }

  show(row) {
    for (const part of this.parts) part.show(row);
    for (const part of this.parts) part.scroll?.();
  }
}

/** The events near the cursor as a table: what the canvas shows, in words. */
export class Listing {
  constructor(walk) {
    this.walk = walk;
    this.body = make("tbody");
    this.caption = make("caption");
    const heads = ["Event", "Time", ...walk.runs.map((run) => run.label)].map((text) => make("th", { scope: "col" }, text));
    const table = make("table", { className: "fl-listing" }, this.caption, make("thead", {}, make("tr", {}, ...heads)), this.body);
    this.element = make("div", { className: "fl-scroll", tabIndex: 0, role: "region", "aria-label": "Events as a table", hidden: true }, table);
  }

  show(rows, place) {
    if (this.element.hidden) return;
    const first = Math.floor(place / LISTED) * LISTED;
    if (first !== this.first || rows !== this.rows) this.fill(rows, first);
    this.current?.removeAttribute("aria-current");
    this.current = this.body.children[place - first];
    this.current.setAttribute("aria-current", "true");
    this.element.scrollTop = this.current.offsetTop - this.element.clientHeight / 2;
  }

  fill(rows, first) {
    Object.assign(this, { rows, first });
    const shown = rows.slice(first, first + LISTED);
    put(this.caption, `Events ${first + 1} to ${first + shown.length} of ${rows.length}`);
    this.body.replaceChildren(
      ...Array.from(shown, (row, k) => {
        const cells = this.walk.runs.map((run, side) => {
          const event = this.walk.own[side][row];
          return make("td", {}, event < 0 ? "" : this.walk.text(run.sentence[event]));
        });
        const name = make("th", { scope: "row" }, `${first + k + 1}${this.walk.markWords(row).slice(0, 3)}`);
        return make("tr", {}, name, make("td", {}, `${this.walk.time(row)} us`), ...cells);
      })
    );
  }
}
