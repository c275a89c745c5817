// The room's hands: a count for each choice of each vote, kept while the page is open.

import { make } from "../../views/stepping/static/panels.js";

const MANY = 10; // hands that a digit with Shift counts

export class Votes {
  constructor(votes) {
    this.votes = votes;
    this.counts = Object.fromEntries(Object.entries(votes).map(([name, vote]) => [name, vote.choices.map(() => 0)]));
    this.given = []; // [name, choice, hands], the last one at the end
    this.element = make("section", { className: "fd-vote", "aria-label": "Vote" });
  }

  /** Take a key; gives what there is to say, or nothing where the key is none of ours. */
  key(name, event) {
    if (event.key === "Backspace") return this.back(name);
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
    const choice = digit ? Number(digit[1]) - 1 : -1;
    if (choice < 0 || choice >= this.counts[name].length) return "";
    const hands = event.shiftKey ? MANY : 1;
    this.given.push([name, choice, hands]);
    return this.add(name, choice, hands);
  }

  back(name) {
    const place = this.given.findLastIndex(([vote]) => vote === name);
    if (place < 0) return "Nothing was counted.";
    const [[, choice, hands]] = this.given.splice(place, 1);
    return this.add(name, choice, -hands);
  }

  add(name, choice, hands) {
    this.counts[name][choice] += hands;
    return `${this.votes[name].choices[choice]}: ${this.counts[name][choice]}`;
  }

  /** Show a vote, with the answer where that is to be seen. */
  show(name, answered) {
    const vote = this.votes[name];
    this.element.hidden = !vote;
    if (!vote) return;
    const most = Math.max(1, ...this.counts[name]);
    const cards = vote.choices.map((text, choice) => {
      const hands = this.counts[name][choice];
      const right = answered ? vote.right[text] : "";
      const bar = make("span", { className: "fd-hands", "aria-hidden": "true" });
      bar.style.width = `${(100 * hands) / most}%`;
      const card = make(
        "li",
        { className: right ? "fd-card fd-right" : "fd-card" },
        make("kbd", {}, String(choice + 1)),
        make("span", { className: "fd-choice" }, text),
        make("span", { className: "fd-count" }, String(hands)),
        make("span", { className: "fd-track" }, bar)
      );
      if (right) card.append(make("strong", { className: "fd-answer" }, `✓ ${right}`));
      return card;
    });
    this.element.replaceChildren(make("p", { className: "fd-question" }, vote.question), make("ol", { className: "fd-cards" }, ...cards));
  }
}
