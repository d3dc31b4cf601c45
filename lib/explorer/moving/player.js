// A sound; every picture of it on the page is notified where in it one listens.
function render({ model, el }) {
  const audio = make("audio", make("div", el, "study-player"));
  audio.controls = true;
  audio.preload = "auto";
  let moving = 0;

  function notify() {
    document.dispatchEvent(new CustomEvent("study-at", { detail: { channel: model.get("channel"), at_s: audio.currentTime } }));
  }
  function follow() {
    notify();
    moving = audio.paused ? 0 : requestAnimationFrame(follow);
  }
  function go(at_s) {
    audio.currentTime = at_s;
    notify();
  }
  function sound() {
    audio.src = model.get("sound");
    go(model.get("at_s"));
  }
  function name() {
    audio.setAttribute("aria-label", model.get("name"));
  }
  function play() {
    go(model.get("at_s"));
    if (model.get("play")) audio.play().catch(() => {}); // a browser may refuse before the first click
  }
  function jump({ detail }) {
    if (detail.channel === model.get("channel")) go(detail.at_s);
  }
  audio.addEventListener("play", () => moving || follow());
  audio.addEventListener("seeked", notify);
  document.addEventListener("study-go", jump);
  model.on("change:sound", sound);
  model.on("change:at_s", () => go(model.get("at_s")));
  model.on("change:name", name);
  model.on("change:play", play);
  sound();
  name();
  return () => {
    cancelAnimationFrame(moving);
    document.removeEventListener("study-go", jump);
  };
}

export default { render };
