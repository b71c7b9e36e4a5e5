// The switch for "I don't know this", with its rate: the share of known items that may be answered so. Kept in the browser.

const KEY = "insitu-unknown";

export class UnknownSwitch {
  #on;
  #rate;

  /** `changed()` is called when the user changes it. */
  constructor({ on, rate }, changed) {
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

  /** Familiarity below which an item is unknown; 0 where the switch is off. */
  get rate() {
    return this.#on.checked ? Number(this.#rate.value) : 0;
  }
}
