// The page of one graph; layout.js says where everything is.
const svg = document.getElementById("graph");
const closed = new Set(data.closed);
const byKey = new Map([...svg.querySelectorAll(".card")].map((e) => [e.dataset.key, e]));
let zoom = 1;

const fmt = (v) => String(Math.round(v * 10) / 10 || 0);
const at = (x, y) => (data.sideways ? `${fmt(y)},${fmt(x)}` : `${fmt(x)},${fmt(y)}`);

function pathOf(points, beside = 0) {
  let d = "M" + at(...points[0]);
  for (let i = 1; i < points.length; i++) {
    const [x, y] = points[i - 1], [u, v] = points[i];
    if (Math.abs(x - u) < 0.05) d += "L" + at(u, v);
    else {
      const middle = (y + v) / 2 + (u < x ? beside : -beside);
      d += `C${at(x, middle)} ${at(u, middle)} ${at(u, v)}`;
    }
  }
  return d;
}

function head([x, y], length, half = 3.4) {
  const [base, tip] = length > 0 ? [0, length] : [-length, 0];
  return `M${at(x - half, y + base)}L${at(x + half, y + base)}L${at(x, y + tip)}Z`;
}

function backPaths({ points, starts, ends }, thick) {
  const shift = 5 + thick / 2, size = 4 + thick;
  const line = points.map(([x, y]) => [x + shift, y]);
  if (ends) line[line.length - 1] = [line[line.length - 1][0], line[line.length - 1][1] + ARROW - 1];
  const tip = starts ? head(line[0], -size, size * 0.62) : "";
  if (starts) line[0] = [line[0][0], line[0][1] + size];
  return [pathOf(line, shift), tip];
}

const elements = {
  boxes: [...svg.querySelectorAll("rect[data-box]")],
  titles: [...svg.querySelectorAll(".box-title")],
  pieces: [...svg.querySelectorAll("[data-piece]")],
};

function draw() {
  const page = place(closed);
  const turn = ([x, y]) => (data.sideways ? [y, x] : [x, y]);
  const show = (element, shown) => { element.style.display = shown ? "" : "none"; };
  for (const [key, card] of byKey) {
    show(card, key in page.cards);
    if (key in page.cards) card.setAttribute("transform", `translate(${turn(page.cards[key]).map(fmt).join(" ")})`);
  }
  for (const rect of elements.boxes) {
    const box = page.boxes[rect.dataset.box];
    show(rect, box);
    if (!box) continue;
    const behind = Number(rect.dataset.behind || 0); // of the copies that are drawn behind the first
    const [x, y] = turn([box[0], box[1]]).map((corner) => corner + behind), [w, h] = turn([box[2], box[3]]);
    for (const [name, value] of Object.entries({ x, y, width: w, height: h })) rect.setAttribute(name, fmt(value));
  }
  for (const title of elements.titles) {
    const box = page.boxes[title.dataset.box];
    show(title, box);
    if (!box) continue;
    const [x, y] = turn([box[0], box[1]]);
    title.setAttribute("x", fmt(x + 12));
    title.setAttribute("y", fmt(y + 18));
  }
  for (const element of elements.pieces) {
    const line = page.lines[element.dataset.piece], kind = element.classList[0];
    show(element, line);
    if (!line) continue;
    if (kind === "place") {
      const [x, y] = line.points[line.points.length - 1], corner = data.sideways ? [y + 2, x - 6] : [x - 5, y + ARROW - 0.5];
      show(element, line.ends);
      element.setAttribute("x", fmt(corner[0]));
      element.setAttribute("y", fmt(corner[1]));
      continue;
    }
    let d;
    if (kind === "line") d = pathOf(line.points);
    else if (kind === "head") d = line.ends ? head(line.points[line.points.length - 1], ARROW) : "";
    else d = backPaths(line, Number(element.dataset.thick))[kind === "back" ? 0 : 1];
    element.setAttribute("d", d);
  }
  const largest = Math.max(1, ...Object.keys(page.cards).map((key) => data.saved[key] || 0));
  for (const key of Object.keys(page.cards)) { // one scale for all
    const bar = byKey.get(key).querySelector(".bar");
    if (bar) bar.setAttribute("width", fmt(Math.max(1.5, (data.bar * data.saved[key]) / largest)));
  }
  const [w, h] = turn([page.width, page.height]);
  svg.setAttribute("viewBox", `-12 -14 ${fmt(w + 24)} ${fmt(h + 28)}`);
  svg.setAttribute("width", fmt((w + 24) * zoom));
  svg.setAttribute("height", fmt((h + 28) * zoom));
}

