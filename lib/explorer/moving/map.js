// Points on a plane: pointed at they are named, clicked (or chosen with Enter) Python is notified.
const HEIGHT = 0.68; // of the width
const MARGIN = 14;
const REACH = 14; // pixels between a click and the point it means
const GREY = "#999999";
const OTHER = 255; // the kind of a point that belongs to no group

function render({ model, el }) {
  const box = make("div", el, "study-map");
  const canvas = make("canvas", box);
  const message = make("p", box, "message");
  const legend = make("ul", box);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  message.setAttribute("aria-live", "polite");
  let points = [];
  let focused = -1;

  const bytes = (name) => {
    const view = model.get(name);
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  };
  function load() {
    const raw = bytes("places").slice().buffer; // a copy starts where four bytes may start
    const flat = new Float32Array(raw);
    points = Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
    focused = -1;
    message.textContent = `${points.length} chunks of a second; click one, or move with the arrow keys and press Enter`;
    draw();
  }
  const size = () => [canvas.clientWidth, canvas.clientWidth * HEIGHT];
  function at_place(x, y) {
    const [width, height] = size();
    return [MARGIN + x * (width - 2 * MARGIN), height - MARGIN - y * (height - 2 * MARGIN)];
  }
  const where = (i) => at_place(...points[i]);
  function own() {
    const flat = model.get("own");
    return Array.from({ length: flat.length / 2 }, (_, i) => at_place(flat[2 * i], flat[2 * i + 1]));
  }
  function star(pen, [x, y]) {
    pen.lineCap = "round";
    for (const [colour, wide] of [["#ffffff", 6], ["#000000", 2.5]])
      for (const [dx, dy] of [[8, 0], [0, 8], [5.6, 5.6], [5.6, -5.6]]) {
        pen.beginPath();
        pen.moveTo(x - dx, y - dy);
        pen.lineTo(x + dx, y + dy);
        pen.strokeStyle = colour;
        pen.lineWidth = wide;
        pen.stroke();
      }
  }
  function dot(pen, i, radius, colour) {
    pen.beginPath();
    pen.arc(...where(i), radius, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
  }
  function ring(pen, i, radius, colour) {
    pen.beginPath();
    pen.arc(...where(i), radius, 0, 2 * Math.PI);
    pen.strokeStyle = colour;
    pen.lineWidth = 2.5;
    pen.stroke();
  }
  function draw() {
    const [width, height] = size();
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const [kinds, colours] = [bytes("kinds"), model.get("colours")];
    points.forEach((_, i) => dot(pen, i, 3.2, colours[kinds[i]] || GREY));
    for (const i of model.get("here")) if (i < points.length) ring(pen, i, 7, "#000000");
    own().forEach((place) => star(pen, place));
    if (focused >= 0) ring(pen, focused, 10, "#d55e00");
  }
  function explain() {
    legend.replaceChildren();
    const entry = (name, colour) => {
      const item = make("li", legend);
      make("span", item).style.background = colour;
      item.appendChild(document.createTextNode(name));
    };
    model.get("groups").forEach((name, kind) => entry(name, model.get("colours")[kind] || GREY));
    if (bytes("kinds").includes(OTHER)) entry("other", GREY);
    if (model.get("own").length) make("li", legend).textContent = "✳ your sound, where its nearest chunks lie";
    canvas.setAttribute("aria-label", model.get("name"));
  }
  function nearest(x, y) {
    let [best, least] = [-1, Infinity];
    points.forEach((_, i) => {
      const [px, py] = where(i);
      const far = Math.hypot(px - x, py - y);
      if (far < least) [best, least] = [i, far];
    });
    return [best, least];
  }
  function focus(i) {
    focused = i;
    if (i >= 0) message.textContent = model.get("captions")[i];
    draw();
  }
  function at(event) {
    const edge = canvas.getBoundingClientRect();
    return nearest(event.clientX - edge.left, event.clientY - edge.top);
  }
  function choose(i) {
    model.set("clicked", [i, model.get("clicked")[1] + 1]);
    model.save_changes();
  }
  function step(dx, dy) {
    // the nearest point that lies more in this direction than to its side
    const [x, y] = where(focused);
    let [best, least] = [-1, Infinity];
    points.forEach((_, i) => {
      const [ahead, aside] = [(where(i)[0] - x) * dx + (where(i)[1] - y) * dy, (where(i)[0] - x) * dy + (where(i)[1] - y) * dx];
      const far = ahead + 2 * Math.abs(aside);
      if (ahead > 0.5 && ahead >= Math.abs(aside) && far < least) [best, least] = [i, far];
    });
    if (best >= 0) focus(best);
  }
  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("mousemove", (event) => {
    const [i, far] = at(event);
    if (far <= REACH && i !== focused) focus(i);
  });
  canvas.addEventListener("click", (event) => {
    const [i, far] = at(event);
    if (far > REACH) return;
    focus(i);
    choose(i);
  });
  canvas.addEventListener("keydown", (event) => {
    if (!points.length || !(event.key in KEYS || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
    if (focused < 0) return focus(model.get("here")[0] ?? 0);
    if (event.key in KEYS) return step(...KEYS[event.key]);
    choose(focused);
  });
  const watcher = new ResizeObserver(draw);
  watcher.observe(canvas);
  model.on("change:places", load);
  model.on("change:here", draw);
  model.on("change:groups change:colours change:kinds change:name change:own", () => (explain(), draw()));
  explain();
  load();
  return () => watcher.disconnect();
}

export default { render };
