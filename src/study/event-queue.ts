/** A queue of events for one consumer, who takes all that have come. */
export class EventQueue<Event> {
  #events: Event[] = [];
  #wake: (() => void) | undefined;

  put(event: Event): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** All events since the last call; waits for one where there is none. */
  async take(): Promise<Event[]> {
    while (this.#events.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
