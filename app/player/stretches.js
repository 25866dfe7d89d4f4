// Buttons that play the sounds they carry: [data-sound] its own, [data-all] all of them one after the other. One sounds at
// a time, and no player beside it. Pressing what plays stops it. `element` and `watch` are Gradio's.

const PAUSE_MILLISECONDS = 150; // between sounds played one after the other, as in the player

let playing = null; // { button, left, audio, timer }

function stopStretches() {
  if (!playing) return;
  clearTimeout(playing.timer);
  if (playing.audio) playing.audio.pause();
  playing.button.setAttribute("aria-pressed", "false");
  playing = null;
}

function playNext(request) {
  if (playing !== request) return;
  const audio = new Audio(request.left.shift());
  request.audio = audio;
  audio.addEventListener("ended", () => {
    if (playing !== request) return;
    if (request.left.length) request.timer = setTimeout(() => playNext(request), PAUSE_MILLISECONDS);
    else stopStretches();
  });
  audio.play().catch(() => playing === request && stopStretches());
}

element.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-sound], button[data-all]");
  if (!button) return;
  const again = playing && playing.button === button;
  stopStretches();
  if (again) return;
  const sources = "all" in button.dataset ? [...element.querySelectorAll("[data-sound]")] : [button];
  playing = { button, left: sources.map((each) => each.dataset.sound) };
  button.setAttribute("aria-pressed", "true");
  element.dispatchEvent(new CustomEvent("playitback:started", { bubbles: true, detail: { kind: "stretch" } }));
  playNext(playing);
});
document.addEventListener("playitback:started", (event) => event.target !== element && stopStretches());
watch("value", stopStretches);
