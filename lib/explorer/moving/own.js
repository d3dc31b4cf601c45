// A file, or what the microphone hears as a WAV file, because a browser's own recording cannot be read everywhere.
function wav(parts, rate) {
  const samples = parts.reduce((sum, part) => sum + part.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const text = (at, words) => [...words].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // plain samples
  view.setUint16(22, 1, true); // of one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples, true);
  let at = 44;
  for (const part of parts)
    for (const value of part) {
      view.setInt16(at, Math.round(32767 * Math.min(1, Math.max(-1, value))), true);
      at += 2;
    }
  return view;
}

function render({ model, el }) {
  const box = make("div", el, "study-own");
  const choose = make("button", box);
  const file = make("input", box);
  const button = make("button", box);
  const message = make("span", box);
  message.setAttribute("aria-live", "polite");
  choose.textContent = "Choose a sound file";
  file.type = "file";
  file.accept = "audio/*";
  file.hidden = true;
  let running = null;

  function send(name, content) {
    model.set({ name, content, number: model.get("number") + 1 });
    model.save_changes();
  }
  async function chosen() {
    const [one] = file.files;
    file.value = ""; // so that the same file can be chosen again
    if (!one) return;
    const most = model.get("largest_bytes");
    const size = (bytes) => `${Math.round(bytes / 1e6)} MB`;
    if (one.size > most) {
      message.textContent = `${one.name} was not sent: it has ${size(one.size)}, and ${size(most)} are the most that is taken`;
      return;
    }
    message.textContent = "";
    try {
      send(one.name, new DataView(await one.arrayBuffer()));
    } catch (error) {
      message.textContent = `${one.name} cannot be read: ${error.message}`;
    }
  }
  function rest(words) {
    button.textContent = "Record a sound";
    message.textContent = words;
  }
  async function start() {
    if (!navigator.mediaDevices) return rest("no microphone here: a browser gives it to https and localhost alone");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      return rest(`no microphone: ${error.message}`);
    }
    const context = new AudioContext();
    const source = context.createMediaStreamSource(stream);
    const tap = context.createScriptProcessor(4096, 1, 1);
    const parts = [];
    tap.onaudioprocess = (event) => {
      parts.push(event.inputBuffer.getChannelData(0).slice());
      message.textContent = `${((parts.length * 4096) / context.sampleRate).toFixed(1)} s`;
    };
    source.connect(tap);
    tap.connect(context.destination);
    running = { stream, context, parts, timer: setTimeout(stop, 1000 * model.get("longest_s")) };
    button.textContent = "Stop";
  }
  function stop() {
    const { stream, context, parts, timer } = running;
    running = null;
    clearTimeout(timer);
    stream.getTracks().forEach((track) => track.stop());
    const rate = context.sampleRate;
    context.close();
    if (!parts.length) return rest("nothing was recorded");
    send("recording.wav", wav(parts, rate));
    rest("recorded");
  }
  choose.addEventListener("click", () => file.click());
  file.addEventListener("change", chosen);
  button.addEventListener("click", () => (running ? stop() : start()));
  rest("");
  return () => running && stop();
}

export default { render };
