/** The page of one clip. */

import "../styles/listen.css";
import "../elements/player";
import { bindNeighbours } from "../elements/neighbours";
import { bindShortcuts, playerBindings } from "../elements/shortcuts";

bindShortcuts(document, { ...playerBindings(document), ...bindNeighbours(document) });
