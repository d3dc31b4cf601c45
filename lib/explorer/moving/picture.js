// A picture over time with a cursor where its player is; a click sends the player there.
function render({ model, el }) {
  const frame = make("div", el, "study-picture");
  const image = make("img", frame);
  const cursor = make("div", frame, "cursor");
  let at_s = 0;

  function place() {
    const [left, right] = [model.get("left"), model.get("right")];
    cursor.style.left = `${100 * (left + (right - left) * Math.min(1, at_s / model.get("seconds")))}%`;
  }
  function moved({ detail }) {
    if (detail.channel !== model.get("channel")) return;
    at_s = detail.at_s;
    place();
  }
  function draw() {
    image.alt = model.get("alternative");
    image.src = model.get("picture");
    place();
  }
  frame.addEventListener("click", (event) => {
    const edge = frame.getBoundingClientRect();
    const [left, right] = [model.get("left"), model.get("right")];
    const part = ((event.clientX - edge.left) / edge.width - left) / (right - left);
    const detail = { channel: model.get("channel"), at_s: Math.min(Math.max(part, 0), 1) * model.get("seconds") };
    document.dispatchEvent(new CustomEvent("study-go", { detail }));
  });
  document.addEventListener("study-at", moved);
  model.on("change:picture change:alternative change:seconds", draw);
  draw();
  return () => document.removeEventListener("study-at", moved);
}

export default { render };
