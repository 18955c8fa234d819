/** The voting page: Y and N answer the marked question, 1 to 3 mark one, Enter sends, S puts aside. */

import "../styles/listen.css";
import "../styles/judge.css";
import "../elements/player";
import { announceMissing, announceReadiness, Ballot, press, sendIfComplete } from "../elements/answers";
import { bindShortcuts, playerBindings } from "../elements/shortcuts";
import { bindTurns, loadAhead } from "../elements/turn";

const ballot = new Ballot(document);

bindShortcuts(document, {
  ...playerBindings(document),
  y: () => ballot.answer("yes"),
  n: () => ballot.answer("no"),
  ...Object.fromEntries(
    ["1", "2", "3"].map((key, index) => [key, () => ballot.ask(ballot.questions[index])]),
  ),
  Enter: () => sendIfComplete(document),
  s: () => press(document, "button[name=skip]"),
});
document.addEventListener("change", (event) => {
  if (event.target instanceof Element && event.target.closest("#turn fieldset[data-question]")) ballot.ask();
});
announceMissing(document);
announceReadiness(document);
bindTurns(document, () => {
  ballot.ask();
  void document.querySelector("earmark-player")?.play();
  void loadAhead(document);
});
ballot.ask();
void loadAhead(document);
