// follow brings the page to what the fragment says.
const follow = (jump) => {
  const next = readState();
  if (next === null) return;
  state = next;
  refresh();
  followHost();
  if (jump && !state.h && location.hash) byId("hosts").scrollIntoView();
};

const start = async () => {
  if (typeof DecompressionStream === "undefined") throw new Error("this browser has no DecompressionStream (it is in every browser since 2023)");
  await loadIndex();
  if (index.rows === 0) return;
  setUpTable();
  setUpMap();
  setUpDrawer();
  byId("downloads").hidden = false;
  byId("get-csv").addEventListener("click", saveCSV);
  byId("get-json").addEventListener("click", saveJSON);
  byId("charts").hidden = false; // before the jump, which they would push away
  follow(true);
  performance.mark("usable");
  await new Promise((painted) => setTimeout(painted)); // the table first, then the pictures
  drawMap();
  drawScatter();
  if (location.hash.includes("=") && !state.h) byId("hosts").scrollIntoView();
  addEventListener("popstate", () => follow(true));
  addEventListener("resize", later(() => { drawMap(); drawScatter(); }, 150));
  setTimeout(prepareSearch, 50, 0);
  printing();
  document.documentElement.dataset.ready = "yes"; // for whoever waits for the charts
  performance.mark("ready");
};

// printing opens what is folded, and folds it again.
const printing = () => {
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const d of closed) d.open = true;
  });
  addEventListener("afterprint", () => { for (const d of closed) d.open = false; });
};

start().catch((error) => {
  const box = byId("broken");
  if (!box) return;
  box.hidden = false;
  box.textContent = "The table above has the worst hosts only, and the charts and details are missing: " + error.message + ".";
});
