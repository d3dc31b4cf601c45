// A sound, its picture over time, and a cursor between the two.
function render({ model, el }) {
  const box = make("div", el, "study-player");
  const audio = make("audio", box);
  const frame = make("div", box, "picture");
  const image = make("img", frame);
  const cursor = make("div", frame, "cursor");
  audio.controls = true;
  audio.preload = "auto";
  let moving = 0;

  function place() {
    const part = Math.min(1, audio.currentTime / model.get("seconds"));
    const [left, right] = [model.get("left"), model.get("right")];
    cursor.style.left = `${100 * (left + (right - left) * part)}%`;
  }
  function follow() {
    place();
    moving = audio.paused ? 0 : requestAnimationFrame(follow);
  }
  function sound() {
    audio.src = model.get("sound");
    place();
  }
  function told() {
    audio.setAttribute("aria-label", model.get("name"));
    image.alt = model.get("alternative");
    image.src = model.get("picture");
  }
  function play() {
    if (model.get("play")) audio.play().catch(() => {}); // a browser may refuse before the first click
  }
  audio.addEventListener("play", () => moving || follow());
  audio.addEventListener("seeked", place);
  frame.addEventListener("click", (event) => {
    const edge = frame.getBoundingClientRect();
    const [left, right] = [model.get("left"), model.get("right")];
    const part = ((event.clientX - edge.left) / edge.width - left) / (right - left);
    audio.currentTime = Math.min(Math.max(part, 0), 1) * model.get("seconds");
  });
  model.on("change:sound", sound);
  model.on("change:picture change:name change:alternative", told);
  model.on("change:play", play);
  sound();
  told();
  return () => cancelAnimationFrame(moving);
}

export default { render };
