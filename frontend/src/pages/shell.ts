/** The script and the styles of every page: theme, account menu, toasts, running jobs, local times. */

import "../styles/tokens.css";
import "../styles/page.css";
import "../styles/shell.css";
import "../styles/forms.css";
import "../styles/tables.css";
import "../styles/pipeline.css";
import { watchJobs } from "../elements/job-pill";
import { closeMenusOutside } from "../elements/menus";
import { localTimes } from "../elements/local-times";
import { bindThemeSwitch } from "../elements/theme";
import { bindToasts } from "../elements/toasts";

bindThemeSwitch(document);
closeMenusOutside(document);
bindToasts(document);
localTimes(document);
watchJobs(document);
