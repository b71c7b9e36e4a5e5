// The switch for "I don't know this", with its rate: the share of known items that may be answered so. Kept in the browser.

const KEY = "insitu-unknown";
const FEWEST = 3; // examples of a class, on average: of two that look alike, every other thing is unlike both

export class UnknownSwitch {
  #on;
  #rate;
  #section;

  /** `changed()` is called when the user changes it. */
  constructor({ section, on, rate }, changed) {
    this.#section = section;
    this.#on = on;
    this.#rate = rate;
    const [isOn, kept] = (localStorage.getItem(KEY) ?? "1 0.05").split(" ");
    on.checked = isOn === "1";
    rate.value = kept;
    for (const each of [on, rate]) {
      each.addEventListener("change", () => {
        localStorage.setItem(KEY, `${on.checked ? 1 : 0} ${rate.value}`);
        rate.disabled = !on.checked;
        changed();
      });
    }
    rate.disabled = !on.checked;
  }

  /** Hide the switch where a memory has no familiarity. */
  show(familiarity) {
    this.#section.hidden = !familiarity;
  }

  /** Familiarity below which an item is unknown; 0 where the switch is off, or too little was taught of each class. */
  rateFor(classes) {
    const enough = classes.reduce((sum, { examples }) => sum + examples, 0) >= FEWEST * classes.length;
    return this.#on.checked && enough && !this.#section.hidden ? Number(this.#rate.value) : 0;
  }
}
