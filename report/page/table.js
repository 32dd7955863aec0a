// The table shows one page of rows: a hundred rows are made in a few milliseconds,
// however many hosts there are.
const perPage = 100;
let shown = []; // the rows that pass the filters, in order

const drawTable = () => {
  const pages = Math.max(1, Math.ceil(shown.length / perPage));
  state.p = Math.min(state.p, pages);
  const rows = shown.slice((state.p - 1) * perPage, state.p * perPage);
  const body = byId("table").tBodies[0];
  body.replaceChildren(...rows.map(rowOf));
  if (rows.length === 0) body.append(el("tr", {}, el("td", { class: "empty", colspan: 9 }, "No host matches these filters.")));
  drawPages(pages);
  const { key, down } = orderOf(state.s);
  for (const th of document.querySelectorAll("#table th[data-sort]")) {
    if (th.dataset.sort === key) th.setAttribute("aria-sort", down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  }
  byId("sort").value = key;
  byId("reset").hidden = !filtered();
  byId("status").textContent = shown.length === index.rows ? plural(index.rows, "host") : count(shown.length) + " of " + plural(index.rows, "host") + filterWords();
};

// filterWords says what has no control of its own.
const filterWords = () => {
  const extra = [];
  if (state.f) extra.push("failed at " + state.f);
  if (state.r) extra.push("with " + state.r);
  if (state.l) extra.push(state.l === "none" ? "without a known limit" : "with a limit of " + count(Number(state.l)));
  return extra.length ? " (" + clip(extra.join(", "), 120) + ")" : "";
};

const drawPages = (pages) => {
  const nav = byId("pages"), go = (to) => () => {
    state.p = to;
    writeState(true);
    drawTable();
    byId("hosts").scrollIntoView();
    byId("pages").querySelector("button:not(:disabled)")?.focus({ preventScroll: true });
  };
  nav.hidden = pages < 2;
  if (nav.hidden) return nav.replaceChildren();
  const button = (word, label, to, off) => el("button", { type: "button", disabled: off, "aria-label": label, click: go(to) }, word);
  nav.replaceChildren(
    button("«", "First page", 1, state.p === 1), button("‹ Previous", "Previous page", state.p - 1, state.p === 1),
    el("span", {}, "Page " + count(state.p) + " of " + count(pages)),
    button("Next ›", "Next page", state.p + 1, state.p === pages), button("»", "Last page", pages, state.p === pages));
};

// drawChips counts what each verdict would show beside the other filters.
const drawChips = (counts) => {
  const all = new Set(index.kind);
  byId("chips").replaceChildren(...index.kinds.map((kind, k) => !all.has(k) ? null :
    el("button", { type: "button", class: "k-" + kind, "data-kind": kind, "aria-pressed": String(state.v.includes(kind)) },
      glyph(kind), kind, " ", el("small", {}, count(counts[k])))).filter(Boolean));
};

const refresh = () => {
  const { rows, counts } = matching();
  shown = sortRows(rows);
  drawChips(counts);
  drawTable();
  byId("g").value = state.g;
  if (byId("q").value !== state.q) byId("q").value = state.q;
  markMapSoon();
};

const change = (edit, add) => {
  edit();
  state.p = 1;
  writeState(add);
  refresh();
};

const setUpTable = () => {
  const groups = [...new Set(index.groups.flat())].map((g) => index.dictionary[g]).sort(new Intl.Collator("en", { numeric: true }).compare);
  byId("g").append(el("option", { value: "" }, "all"), ...groups.map((g) => el("option", { value: g }, clip(g, 60))));
  byId("g").closest("label").hidden = groups.length === 0;
  byId("sort").append(...Object.entries(orders).map(([key, order]) => el("option", { value: key }, order[2])));
  for (const th of document.querySelectorAll("#table th[data-sort]")) {
    const key = th.dataset.sort, word = th.textContent;
    th.replaceChildren(el("button", { type: "button", click: () => change(() => {
      const now = orderOf(state.s);
      state.s = now.key !== key ? key : (now.down ? "+" : "-") + key;
    }, true) }, word));
  }
  byId("q").addEventListener("input", (e) => change(() => { state.q = e.target.value; }, false));
  byId("g").addEventListener("change", (e) => change(() => { state.g = e.target.value; }, true));
  byId("sort").addEventListener("change", (e) => change(() => { state.s = e.target.value; }, true));
  byId("reset").addEventListener("click", () => {
    change(() => { state = { ...empty(), s: state.s }; }, true);
    byId("q").focus();
  });
  byId("chips").addEventListener("click", (e) => {
    const kind = e.target.closest("button")?.dataset.kind;
    if (!kind) return;
    change(() => { state.v = state.v.includes(kind) ? state.v.filter((v) => v !== kind) : index.kinds.filter((k) => k === kind || state.v.includes(k)); }, true);
    byId("chips").querySelector("[data-kind=" + kind + "]").focus(); // the chips were made anew
  });
  byId("table").tBodies[0].addEventListener("click", (e) => {
    const row = e.target.closest("tr[data-row]");
    if (row && (e.target.closest("button") || String(getSelection()) === "")) openHost(Number(row.dataset.row), true);
  });
  byId("controls").hidden = false;
};
