// The drawer: all of one host. It is a modal dialog, so that the browser keeps the
// keyboard inside, closes it with Escape and gives the focus back.
let opened = -1; // the row that is open
let opener = null; // what had the focus

const openHost = async (i, add) => {
  const drawer = byId("drawer");
  if (!drawer.open) opener = document.activeElement;
  opened = i;
  tip({});
  const same = index.name.reduce((list, name, at) => name === index.name[i] && at < i ? list + 1 : list, 0);
  state.h = index.name[i];
  state.n = same;
  writeState(add && !drawer.open);
  let h;
  try {
    h = await host(i);
  } catch (error) {
    h = { name: index.name[i], status: "failed", failure: { stage: "page", message: "the data of this host could not be unpacked: " + error.message } };
  }
  if (opened !== i) return;
  drawer.replaceChildren(drawerHead(h, i), ...drawerBody(h).filter(Boolean));
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
  byId("d-name").focus();
};

const drawerHead = (h, i) => {
  const at = shown.indexOf(i), step = (to) => () => openHost(shown[to], false);
  const why = h.findings?.find((f) => f.rule === h.verdict)?.title;
  return el("header", {},
    el("div", { class: "tools" },
      el("button", { type: "button", "aria-label": "Previous host", disabled: at < 1, click: step(at - 1) }, "‹"),
      el("button", { type: "button", "aria-label": "Next host", disabled: at < 0 || at + 1 >= shown.length, click: step(at + 1) }, "›"),
      el("button", { type: "button", "aria-label": "Print this host", click: () => print() }, "Print"),
      el("button", { type: "button", "aria-label": "Close", click: () => byId("drawer").close() }, "✕")),
    el("h2", { id: "d-name", tabindex: "-1" }, clip(h.name || "(no name)", 200)),
    badge(kindOf(i), index.word[i]),
    why ? el("p", { class: "lead" }, clip(why)) : null,
    h.coverage === "partial" ? el("p", { class: "sub" }, "* Namespaces or containers were found that could not be read.") : null);
};

const drawerBody = (h) => {
  if (h.status !== "audited") {
    const f = h.failure;
    const given = f ? "Failed at " + clip(f.stage, 40) + (f.via ? " via " + clip(f.via, 120) : "") + ": " + clip(f.message) + "." : "No reason is given.";
    const why = h.status === "failed" ? given : "The run ended before this host was asked.";
    return [section("Why there is no verdict", el("p", {}, why)), adviceSection(h), systemSection(h)];
  }
  const clock = h.facts?.host?.clock, now = clock ? time(clock) : index.finished, offset = offsetOf(clock);
  return [adviceSection(h), timelineSection(h, now, offset), numbersSection(h), statesSection(h), namespacesSection(h), topSection(h),
    findingsSection(h, offset), configSection(h, offset), logSection(h, offset), gapsSection(h), systemSection(h)];
};

const setUpDrawer = () => {
  const drawer = byId("drawer");
  drawer.addEventListener("click", (e) => { if (e.target === drawer) drawer.close(); }); // the backdrop
  drawer.addEventListener("close", () => {
    const back = opener?.isConnected ? opener : byId("table").querySelector(`tr[data-row="${opened}"] button`);
    opened = -1;
    state.h = "";
    state.n = 0;
    writeState(true);
    (back || byId("hosts")).focus({ preventScroll: true });
  });
};

// followHost opens or closes the drawer as the fragment says.
const followHost = () => {
  const drawer = byId("drawer");
  if (!state.h) { if (drawer.open) drawer.close(); return; }
  let at = index.at.get(state.h) ?? -1;
  for (let n = state.n; n > 0 && at >= 0; n--) at = index.name.indexOf(state.h, at + 1);
  if (at >= 0 && at !== opened) openHost(at, false);
};
