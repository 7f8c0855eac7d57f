// Talks to the compiler in its worker: one request at a time, and of those that wait only the newest.

export class Engine {
  // answered(answer, request), failed(text) and busy(whether) are called as things happen.
  constructor({answered, failed, busy}) {
    Object.assign(this, {answered, failed, busy, id: 0, waiting: null, running: null, files: new Map()});
    this.start();
  }

  start() {
    this.ready = false;
    this.worker = new Worker("worker.js");
    this.worker.onmessage = ({data}) => this.receive(data);
    this.worker.onerror = event => this.fail(event.message || "the compiler does not start");
  }

  draw(request) {
    this.waiting = request;
    this.next();
  }

  // encode returns the last drawing as a file, as a promise of its bytes.
  encode(format) {
    return new Promise((resolve, reject) => {
      const id = ++this.id;
      this.files.set(id, data => typeof data === "string" ? reject(new Error(data)) : resolve(data));
      this.worker.postMessage({id, format});
    });
  }

  // stop gives up what runs, and begins with a new compiler.
  stop() {
    this.worker.terminate();
    this.running = null;
    this.files.clear();
    this.quiet();
    this.start();
  }

  next() {
    if (!this.ready || this.running || !this.waiting) return;
    this.running = this.waiting;
    this.waiting = null;
    this.worker.postMessage({id: ++this.id, request: this.running});
    this.timer = setTimeout(() => this.busy(true), 1500);
  }

  quiet() {
    clearTimeout(this.timer);
    this.busy(false);
  }

  receive(data) {
    if (data.ready) {
      this.ready = true;
    } else if (data.failed) {
      this.fail(data.failed);
      return;
    } else if ("file" in data) {
      this.files.get(data.id)?.(data.file);
      this.files.delete(data.id);
    } else {
      const request = this.running;
      this.running = null;
      this.quiet();
      this.answered(data.answer, request);
    }
    this.next();
  }

  fail(text) {
    this.failed(text);
    if (this.ready) this.stop(); // one that never started would not start again
  }
}
