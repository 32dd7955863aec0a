// One row of the table: the words are those of the index, so that a row is the same
// whether the page or the script made it.
const rowOf = (i) => {
  const kind = kindOf(i), [used, fillWords, overflows, last, config, room, also] = index.cells[i];
  const groups = words(index.groups[i]).join(", ");
  const row = el("tr", { class: "open-able", "data-row": i },
    el("td", { class: "c-v" }, badge(kind, index.word[i])),
    el("th", { scope: "row", class: "c-h" },
      el("button", { type: "button", class: "name", "aria-haspopup": "dialog" }, index.name[i] || "(no name)"),
      groups && el("small", {}, clip(groups, 240))));
  if (used === "") row.append(el("td", { class: "c-m", colspan: 7 }, also));
  else {
    row.append(
      el("td", { class: "c-u fill" + fullness(index.ratio[i]) }, el("span", { class: "used" }, used),
        index.ratio[i] !== null && meter(index.ratio[i])),
      el("td", { class: "c-f n" }, fillWords), el("td", { class: "c-o n" }, overflows), el("td", { class: "c-l" }, last),
      el("td", { class: "c-c" }, config), el("td", { class: "c-r n" }, room), el("td", { class: "c-a" }, also));
  }
  return row;
};

const fullness = (ratio) => ratio === null ? "" : ratio >= index.critical ? " k-full-critical" : ratio >= index.near ? " k-full-near" : "";

// tip is the small box beside the pointer; what it says is in the table as well.
const tip = (event, ...lines) => {
  const box = byId("tip");
  box.hidden = lines.length === 0;
  if (box.hidden) return;
  box.replaceChildren(...lines.map((line) => el("div", {}, line)));
  const left = event.clientX + 14 + box.offsetWidth > innerWidth ? event.clientX - 14 - box.offsetWidth : event.clientX + 14;
  box.style.left = Math.max(4, left) + "px";
  box.style.top = Math.min(event.clientY + 14, innerHeight - box.offsetHeight - 4) + "px";
};
const brief = (i) => [clip(index.name[i], 80), index.word[i] + (index.cells[i][0] ? ", " + index.cells[i][0] + ", " + index.cells[i][1] : "")];
