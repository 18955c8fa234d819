/** The rating page: 1 to 4 choose, Enter sends, S puts aside. */

import "../styles/listen.css";
import "../styles/judge.css";
import "../elements/player";
import { announceMissing, announceReadiness, press, sendIfComplete } from "../elements/answers";
import { bindShortcuts, playerBindings } from "../elements/shortcuts";
import { bindTurns, loadAhead } from "../elements/turn";

const choose = (key: string) => (): boolean => press(document, `input[data-key="${key}"]`);

bindShortcuts(document, {
  ...playerBindings(document),
  ...Object.fromEntries(["1", "2", "3", "4"].map((key) => [key, choose(key)])),
  Enter: () => sendIfComplete(document),
  s: () => press(document, "button[name=skip]"),
});
announceMissing(document);
announceReadiness(document);
bindTurns(document, () => {
  void document.querySelector("earmark-player")?.play();
  void loadAhead(document);
});
void loadAhead(document);