// Boxes

function toggle(box) {
  if (!closed.delete(box)) closed.add(box);
  redraw();
}

/** Draw after a box was opened or closed; what is marked may now be seen elsewhere. */
function redraw() {
  draw();
  mark();
  if (step >= 0) paint();
}

/** Return the visible card for a card: itself, or the outermost closed box around it. */
function seen(key) {
  let found = key;
  for (let box = data.boxOf[key]; box !== undefined && box !== "-1"; box = data.parents[box]) {
    if (closed.has(box)) found = "g" + box;
  }
  return found;
}

function reveal(key) {
  for (let box = data.boxOf[key]; box !== undefined && box !== "-1"; box = data.parents[box]) closed.delete(box);
  redraw();
}

// The way to the output

const onward = new Map();
for (const [source, target, pieces] of data.links) {
  if (!onward.has(source)) onward.set(source, []);
  onward.get(source).push([target, pieces]);
}

function light(key) {
  const lit = new Set(), pieces = new Set();
  const stack = [...byKey.keys()].filter((card) => card[0] !== "g" && seen(card) === key);
  while (stack.length) {
    const card = stack.pop();
    if (lit.has(card)) continue;
    lit.add(card);
    for (const [target, way] of onward.get(card) || []) {
      way.forEach((piece) => pieces.add(piece));
      stack.push(target);
    }
  }
  const visible = new Set([...lit].map(seen));
  svg.classList.add("dim");
  for (const [card, element] of byKey) element.classList.toggle("lit", visible.has(card));
  for (const element of elements.pieces) element.classList.toggle("lit", pieces.has(element.dataset.piece));
}

function unlight() { svg.classList.remove("dim"); }

// Details

const panel = document.getElementById("details");
function element(tag, text, parent, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  if (parent) parent.append(made);
  return made;
}

function tell(key) {
  const about = data.details[key];
  panel.replaceChildren();
  element("h2", about.title, panel);
  element("p", about.kind, panel, "kind");
  const list = element("dl", undefined, panel);
  for (const [name, value] of about.facts) {
    element("dt", name, list);
    element("dd", value, list);
  }
  for (const [name, rule] of about.rules) {
    element("div", `gradient of ${name}`, panel, "kind").style.margin = "0";
    element("pre", rule, panel);
  }
  for (const image of byKey.get(key).querySelectorAll("image")) {
    const figure = element("figure", undefined, panel);
    element("img", undefined, figure).src = image.getAttribute("href");
    element("figcaption", image.nextElementSibling.textContent, figure);
  }
}

function choose(key) {
  for (const [card, e] of byKey) e.classList.toggle("chosen", card === key);
  tell(key);
}

// Search

let hits = [], hit = -1;
const isFound = (key, words) => data.details[key].search.includes(words);

/** Mark everything that holds the words, and count it. A closed box is marked for what is in it, too. */
function search(text) {
  const words = text.trim().toLowerCase();
  hits = words ? data.order.filter((key) => isFound(key, words)) : [];
  hit = -1;
  mark();
}

function mark() {
  const shown = new Set(hits.map(seen));
  for (const [key, card] of byKey) card.classList.toggle("found", shown.has(key));
  for (const rect of elements.boxes) rect.classList.toggle("found", shown.has("g" + rect.dataset.box));
  const label = document.getElementById("hits"), searched = document.getElementById("search").value.trim() !== "";
  label.textContent = !searched ? "" : !hits.length ? "nothing found" : hit < 0 ? `${hits.length} found` : `${hit + 1} of ${hits.length}`;
  for (const id of ["former", "further"]) document.getElementById(id).disabled = !hits.length;
}

/** Go to the next hit, or with -1 to the one before: open the boxes around it, and show it. */
function goto(by) {
  if (!hits.length) return;
  hit = hit < 0 ? (by > 0 ? 0 : hits.length - 1) : (hit + by + hits.length) % hits.length;
  const key = hits[hit];
  reveal(key);
  const open = key[0] === "g" && !closed.has(key.slice(1));
  const shown = open ? elements.titles.find((title) => title.dataset.box === key.slice(1)) : byKey.get(key);
  shown.scrollIntoView({ block: "center", inline: "center" });
  choose(key);
}

// Backward, newest first

let step = -1, timer = null;
/** Mark the cards whose steps are done, and the one whose step it is. */
function paint() {
  for (const card of byKey.values()) card.classList.remove("now", "done");
  if (step < 0) return;
  for (const entry of data.tape.slice(0, step)) byKey.get(seen(entry.card)).classList.add("done");
  const now = byKey.get(seen(data.tape[step].card)).classList;
  now.remove("done");
  now.add("now");
}

function go(to) {
  step = Math.max(-1, Math.min(data.tape.length - 1, to));
  paint();
  const label = document.getElementById("step");
  if (step < 0) {
    label.textContent = `${data.tape.length} steps, newest operation first`;
    return;
  }
  const entry = data.tape[step], card = byKey.get(seen(entry.card));
  card.scrollIntoView({ block: "center", inline: "center" });
  label.textContent = `step ${step + 1} of ${data.tape.length}`;
  panel.replaceChildren();
  element("h2", `${entry.name} (${entry.id})`, panel);
  element("p", `step ${step + 1}: its gradient g is complete`, panel, "kind");
  const list = element("dl", undefined, panel);
  for (const [name, value] of entry.facts) {
    element("dt", name, list);
    element("dd", value, list);
  }
  for (const [name, rule, into, strength] of entry.rules) {
    element("div", `gradient of ${name}, to ${into}` + (strength ? `: ${strength}` : ""), panel, "kind").style.margin = "0";
    element("pre", rule || "(no source)", panel);
  }
}

function play() {
  const button = document.getElementById("play");
  if (timer) {
    clearInterval(timer);
    timer = null;
  } else {
    if (step >= data.tape.length - 1) go(-1);
    timer = setInterval(() => (step >= data.tape.length - 1 ? play() : go(step + 1)), 900);
  }
  button.textContent = timer ? "Pause" : "Play";
}

// Wiring

svg.addEventListener("click", (event) => {
  const card = event.target.closest(".card"), box = event.target.closest("[data-box]");
  if (card && card.dataset.key[0] === "g") toggle(card.dataset.key.slice(1));
  else if (card) choose(card.dataset.key);
  else if (box) toggle(box.dataset.box);
});
svg.addEventListener("mouseover", (event) => {
  const card = event.target.closest(".card");
  if (card) { light(card.dataset.key); if (step < 0) tell(card.dataset.key); } else unlight();
});
svg.addEventListener("mouseleave", unlight);
svg.addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  }
});
const on = (id, action) => document.getElementById(id).addEventListener("click", action);
on("close", () => { for (const key of data.closable) closed.add(key); redraw(); fit(1); });
on("open", () => { closed.clear(); redraw(); fit(1); });
on("larger", () => { zoom *= 1.2; draw(); });
on("smaller", () => { zoom /= 1.2; draw(); });
/** Zoom so that all of the graph is seen, within bounds: letters stay readable. */
function fit(most, least = 0.5) {
  zoom = 1;
  draw();
  const main = document.querySelector("main");
  const whole = Math.min((main.clientWidth - 40) / svg.width.baseVal.value, (main.clientHeight - 40) / svg.height.baseVal.value);
  zoom = Math.max(least, Math.min(most, whole));
  draw();
}
on("fit", () => fit(2, 0));
let wide = innerWidth; // which a frame in another page may get late
addEventListener("resize", () => { if (innerWidth !== wide) { wide = innerWidth; fit(1); } });
on("theme", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
});
on("back", () => go(step - 1));
on("next", () => go(step + 1));
on("reset", () => go(-1));
on("play", play);
const box = document.getElementById("search");
box.addEventListener("input", () => search(box.value));
box.addEventListener("keydown", (event) => { if (event.key === "Enter") goto(event.shiftKey ? -1 : 1); });
on("former", () => goto(-1));
on("further", () => goto(1));
go(-1);
fit(1);
mark();
